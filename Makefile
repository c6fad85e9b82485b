# Six commands, each doing all of its own set-up:
#   make train [ARCH=lstm] [ARGS="--epochs 3 --seed 1"]
#   make test  [ARGS="-k gradient"]     (a debugger needs one process: ARGS="-n 0 --pdb")
#   make long  [ARGS="-k keras"]        (the tests that are too long for every day)
#   make bench [ARGS="--quick"]         (over half an hour; TensorFlow, PyTorch and JAX go into .venv-bench)
#   make docs                           (docs/ as a site, in build/site; a warning is an error)
#   make check                          (ruff and pyright)
ARCH ?= lstm
ARGS ?=
PYTHON ?= python3
BIN = .venv/bin
# Tests on all cores. Each worker begins with a run of neighbours, so that what a module sets up is mostly set up once.
SHARED_OUT = -n auto --maxprocesses 8 --dist worksteal

.PHONY: train test long bench docs check

train: .venv/train-installed
	$(BIN)/python -m scratchnn.train --arch $(ARCH) $(ARGS)

test: .venv/test-installed
	$(BIN)/python -m pytest $(SHARED_OUT) $(ARGS)

long: .venv/test-installed
	$(BIN)/python -m tests.long_runs $(SHARED_OUT) $(ARGS)

bench: .venv-bench/installed
	.venv-bench/bin/python -m benchmarks.bench $(ARGS)

docs: .venv/docs-installed
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs build/site
	@echo "open build/site/index.html"

check: .venv/dev-installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

# .venv/X-installed records that the extra X was installed since pyproject.toml last changed.
.venv/bin/python:
	$(PYTHON) -m venv .venv || { rm -rf .venv; false; }

# With the pictures of a run, and all that README shows to do with one.
.venv/train-installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[study]"
	@touch $@

.venv/%-installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	@touch $@

# An environment of its own: the peers weigh more than a gigabyte, and nothing else needs them.
.venv-bench/installed: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e ".[bench]"
	@touch $@
