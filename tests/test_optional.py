"""Parts that need packages beyond the dependencies: the package does without, and says what is missing."""

import subprocess
import sys

# The same where PyTorch is installed.
HIDDEN = """
import importlib.abc, sys
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_does_not_load_pytorch():
    done = run("import sys, dsptrack, dsptrack.nn; print('torch' in sys.modules, 'dsptrack.torch' in sys.modules)")
    assert done.stdout.strip() == "False False", done.stderr


def test_without_pytorch_the_message_says_what_to_install():
    done = run(HIDDEN + "import dsptrack as dt; dt.torch")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == 'ModuleNotFoundError: dsptrack.torch needs PyTorch: pip install "dsptrack[torch]"'


def test_star_imports_do_without_pytorch():
    done = run(HIDDEN + "from dsptrack import *; print(AnalogTile.__name__)")
    assert done.stdout.strip() == "AnalogTile", done.stderr
