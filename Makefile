# Every target makes sure that .venv matches requirements.lock, then calls a tool by its own name.
# With .venv/bin in PATH you can call the tools yourself: `dvc repro`, `snakemake ablations`, `pytest`.

PYTHON ?= python3
PORT ?= 5000

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help repro ablations test lint deps ui lock clean

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv
# A graph is a hundred processes: without byte code each of them compiles its imports (5 s instead of 2 for torch).
unexport PYTHONDONTWRITEBYTECODE

# The lock file as it was installed: written last, so that an interrupted set-up is done again.
INSTALLED := .venv/installed.lock

# Everything that the pipeline and its tests make, but for the environment and what was downloaded.
MADE := $(filter-out runs/downloads,$(wildcard runs/*)) mlflow reports/sample .snakemake .dvc/cache .dvc/tmp \
	.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# DVC writes its locks in place: killed meanwhile it leaves half a file, and then refuses to start.
UNLOCK := python -m pipeline unlock

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

repro: $(INSTALLED) ## the study at the presets of params.yaml, from data to report (dvc repro)
	@$(UNLOCK)
	dvc repro

ablations: $(INSTALLED) ## Tables V and VI: the data that they need (DVC), then `snakemake ablations`
	@$(UNLOCK)
	dvc repro pack features weights
	snakemake ablations

test: $(INSTALLED) ## the test suite (pytest)
	pytest -n auto --dist loadgroup

lint: $(INSTALLED) ## style, types, the arrows between packages, the Snakefile
	ruff check
	ruff format --check
	mypy
	lint-imports
	snakefmt --check Snakefile rules
	snakemake --lint

deps: $(INSTALLED) ## stages/dvc.yaml: which code each stage depends on, after a change of imports
	python -m pipeline deps

ui: $(INSTALLED) ## all runs in MLflow at http://127.0.0.1:5000; PORT=n for another port
	@echo "open http://127.0.0.1:$(PORT)/#/experiments/1/runs?workflowType=machine_learning"; \
	uri=$$(python -m pipeline store); \
	MLFLOW_DISABLE_TELEMETRY=true mlflow server --backend-store-uri "$$uri" --host 127.0.0.1 --workers 1 --port $(PORT)

lock: $(INSTALLED) ## resolve the dependencies of pyproject.toml anew, into requirements.lock
	uv pip compile --universal --generate-hashes --no-annotate --python-version 3.11 --group dev \
		pyproject.toml -o requirements.lock

clean: ## remove data, models, reports of the sample, MLflow's runs and all caches; .venv and runs/downloads stay
	@echo "removing $(MADE)"
	@[ ! -t 0 ] || { read -rp "All trainings of all presets are in there. Go on? [y/N] " sure && [ "$$sure" = y ]; }
	@rm -rf $(MADE)

$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or newer is needed; '$(PYTHON)' is not. Name one: make PYTHON=python3.11" >&2; \
		exit 1; }
	$(PYTHON) -m venv $$([ -e $@ ] || echo --clear) .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	uv pip sync --require-hashes requirements.lock
	cp requirements.lock $@
