# `make help` lists the targets. Everything happens inside this checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests wait for servers and processes: three workers kept two cores busy for four fifths of the time. Each costs 10 s to start.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 2))')

.DEFAULT_GOAL := help
.PHONY: help demo demo-streams demo-warehouse dev setup test test-exhaustive test-fast test-lowest check docs bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## a PostgreSQL database becomes Athena views, twice, on this machine (about a minute)
	@$(BIN)/rds-lake demo

demo-streams: $(STAMP) ## changes of a table become notifications and a live view, by Lambda and by an outbox (needs mariadb-server)
	@$(BIN)/python examples/streams-flights/run.py

demo-warehouse: $(STAMP) ## a JSON brings up a Redshift that loads, runs SQL, unloads one CSV and goes away (about a minute)
	@$(BIN)/python examples/warehouse-recommendations/run.py

dev: $(STAMP) ## the local cloud and the Dagster UI on http://localhost:3000, until Ctrl-C
	@$(BIN)/rds-lake dev

setup: $(STAMP) ## create .venv and install the dependencies, nothing else

# Every worker reads every test: where the shell forbids Python to keep what it compiled, each would compile all of them.
test: $(STAMP) ## the tests: each way of using the lake once, and each sort of failure (CONTRIBUTING.md says which these are)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not exhaustive'

test-exhaustive: $(STAMP) ## their further cases: every place where a stage can be killed, other engines and kinds, orders and seeds, long stories
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m exhaustive

# Without what only who changes the local cloud, the deployment or the page of the docs needs; of each property ten examples.
ELSEWHERE := localcloud live deploy docs demo database turnstile permissions examples
test-fast: $(STAMP) ## the tests of the pipeline that need no server: for the loop of a person at work
	@PYTHONDONTWRITEBYTECODE= RDS_LAKE_EXAMPLES=10 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder \
	  -m 'not exhaustive and not slow' $(ELSEWHERE:%=--ignore rds_lake_tests/%)

check: $(STAMP) ## ruff, pyright, and Dagster's own validation with warnings as errors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/python -W error -W 'ignore:Function `definitions_validate_command`' -m dagster definitions validate -w workspace.yaml --log-level error

docs: $(STAMP) ## the documentation site, into site/; a page, link or anchor that is missing is an error
	@$(BIN)/python -c 'import material' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

test-lowest: ## the tests of definitions and components with the lowest Dagster that setup.cfg allows, and with dg
	@.ci/dagster lowest

bench: $(STAMP) ## relocation and conversion against their peers (about an hour); exit code 1 when a bar is short
	@$(PYTHON) -m venv .bench_peers && .bench_peers/bin/python -m pip install --quiet -r bench/requirements.txt
	@short=0; \
	for run in 'relocate --peers .bench_peers/bin' list_million manifest_million footers tables \
	  'convert --peers .bench_peers/bin --data .bench_data' 'convert_merge --runs 2 --data .bench_data'; do \
	  $(BIN)/python -m bench.$$run || short=1; \
	done; exit $$short

clean: ## remove everything `make` made
	rm -rf $(VENV) site .bench_peers .bench_data .dagster_home .pytest_cache .ruff_cache .hypothesis build *.egg-info rds_lake/convert/_parser*.so

$(STAMP): constraints.txt setup.cfg setup.py pyproject.toml $(wildcard rds_lake/convert/native/*)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "rds-lake needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -f rds_lake/convert/_parser*.so
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[local,dev]'
	@touch $(STAMP)
