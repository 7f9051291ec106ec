# Every target creates what it needs. `make demo` and `make test` are the two commands of the README.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-slow test-all nightly check bench docs setup clean

demo: .venv/train
	$(BIN)/regrowth demo

test: .venv/dev
	$(BIN)/pytest -m "not slow"

test-slow: .venv/dev
	$(BIN)/pytest -m slow

test-all: .venv/dev
	$(BIN)/pytest

nightly: .venv/dev
	REGROWTH_KILLS=1000 $(BIN)/pytest -m slow tests/e2e/test_kill.py --timeout 36000

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell README.md ARCHITECTURE.md CHANGELOG.md docs src tests benchmarks scripts examples

bench: .venv/dev
	$(BIN)/python -m benchmarks

docs: .venv/docs
	$(BIN)/mkdocs build --strict

setup: .venv/dev

clean:
	rm -rf .venv site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/train: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable ".[train]"
	touch $@

.venv/dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable ".[dev]"
	touch $@ .venv/train

.venv/docs: .venv/dev
	$(PIP) mkdocs-material
	touch $@
