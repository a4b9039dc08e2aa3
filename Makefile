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

.PHONY: help run test test-slow test-full test-torch dev lint fmt rust-test python-test stubs licences wheel test-wheel docs \
    bench bench-check versus fuzz soak memcheck aarch64 deny clean

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

# Speed: what docs/performance.md reports. ISA levels by DSPTRACK_ISA=base|v3|v4.
bench:  ## rates of the kernels on one thread, and their shares of the rate of normals
	$(CARGO) bench --locked --quiet -p dsp-core --bench kernels
	$(CARGO) bench --locked --quiet -p dsp-core --bench shares

bench-check:  ## instructions of the kernels against benches/instructions.json (needs valgrind)
	$(PYTHON) benches/instructions.py

# PEER names another folder for the peer's environment, which is made once (six minutes).
PEER := .peer-venv
versus: dev  ## the work of the table on dsptrack and on aihwkit, side by side
	benches/versus/setup_peer.sh $(PEER)
	$(BIN)/python benches/versus --peer $(PEER)/bin/python --markdown docs/performance/versus.md \
	    --json docs/performance/versus.json

docs: dev $(VENV)/.sphinx  ## the documentation site, in docs/_build/index.html; a warning is an error
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build

$(VENV)/.sphinx: $(VENV)/.tools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	touch $@

# Trust: what docs/reliability.md reports. CASES, MINUTES and MEMCHECK may be given on the command line.
CASES := 100000
MINUTES := 20
HELPERS := PYTHONPATH=tests $(BIN)/python -m

fuzz: dev  ## every public entry with CASES random arguments (half an hour)
	$(HELPERS) helpers.fuzz --cases $(CASES) --report target/fuzz.json

soak: dev  ## train, snapshot, kill and resume for MINUTES
	$(HELPERS) helpers.soak --minutes $(MINUTES)

# Those with statistics over millions of draws, and those that search for functions' errors, would take hours.
MEMCHECK := --skip _error --skip law --skip tails --skip exact --skip probability
memcheck:  ## the core's tests under valgrind, at the AVX2 level
	$(CARGO) test --locked --quiet -p dsp-core --lib --no-run
	DSPTRACK_ISA=v3 valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
	    $$($(CARGO) test --locked -p dsp-core --lib --no-run 2>&1 | sed -nE 's/.*\((.*)\)$$/\1/p') \
	    --test-threads 1 $(MEMCHECK)

# Needs `rustup target add aarch64-unknown-linux-gnu` and Debian's qemu-user and gcc-aarch64-linux-gnu.
ARM := --target aarch64-unknown-linux-gnu
aarch64: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER := aarch64-linux-gnu-gcc
aarch64: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER := qemu-aarch64 -L /usr/aarch64-linux-gnu
aarch64:  ## the core's bits against those of this machine, and its tests under emulation (as for memcheck)
	mkdir -p target
	$(CARGO) run --locked --quiet -p dsp-core --example digest > target/digest.here
	$(CARGO) run --locked --quiet -p dsp-core --example digest $(ARM) > target/digest.aarch64
	diff target/digest.here target/digest.aarch64
	$(CARGO) test --locked -p dsp-core --lib $(ARM) -- $(MEMCHECK)

deny:  ## licences and sources of the crates (needs cargo-deny); known defects where the network has the database
	cargo-deny --offline check licenses bans sources
	-cargo-deny check advisories

clean:  ## remove everything that was built
	rm -rf $(VENV) $(TORCH_VENV) target dist docs/_build
