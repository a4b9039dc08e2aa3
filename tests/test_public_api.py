"""The package as a user meets it: names, documentation that runs, sizes of files, a quick import."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import dsptrack as dt
from dsptrack import _core

ROOT = Path(__file__).parents[1]
SOFT_CAP, HARD_CAP = 400, 700
# Files over the soft cap, each with the reason why splitting it would hurt.
LONG_FILES: dict[str, str] = {}

# Optional: `make test-torch` has PyTorch.
LEFT_OUT = ("dsptrack.__main__", *(() if find_spec("torch") else ("dsptrack.torch",)))
MODULES = sorted(
    info.name for info in pkgutil.walk_packages(dt.__path__, "dsptrack.") if not info.name.startswith(LEFT_OUT)
)
PUBLIC_MODULES = ["dsptrack", *(name for name in MODULES if not re.search(r"\._", name))]


def public_objects():
    """Every class and function that a public module exports, by its full name; each once, under its shortest name."""
    found = {}
    for module in sorted(PUBLIC_MODULES, key=len):
        loaded = importlib.import_module(module)
        for name in getattr(loaded, "__all__", ()):
            value = getattr(loaded, name)
            if (inspect.isclass(value) or inspect.isroutine(value)) and value.__module__.startswith("dsptrack"):
                found.setdefault(value, f"{module}.{name}")
    return {name: value for value, name in found.items()}


OBJECTS = public_objects()


def members(cls):
    """Public methods and properties that dsptrack itself defines on a class."""
    for base in cls.__mro__:
        if base.__module__.startswith("dsptrack"):
            for name, value in vars(base).items():
                if not name.startswith("_") and (inspect.isroutine(value) or isinstance(value, property)):
                    yield name, value


def assert_summary(name, doc):
    assert doc, f"{name} has no docstring"
    lines = doc.strip().splitlines()
    assert lines[0].endswith("."), f"{name}: the summary is not one line ending with a full stop: {lines[0]!r}"
    assert len(lines) == 1 or not lines[1].strip(), f"{name}: no blank line after the summary"


@pytest.mark.parametrize("name", list(OBJECTS))
def test_public_objects_are_documented(name):
    value = OBJECTS[name]
    assert_summary(name, vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__)
    assert ">>>" in value.__doc__, f"{name} has no example"
    if inspect.isclass(value):
        for member, attribute in members(value):
            assert_summary(f"{name}.{member}", inspect.getdoc(attribute))


@pytest.mark.parametrize("module", ["dsptrack", *MODULES])
def test_modules_are_documented(module):
    assert_summary(module, importlib.import_module(module).__doc__)


@pytest.mark.parametrize("module", ["dsptrack", *MODULES])
def test_examples_run(module, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    loaded = importlib.import_module(module)
    results = doctest.testmod(loaded, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


def test_exports():
    for module in PUBLIC_MODULES:
        loaded = importlib.import_module(module)
        exported = getattr(loaded, "__all__", [])
        assert len(set(exported)) == len(exported)
        for name in exported:
            assert hasattr(loaded, name), f"{module}.{name}"
    assert set(dt.__all__) <= set(dir(dt))
    with pytest.raises(AttributeError, match="no_such_thing"):
        dt.no_such_thing  # noqa: B018


def test_every_config_is_exported():
    kinds = {name for name, kind in dt.devices.Device._kinds.items() if not kind.__subclasses__()}
    no_kinds = {"Device", "Algorithm", "Description", "SampledDevice", "from_callables"}
    assert kinds == {*dt.devices.__all__, *dt.algorithms.__all__, "PulseUpdate", "Periphery"} - no_kinds


def test_versions():
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", dt.__version__)
    assert dt.STREAM_VERSION >= 1
    assert _core.isa() in _core.isa_levels()
    assert _core.default_num_threads() >= 1


def run(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_import_is_quick():
    heavy = ["matplotlib", "sklearn", "mlxtend", "tqdm", "pandas", "scipy", "dsptrack.nn", "dsptrack.datasets"]
    done = run("-W", "error", "-c", f"import sys, dsptrack; print([m for m in {heavy} if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_runs_as_a_module():
    done = run("-m", "dsptrack", "--version")
    assert done.returncode == 0, done.stderr
    assert dt.__version__ in done.stdout


@pytest.mark.parametrize("name", ["Config", "CrossbarArray", "Tile"])
def test_compiled_classes_are_frozen(name):
    cls = getattr(_core, name)
    device = dt.devices.ConstantStep()
    instance = {
        "Config": lambda: device._compiled,
        "CrossbarArray": lambda: dt.CrossbarArray((1, 1), device)._core,
        "Tile": lambda: dt.AnalogTile((1, 1), dt.algorithms.AnalogSGD(device=device))._core,
    }[name]()
    assert type(instance) is cls
    with pytest.raises(AttributeError):
        instance.extra = 1
    with pytest.raises(TypeError):
        type("Sub", (cls,), {})


def test_arrays_that_come_back_are_copies():
    array = dt.CrossbarArray((2, 2), dt.devices.SoftBounds(), rng=0)
    for values in (array.weights, *array.cell_parameters().values(), array.symmetric_point()):
        assert values.dtype == np.float32
        assert values.flags.c_contiguous
        values[:] = 7
    assert not np.any(array.weights == 7)
    assert not np.any(array.symmetric_point() == 7)


def test_the_package_is_typed():
    package = Path(dt.__file__).parent
    assert (package / "py.typed").is_file()
    assert (package / "_core.pyi").is_file()


def source_files():
    for folder, pattern in (("crates", "*.rs"), ("python", "*.py*"), ("tests", "*.py"), ("benches", "*.py")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            if path.suffix in {".rs", ".py", ".pyi"}:
                yield path


@pytest.mark.parametrize("path", list(source_files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= HARD_CAP
    assert lines <= SOFT_CAP or str(path.relative_to(ROOT)) in LONG_FILES
