.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check format lint types test-all bench soak schema breaking lock clean

# The first Python that is new enough; choose another with `make run PYTHON=…`.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done; true)
# All supported Pythons on this machine, as installed by pyenv and Debian.
PYTHONS ?= $(shell for v in 3.11 3.12 3.13 3.14; do \
	for p in python$$v $$HOME/.pyenv/versions/$$v.*/bin/python; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done; done; true)
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000
BASE ?= $(shell git describe --tags --abbrev=0 2>/dev/null || echo HEAD)
PIP := -m pip install --quiet --disable-pip-version-check

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/run ## set everything up, load a demo marketplace, serve it (PORT=8000)
	$(BIN)/candor serve --demo --port $(PORT)

test: $(VENV)/test ## run the whole suite, on SQLite and on a real PostgreSQL
	$(BIN)/python -m pytest $(TESTS)

check: format lint types test ## what CI runs: format, lint, types and the whole suite

format: $(VENV)/check ## check the format
	$(BIN)/ruff format --check .

lint: $(VENV)/check ## check the lint rules
	$(BIN)/ruff check .

types: $(VENV)/check ## check the types
	$(BIN)/mypy

test-all: ## run the suite on each supported Python that this machine has, before a release
	@test -n "$(PYTHONS)" || { echo "Candor needs Python 3.11 or newer."; exit 1; }
	@set -e; for p in $(PYTHONS); do \
	  v=$$($$p -c 'import sys; print("%d.%d" % sys.version_info[:2])'); echo "== Python $$v"; \
	  $(MAKE) --no-print-directory test PYTHON=$$p VENV=.venv-$$v; done

bench: $(VENV)/test ## compare speed with endpoints written by hand (QUICK=1, KEEP=folder)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/run.py $(if $(QUICK),--quick) $(if $(KEEP),--keep $(KEEP))

soak: $(VENV)/test ## let a server work for ten minutes, and look for what grows (MINUTES=10)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/soak.py $(if $(MINUTES),--minutes $(MINUTES))

schema: $(VENV)/run ## print the schema into schema.graphql
	$(BIN)/candor schema > schema.graphql

breaking: $(VENV)/run ## list what breaks clients of the last release (BASE=any revision)
	git show $(BASE):schema.graphql | $(BIN)/candor schema --against -

lock: $(VENV)/check ## update the lock files, from releases that are at least a week old
	@set -e; $(foreach extra,run test check,$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --exclude-newer "7 days" \
	  --extra $(if $(filter run,$(extra)),build,$(extra)) pyproject.toml -o requirements/$(extra).txt;)

clean: ## remove everything that the other targets created
	rm -rf .venv .venv-* .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis

# One stamp per set of packages: run is part of test, test is part of check.
$(VENV)/run $(VENV)/test $(VENV)/check: $(VENV)/%: requirements/%.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Candor needs Python 3.11 or newer."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments (Debian: python3-venv)."; exit 1; }
	$(BIN)/python $(PIP) --no-deps --require-hashes -r $<
	$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@
