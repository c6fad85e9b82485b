# Two commands, each doing all of its own set-up:
#   make train [ARCH=lstm] [ARGS="--epochs 3 --seed 1"]
#   make test  [ARGS="-k gradient"]
ARCH ?= lstm
ARGS ?=
PYTHON ?= python3
BIN = .venv/bin

.PHONY: train test check

train: .venv/train-installed
	$(BIN)/python -m scratchnn.train --arch $(ARCH) $(ARGS)

test: .venv/test-installed
	$(BIN)/python -m pytest $(ARGS)

check: .venv/dev-installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

# .venv/X-installed records that the extra X was installed since pyproject.toml last changed.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/train-installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/%-installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	@touch $@
