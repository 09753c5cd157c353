# `make demo`, `make dev` and `make test` need only python3 and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
FILES := tests/cos tests/local
BROWSER := tests/local/dev/test_page_in_browser.py tests/local/dev/test_story.py
CLIENTS := tests/serverless tests/chaos
SKIPS := .pytest_cache/skips
RESOLUTION := tests/build/test_dependencies.py::test_resolution
LOWEST_TESTS := tests/cli/test_events.py tests/cli/test_command.py tests/tencent/test_client.py tests/tencent/test_mps.py tests/ledger/test_redis.py \
	tests/local/cos/test_objects.py tests/deploy/test_exclude.py tests/deploy/test_serverless_yml.py \
	$(RESOLUTION)_backtracks_when_the_newest_conflict $(RESOLUTION)_takes_the_running_package
DEPLOY := tests/build tests/deploy tests/doctor tests/cli/test_new.py
WAITING := tests/actions tests/ledger

# The tests start hundreds of processes, each of which would compile its imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo dev test lint types unit unit-files unit-clients unit-deploy unit-core browser first-hour pythons lowest events mutants chaos fuzz bench build clean

demo: .venv/cli.done  ## Run the application with a sample event and files in a COS emulator.
	@$(BIN)/scf-mps demo

dev: .venv/media.done  ## Process your own videos and watch the callbacks of handlers/ in the browser.
	@$(BIN)/scf-mps dev --open

test: lint  ## All checks before a commit. CI runs more examples (SCF_MPS_EXAMPLES=many) and `make pythons`.
	$(MAKE) --no-print-directory --jobs=2 types unit

lint: .venv/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache

types: .venv/dev.done
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

unit: .venv/dev.done  ## Run the tests in parallel, with branch coverage of all code.
	@rm -rf .coverage .coverage.* $(SKIPS) && mkdir -p $(SKIPS)
	SKIPS=$(SKIPS) $(MAKE) --no-print-directory --jobs=4 --output-sync unit-clients unit-deploy unit-files unit-waiting unit-core
	$(BIN)/coverage combine --quiet
	$(BIN)/python tools/report_tests.py $(SKIPS)

unit-files:
	$(BIN)/coverage run -m pytest $(FILES) $(patsubst %,--ignore=%,$(BROWSER))

unit-clients:  ## Run processes and official clients. The first run installs Tencent's deploy clients into .cache/npm.
	$(BIN)/coverage run -m pytest $(CLIENTS)

unit-deploy:
	$(BIN)/coverage run -m pytest $(DEPLOY)

unit-waiting:  ## Run tests that mostly wait for slow servers.
	$(BIN)/coverage run -m pytest $(WAITING)

unit-core:
	$(BIN)/coverage run -m pytest tests $(patsubst %,--ignore=%,$(FILES) $(CLIENTS) $(DEPLOY) $(WAITING))

browser: .venv/dev.done  ## Test the console in Chromium: each tab, and the story of a video. Without Chromium it says so.
	$(BIN)/python -m pytest $(BROWSER)

first-hour:  ## Time docs/getting-started.md for a new user, then run the CI of the new project.
	$(PYTHON) tools/first_hour.py

pythons: .venv/dev.done  ## Run the tests on every other CPython 3.10 to 3.13 of this machine.
	$(BIN)/python tools/test_pythons.py

LOWEST := .venvs/lowest
lowest: .venv/dev.done  ## Test each extra with the lowest versions that pyproject.toml allows.
	$(BIN)/uv venv --quiet --clear --no-python-downloads --python '>=3.10,<3.13' $(LOWEST)
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct -e '.[test]'
	@# Again without the SDKs of the tests, which require newer versions.
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --upgrade \
		-e '.[cli,deploy,fast,local,mps,redis]'
	@# The warnings come from new transitive dependencies.
	$(LOWEST)/bin/python -m pytest -q -p no:cacheprovider -W ignore::DeprecationWarning \
		$(LOWEST_TESTS)

events: .venv/dev.done  ## Generate the event classes from the installed MPS SDK.
	$(BIN)/python tools/generate_events.py
	$(BIN)/python tools/generate_builders.py

mutants: .venv/dev.done  ## Measure the mutation score of the core (an hour or more).
	$(BIN)/mutmut run
	$(BIN)/python tools/mutation_score.py

chaos: .venv/dev.done  ## Kill processes under 2,000 events for each ledger, then hang the ledgers: no event is lost or repeated.
	$(BIN)/python tests/chaos/crashes.py

MINUTES ?= 10
fuzz: .venv/dev.done  ## Send mutated events in every envelope to main_handler, for MINUTES=10.
	$(BIN)/python tests/fuzz/fuzzer.py --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: .venv/dev.done  ## Measure cold start, dispatch, publishing, bulk copies and the console. PEERS=1 compares with AWS Lambda Powertools and OpenTelemetry.
	$(BIN)/python benchmarks/cold_start.py
	$(BIN)/python benchmarks/cold_start_zip.py $(if $(filter 1,$(PEERS)),--powertools)
	$(BIN)/python benchmarks/dispatch.py
	$(BIN)/python benchmarks/ledger.py
	$(BIN)/python benchmarks/publish.py
	$(BIN)/python benchmarks/cos_bulk.py
	$(BIN)/python benchmarks/console.py
	$(BIN)/python benchmarks/testing.py
	$(if $(filter 1,$(PEERS)),$(BIN)/python benchmarks/peers.py)
	$(if $(filter 1,$(PEERS)),$(BIN)/python benchmarks/telemetry.py)

build: .venv/cli.done  ## Build dist/function.zip, and unpack it in build/ for serverless.yml.
	@$(BIN)/scf-mps build

clean:
	rm -rf .venv .venvs .cache build dist mutants .coverage* .*_cache starter/.*_cache

.venv/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "scf-mps needs Python 3.10 or later: none was found"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "python3 cannot create a virtual environment: install python3-venv"; exit 1; }

.venv/cli.done: .venv/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cli,deploy,local]'
	@touch $@

.venv/media.done: .venv/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cli,deploy,local,media]'
	@touch $@ .venv/cli.done

.venv/dev.done: .venv/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/cli.done .venv/media.done
