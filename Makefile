# What a person or a machine does in this checkout; `make` alone lists it.
# Needs make and Python 3.11 or later; everything else is installed into .venv.

VENV := .venv
BIN := $(VENV)/bin

# The first Python on the PATH that is new enough, runs, and can make an environment.
IS_USABLE := import ensurepip, sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c '$(IS_USABLE)' 2>/dev/null && echo $$python && break; done)
CORES := $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
SLOTS ?= $(shell echo $$(( $(CORES) < 8 ? $(CORES) : 8 )))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

PICTURES ?= docs/pictures

.PHONY: help demo test lint bench bench-search bench-charts bench-terminal pictures docs clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 19

# The programs of the sweep are started as `python`: that of .venv.
demo: export PATH := $(CURDIR)/$(BIN):$(PATH)
demo: export HOMERUN_HOME := $(CURDIR)/demo-out/home
demo: $(VENV)/installed-examples ## run a real sweep and show its best runs
	@bash examples/digits/demo.sh $(SLOTS)

test: lint ## check the code, then run all tests on all cores
	$(BIN)/python -m pytest -n $(CORES)

lint: $(VENV)/installed-dev ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed-examples ## measure against other trackers, into benchmarks/results.md
	$(BIN)/python benchmarks/run.py

bench-charts: $(VENV)/installed-examples ## measure against other charts, into benchmarks/charts_results.md
	$(BIN)/python benchmarks/charts.py

bench-search: $(VENV)/installed-examples ## measure against other searches, into benchmarks/search_results.md
	$(BIN)/python benchmarks/search.py

bench-terminal: $(VENV)/installed-dev ## measure the terminal: ls, top, --help, completion
	$(BIN)/python benchmarks/terminal.py

pictures: $(VENV)/installed-dev ## make the pictures of the documentation from a real sweep
	$(BIN)/python docs/pictures.py $(PICTURES)

docs: $(VENV)/installed-dev ## run every code block of README.md and docs/
	$(BIN)/python -m pytest tests/test_docs.py

clean: ## remove .venv, demo-out and all caches
	rm -rf $(VENV) demo-out build dist .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find src tests examples benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@"$(PYTHON)" -c '$(IS_USABLE)' 2>/dev/null || { echo "No Python 3.11 or later with venv was \
	found$(if $(PYTHON), as $(PYTHON)); install one (Debian: python3-venv) or name it: \
	make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv --clear $(VENV)

$(VENV)/installed-examples: pyproject.toml | $(BIN)/python
	@echo "Installing homerun and what the example needs into $(VENV)"
	@$(PIP) --editable '.[examples]'
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing homerun and what its tests need into $(VENV)"
	@$(PIP) --editable '.[dev,examples]'
	@touch $(VENV)/installed-examples $@
