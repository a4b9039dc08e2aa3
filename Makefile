# Two commands matter: `make run` (the main job) and `make test` (everything that must hold).
# Both work on a fresh machine with Python >= 3.11, cargo and the package registries; a second run reuses the first's work.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_VENV := .venv-torch
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock pyproject.toml
CARGO := cargo
# Tests on all cores: each is independent of the others, of their order and of the process it runs in.
PARALLEL := -n auto --maxprocesses 8 --dist worksteal
WHEEL_OPTIONS := $(if $(filter Linux,$(shell uname -s)),--zig --compatibility manylinux2014)

.PHONY: help run test test-slow test-full test-torch dev lint fmt rust-test python-test stubs licences wheel test-wheel clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

run: dev  ## build, then train with every learning rule and compare them (the main job)
	$(BIN)/dsptrack compare

test: dev lint rust-test stubs python-test  ## every check and every test

dev: $(VENV)/.built  ## virtual environment with the extension built in release mode

$(VENV)/.tools: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	touch $@

$(VENV)/.built: $(VENV)/.tools $(RUST_SOURCES)
	. $(BIN)/activate && maturin develop --release --quiet
	touch $@

lint: $(VENV)/.tools  ## formatting and static checks
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

fmt: $(VENV)/.tools  ## format everything
	$(CARGO) fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

rust-test:  ## the core's own tests, without Python
	$(CARGO) test --locked --quiet -p dsp-core

stubs: dev  ## types: strict mypy, and the stub file against the compiled module
	$(BIN)/mypy
	MYPYPATH=python $(BIN)/stubtest dsptrack._core --ignore-disjoint-bases

python-test: dev  ## physics, laws, contracts, errors, documentation
	$(BIN)/python -m pytest -q $(PARALLEL)

test-slow: dev  ## minutes of statistics
	$(BIN)/python -m pytest -q -m slow $(PARALLEL)

test-torch: $(TORCH_VENV)/.built  ## dsptrack.torch, in an environment with PyTorch
	$(TORCH_VENV)/bin/python -m pytest -q tests/pytorch tests/test_docs.py tests/test_public_api.py -k "torch"

# PyTorch's own index has smaller wheels, for the CPU alone; where it cannot be reached pip takes what PyPI has.
$(TORCH_VENV)/.built: pyproject.toml $(RUST_SOURCES)
	test -x $(TORCH_VENV)/bin/python || $(PYTHON) -m venv $(TORCH_VENV)
	$(TORCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(TORCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --retries 1 \
	    --extra-index-url https://download.pytorch.org/whl/cpu torch
	$(TORCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --group dev
	. $(TORCH_VENV)/bin/activate && maturin develop --release --quiet --extras torch
	touch $@

test-full: dev  ## training on the full MNIST (DSPTRACK_DATA names its folder)
	$(BIN)/python -m pytest -q -m full_data

licences:  ## THIRD_PARTY.txt from the crates that are compiled in
	$(PYTHON) tools/third_party.py

# Built as usual it would need this machine's glibc (2.34 for pthread_create); zig links against that of manylinux2014.
wheel: $(VENV)/.tools  ## the wheel (CPython 3.11 and newer) and the source distribution, in dist/
	$(BIN)/python tools/third_party.py --check
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group wheel
	rm -rf dist
	. $(BIN)/activate && maturin build --release $(WHEEL_OPTIONS) --out dist
	. $(BIN)/activate && maturin sdist --out dist

test-wheel: $(VENV)/.built  ## install the wheel of dist/ without a compiler, run the main job
	$(BIN)/python -m pytest -q -m wheel

clean:  ## remove everything that was built
	rm -rf $(VENV) $(TORCH_VENV) target dist
