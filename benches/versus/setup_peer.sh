#!/bin/sh
# The peer, aihwkit 1.2.0 from its source distribution in its default build, in a virtual environment of its own.
#
#     benches/versus/setup_peer.sh [folder, default .peer-venv]
#
# Takes about six minutes of one core and 7 GB of disk: PyPI's torch comes with CUDA's libraries. TORCH_INDEX names another
# index for torch, such as one with CPU wheels. OpenBLAS's headers come from Debian's libopenblas-dev. A second run does nothing.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=${1:-$here/../../.peer-venv}
if [ -e "$venv/.built" ]; then
    exit 0
fi
if [ ! -e /usr/include/cblas.h ] && [ -z "$(find /usr/include -name cblas.h -print -quit)" ]; then
    apt-get update --quiet=2
    apt-get install --yes --quiet=2 libopenblas-dev
fi

test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
pip() { nice -n 19 "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
pip install --quiet ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "torch==2.15.0" "torchvision==0.29.2"
pip install --quiet "cmake==4.*,>=4.2.1" mypy ninja numpy protobuf "pybind11==3.*" "requests<3" scikit-build scikit-learn scipy "setuptools>=77" tqdm wheel

torch=$("$venv/bin/python" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parent)')
# One job: a second one saves a minute on two cores, and whatever else runs would lose it.
PATH="$(CDPATH='' cd -- "$venv/bin" && pwd):$PATH" \
CMAKE_BUILD_PARALLEL_LEVEL="${JOBS:-1}" \
SKBUILD_CONFIGURE_OPTIONS="-DTorch_DIR=$here/cmake -DPEER_TORCH=$torch" \
    pip install --no-build-isolation --no-binary aihwkit --no-cache-dir "aihwkit==1.2.0"
"$venv/bin/python" -c 'import torch, aihwkit; from aihwkit.simulator.tiles import AnalogTile; print("aihwkit", aihwkit.__version__, "torch", torch.__version__)'
touch "$venv/.built"
