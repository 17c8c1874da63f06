# Every command of a developer, one line each; `make` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOME_FOLDER ?= demo-home
# Residents and days of the demo; 200,000 and 30 take half an hour.
SIZE ?= 20000
DAYS ?= 5

.PHONY: help demo test check derive bench clean

help: ## List the commands.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/run ## Install, make a city, live through some days of it, and report.
	rm -rf $(HOME_FOLDER)
	$(BIN)/chengshu demo $(HOME_FOLDER) --size $(SIZE) --days $(DAYS)

test: $(VENV)/test system check ## Install what tests need, and run all of them.
	tools/run_tests $(BIN)/python

check: $(VENV)/test ## Lint, types, layers, sizes, derived files: under a minute.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_size.py
	$(BIN)/python tools/derive.py --check

derive: $(VENV)/test ## Make the derived files anew: the JSON Schemas and the map.
	$(BIN)/python tools/derive.py

.PHONY: system
system: ## Install the servers that tests start (databases, brokers, OpenSSH), and Java for Spark.
	tools/install_system

bench: $(VENV)/bench ## Run every benchmark beside its peers; takes about an hour.
	$(BIN)/python -m bench

$(VENV)/run: requirements/build.txt requirements/run.txt pyproject.toml
	$(PYTHON) tools/require_python.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements/build.txt -r requirements/run.txt
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test: $(VENV)/run requirements/test.txt
	$(BIN)/python -m pip install -q --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/bench: $(VENV)/test requirements/bench.txt
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install -q --require-hashes -r requirements/bench.txt
	@touch $@

clean: ## Remove what was installed and made.
	rm -rf $(VENV) $(VENV)-bench $(HOME_FOLDER)
