# Everything runs in .venv, which the first target that needs it makes from requirements-dev.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LINT := generator/lint
BENCH := tests/bench
TYPING := tests/typing
BENCH_VENV := .venv-bench
NPM_ENV := REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true SCARF_ANALYTICS=false
UV := 0.13.9

.PHONY: help setup generate demo test coverage chaos fuzz fuzz-long fuzz-mutants contract-diff interop bench-mock lint lint-contract lint-code lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Make .venv and install everything that the other targets need

$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("make: Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0] + "; choose another with PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

generate: setup ## Write generated/ anew from openapi.yaml, then the sync classes, docs/api.md and docs/behaviours.md
	@$(BIN)/python -m generator generate
	@$(BIN)/python -m tools.async_to_sync
	@$(BIN)/python -m tools.api_reference
	@$(BIN)/toast-compute-mock --show-behaviours > docs/behaviours.md.new
	@mv docs/behaviours.md.new docs/behaviours.md

demo: generate ## Drive the whole life of an instance against the mock
	@$(BIN)/python examples/whole_life.py

test: setup ## Run the tests that need Python alone
	@$(BIN)/python -m pytest -n auto

coverage: setup ## Run the SDK's tests, and fail below 95 % of its branches
	@$(BIN)/python -m coverage run -m pytest --quiet tests/unit/sdk
	@$(BIN)/python -m coverage report --include='overlays/*,runtime/*' --skip-covered --fail-under=95

chaos: setup ## Compare the outcomes of random calls under faults with the journal
	@$(BIN)/python -m pytest tests/chaos

# For a service of one's own: URL, APPKEY, USERNAME and PASSWORD; the last three go through the environment, where no list
# of processes shows them. OPTIONS goes to `python -m tests.fuzz service`, which lists them with --help.
SEED ?= 1
REPORTS ?= build/fuzz
FUZZ := $(BIN)/python -m tests.fuzz
ifdef APPKEY
fuzz fuzz-long: export FUZZ_APPKEY = $(value APPKEY)
endif
ifdef USERNAME
fuzz fuzz-long: export FUZZ_USERNAME = $(value USERNAME)
endif
ifdef PASSWORD
fuzz fuzz-long: export FUZZ_PASSWORD = $(value PASSWORD)
endif

# Values come from whoever calls make, and are words for the shell and nothing more.
quoted = '$(subst ','\'',$(value $(1)))'

# With a URL, be it an empty one, that service is meant, and never the mock.
ifeq ($(origin URL),undefined)
fuzz_parts = status=0; for part in 'service $(OPTIONS)' replies stateful; do $(FUZZ) $$part $(1) \
	|| { status=$$?; [ $$status -eq 1 ] || exit $$status; }; done; exit $$status
else
fuzz_parts = $(FUZZ) service --url $(call quoted,URL) $(1) $(OPTIONS)
endif

fuzz: setup ## Fuzz the mock and the SDK, or with URL= APPKEY= USERNAME= PASSWORD= the service that is there
	@$(call fuzz_parts,--seed $(call quoted,SEED) --reports $(call quoted,REPORTS))

fuzz-long: setup ## Fuzz each part for MINUTES= with one seed after another; without SEED= the first one is the day's
	@case $(call quoted,MINUTES) in ''|*[!0-9.]*|*.*.*) echo 'make: MINUTES: needs a number, such as MINUTES=30' >&2; exit 2;; esac
	@$(call fuzz_parts,--seed $(if $(filter file,$(origin SEED)),$$(date +%Y%m%d),$(call quoted,SEED)) \
		--minutes $(call quoted,MINUTES) --reports $(call quoted,REPORTS))

fuzz-mutants: setup ## Run the fuzzer on every mutant, which it has to find
	@$(FUZZ) mutants --reports $(call quoted,REPORTS) $(OPTIONS)

contract-diff: setup ## Say what changed in openapi.yaml since OLD= and whether old clients break
	@$(BIN)/python -m tools.contract_diff -- $(call quoted,OLD)

interop: setup ## Try the mock with curl, Node.js and a browser (chromium), which have to be there
	@$(BIN)/python -m pytest tests/interop

bench-mock: setup $(BENCH_VENV)/.installed $(BENCH)/prism/node_modules/.installed ## Measure the mock, with Prism and moto beside it
	@$(BIN)/python -m tests.bench.bench_mock

$(BENCH_VENV)/.installed: $(BENCH)/requirements-bench.lock
	@$(PYTHON) -m venv $(BENCH_VENV)
	@echo "Installing into $(BENCH_VENV) ..."
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(BENCH)/prism/node_modules/.installed: $(BENCH)/prism/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm is needed for Prism (Node.js 20.19 or later)"; exit 1; }
	npm ci --prefix $(BENCH)/prism --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

lint: lint-contract lint-code ## Check the contract and the code

lint-contract: setup $(LINT)/node_modules/.installed ## Check openapi.yaml with three linters and our own rules
	$(BIN)/openapi-spec-validator openapi.yaml
	$(NPM_ENV) $(LINT)/node_modules/.bin/redocly lint openapi.yaml --config $(LINT)/redocly.yaml
	$(LINT)/node_modules/.bin/spectral lint openapi.yaml --ruleset $(LINT)/spectral.yaml --fail-severity hint
	$(BIN)/python -m generator check

lint-code: setup $(TYPING)/node_modules/.installed ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests examples
	$(TYPING)/node_modules/.bin/pyright
	$(BIN)/lint-imports

$(TYPING)/node_modules/.installed: $(TYPING)/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm is needed for pyright (Node.js 20.19 or later)"; exit 1; }
	npm ci --prefix $(TYPING) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(LINT)/node_modules/.installed: $(LINT)/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm is needed for the contract's linters (Node.js 20.19 or later)"; exit 1; }
	npm ci --prefix $(LINT) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

lock: setup ## Pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra mock --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-strip-extras --quiet --output-file requirements-dev.lock
	$(BIN)/uv pip compile $(BENCH)/requirements-bench.in --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-strip-extras --quiet --output-file $(BENCH)/requirements-bench.lock

clean: ## Remove what was installed and cached
	rm -rf $(VENV) $(BENCH_VENV) $(LINT)/node_modules $(BENCH)/prism/node_modules $(TYPING)/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
