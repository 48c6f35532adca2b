# Every target sets up what it needs: a machine with Python 3.11 and make is enough, and npm for two of the test servers.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
SERVERS := .servers
BIN := $(VENV)/bin
# Warnings about places where an index might be are not ours to fix; errors are shown.
PIP := -m pip install -qq --no-input --disable-pip-version-check
DYNALITE := dynalite@4.0.0
# Trino's grammar, a judge of the .sql files, and what bundles it: Node cannot import it as it comes.
GRAMMAR := dt-sql-parser@4.4.2
BUNDLER := esbuild@0.25.0
# A virtual environment does not survive being copied to another folder: so the stamp carries this one's name.
HERE := $(shell pwd | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready-$(HERE)
# One process a core; tests that share what takes long to make stay together.
SPREAD := -n auto --dist loadgroup
READY_DYNALITE := $(SERVERS)/.$(DYNALITE)
READY_GRAMMAR := $(SERVERS)/.$(GRAMMAR)
READY_MINISTACK := $(SERVERS)/.ministack-$(HERE)
READY_SPARK := $(SERVERS)/.spark-$(HERE)
READY_RAY := $(SERVERS)/.ray-$(HERE)

.DEFAULT_GOAL := help
.PHONY: help demo test lint types golden bench prove servers browser engines setup clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: setup ## Watch messages being archived, proved, purged and queried, on this machine alone
	@$(BIN)/dynalake demo

test: setup servers ## Run every test, but those that `make prove` runs
	@$(BIN)/python -m pytest $(SPREAD)

lint: setup ## Check the style (ruff) and the layers (import-linter)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports

types: setup ## Check the types (mypy --strict)
	@$(BIN)/mypy

golden: setup ## Write the golden files anew; read what changed before you commit it
	@$(BIN)/python -m pytest --update-golden -m golden || [ $$? -eq 5 ]

bench: setup ## Measure it against what one would use instead, and write docs/performance.md
	@$(BIN)/python -m benchmarks

prove: setup servers engines ## Run the long demonstrations of the promises
	@$(BIN)/python -m pytest $(SPREAD) -m prove

engines: $(READY_SPARK) $(READY_RAY) ## Install what else `make prove` runs against: Spark and Ray

servers: $(READY_DYNALITE) $(READY_GRAMMAR) $(READY_MINISTACK) browser ## Install the servers, and the browser, that the tests run against

setup: $(READY) ## Install the project and everything it needs into .venv

clean: ## Remove what make and the tools have made
	rm -rf $(VENV) $(SERVERS) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit("Dynalake needs Python 3.11 or later: make PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "installing into $(VENV): this takes a minute or two, the first time"
	@[ -e $@ ] || "$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python $(PIP) -r requirements.lock
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(READY_DYNALITE):
	@mkdir -p $(SERVERS)
	@if command -v npm >/dev/null; then \
		echo "installing $(DYNALITE) into $(SERVERS)"; \
		npm install --prefix $(SERVERS) --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error $(DYNALITE) >/dev/null \
			&& touch $@; \
	else \
		echo "*****************************************************************************"; \
		echo "* npm is missing: dynalite and Trino's grammar are not installed, and the   *"; \
		echo "* tests that need them are SKIPPED. Install Node.js with npm to run them.   *"; \
		echo "*****************************************************************************"; \
	fi

# In a folder of its own: npm removes from a folder what it was not asked for.
$(READY_GRAMMAR): tests/trino_grammar.js | $(READY_DYNALITE)
	@if command -v npm >/dev/null; then \
		echo "installing $(GRAMMAR) into $(SERVERS)"; \
		npm install --prefix $(SERVERS)/grammar --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error \
			$(GRAMMAR) $(BUNDLER) >/dev/null \
			&& NODE_PATH=$(SERVERS)/grammar/node_modules $(SERVERS)/grammar/node_modules/.bin/esbuild $< \
				--bundle --platform=node --log-level=error --outfile=$(SERVERS)/grammar/trino.cjs \
			&& touch $@; \
	fi

# Debian's, for the page of `dynalake report`. Where it cannot be installed the tests say so: skipped, or failed in CI.
browser:
	@if { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing Debian's chromium"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null \
			|| echo "chromium could not be installed: the tests of the report's page do not run"; \
	else \
		echo "*****************************************************************************"; \
		echo "* Chromium is missing, and only root can install it with apt-get: the tests *"; \
		echo "* that look at the report's page in a browser are SKIPPED. Install Debian's *"; \
		echo "* package chromium, or any Chrome, to run them.                             *"; \
		echo "*****************************************************************************"; \
	fi

$(READY_SPARK): requirements-spark.lock | $(READY_DYNALITE)
	@echo "installing PySpark into $(SERVERS)"
	@"$(PYTHON)" -m venv --clear $(SERVERS)/spark
	@$(SERVERS)/spark/bin/python $(PIP) -r requirements-spark.lock
	@touch $@

# On top of .venv, whose packages its own are chosen for.
$(READY_RAY): requirements-ray.lock $(READY) | $(READY_DYNALITE)
	@echo "installing Ray into $(SERVERS)"
	@"$(PYTHON)" -m venv --clear $(SERVERS)/ray
	@$(SERVERS)/ray/bin/python $(PIP) --no-deps -r requirements-ray.lock
	@echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" \
		> "$$($(SERVERS)/ray/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/on-top-of-venv.pth"
	@touch $@

$(READY_MINISTACK): requirements-ministack.lock | $(READY_DYNALITE)
	@echo "installing MiniStack into $(SERVERS)"
	@"$(PYTHON)" -m venv --clear $(SERVERS)/ministack
	@$(SERVERS)/ministack/bin/python $(PIP) -r requirements-ministack.lock
	@touch $@
