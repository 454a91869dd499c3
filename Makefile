# Everything starts here; `make` alone lists the targets. Only python3 >= 3.11, make and the registries are needed.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml
# A tree that was moved or copied gets a new environment: its scripts name the old place.
INSTALLED := .venv/installed-$(shell pwd | cksum | cut -d ' ' -f 1)

.PHONY: help install up demo test check evaluate bench bench-full chaos contracts format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## everything into .venv, with the locked versions

$(INSTALLED): requirements-dev.lock pyproject.toml deploy/bootstrap.py
	@echo "installing into .venv …"
	@$(PYTHON) deploy/bootstrap.py .venv
	@$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

up: install ## run the desk on this machine; Ctrl-C stops it
	@exec $(BIN)/daybook up

demo: install ## run the desk with a simulated month of several clients played in; Ctrl-C stops it
	@exec $(BIN)/daybook demo

test: install ## everything that must pass, real servers included
	$(BIN)/pytest --numprocesses 2 --dist loadfile

check: install ## ruff, mypy, the house rules, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --quiet tests/test_tidy.py
	$(BIN)/daybook contracts check

evaluate: install ## what triage and the radar reach on labelled data and in the simulator, with intervals (ONLY=tone)
	$(BIN)/python -m tests.evaluate $(if $(ONLY),--only $(ONLY))

bench: install ## the figures of the goals, measured on this machine (ONLY=G1,G2)
	$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

bench-full: install ## the same with a million events, and growth to three million; takes hours (ONLY=G16)
	$(BIN)/python -m tests.bench --full $(if $(ONLY),--only $(ONLY))

chaos: install ## ten minutes of faults against a whole desk, then everything compared (MINUTES, SEED)
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

contracts: install ## write the generated schemas, AsyncAPI and OpenAPI anew
	$(BIN)/daybook contracts write

format: install ## format the Python sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install ## resolve the dependencies of pyproject.toml anew
	$(LOCK) --output-file requirements.lock
	$(LOCK) --extra dev --extra parquet --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove .venv and caches; the desk's data stays
	rm -rf .venv *.egg-info build .pytest_cache .mypy_cache .ruff_cache .hypothesis
