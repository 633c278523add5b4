# Two commands: `make demo` and `make test`. They need python3 (3.11 or newer) and make.

PYTHON ?= python3
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PIP := .venv/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
PYTEST = .venv/bin/python -m pytest --maxschedchunk 1
export PYTHONUNBUFFERED = 1

.PHONY: help demo test lint bench clean

help:
	@echo "make demo    fill a company of its own and serve it on 127.0.0.1 (PORT, 8000)"
	@echo "make test    every test (ARGS=... goes to pytest)"
	@echo "make bench   the product beside the limit of its database (ARGS='--leads 1000000')"
	@echo "make lint    ruff, import-linter, mypy"
	@echo "make clean   remove .venv, and with it the installed packages; .data stays"

# `exec`: a signal sent to make then arrives at the product itself, which leaves nothing behind.
demo: .venv/product
	@exec .venv/bin/python manage.py demo

# Handed out one by one: at the end nobody waits for who has many left. One worker more than there are cores, for the
# browser's tests wait for pages more than they compute (tests/scheduling.py). Attacks come after them and by themselves:
# they measure how fast others are answered meanwhile.
test: .venv/tests
	@exec $(PYTEST) -n $(WORKERS) $(or $(ARGS),-m "not attack")
	@$(if $(ARGS),,exec $(PYTEST) -n 0 -m attack tests/attacks)

bench: .venv/tests
	@exec .venv/bin/python -m tests.bench $(ARGS)

lint: .venv/tests
	.venv/bin/ruff check --output-format concise .
	.venv/bin/ruff format --check --output-format concise .
	.venv/bin/lint-imports
	.venv/bin/mypy

clean:
	rm -rf .venv *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache staticfiles

# The stamps: what is installed stays until a requirement changes.
.venv/product: .venv/python pyproject.toml constraints.txt
	@echo "Installing the product ..."
	@$(PIP) -e .
	@touch $@

.venv/tests: .venv/python pyproject.toml constraints.txt
	@echo "Installing the product and its tests ..."
	@$(PIP) -e '.[test]'
	@touch $@ .venv/product

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@
