# Every target sets up what it needs: a machine with python3, make and a network is enough.
#
# The bootstrap environment holds only uv, which finds (or fetches) the Python named in .python-version and
# installs the exact versions of requirements.lock into .venv. Each stamp file is younger than what was installed,
# so a second call does nothing.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup report journeys proof coverage coverage-spend spend-over-time test test-all bench lint format floors wheel gallery notebooks pooling wrong-choice loop lock image clean

PYTHON3 ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := .bootstrap/bin/uv
STAMP := $(VENV)/.installed
TESTS ?=
# Two processes; tests/conftest.py says what stays together in one, so that fits are shared, and what goes first.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder
# A slow mirror must not break the set-up.
export UV_HTTP_TIMEOUT ?= 300
# uv names the environment that it was called from if there is one; here it is always .venv.
unexport VIRTUAL_ENV
# Tests start dozens of processes: each would compile the package again where nobody may write what was compiled.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1	/' | expand -t 20

setup: $(STAMP) ## build .venv with the locked versions of everything

$(UV):
	$(PYTHON3) -m venv .bootstrap
	.bootstrap/bin/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/pyvenv.cfg: .python-version | $(UV)
	$(UV) venv --quiet --clear --python "$$(cat .python-version)" $(VENV)

# Compiled once here, so that no process has to, whether or not it may write.
$(STAMP): requirements.lock pyproject.toml $(VENV)/pyvenv.cfg | $(UV)
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

report: $(STAMP) ## render the retention report of CDNOW into reports/cdnow
	$(BIN)/bayes-cx report --config reports/cdnow/report.toml

journeys: $(STAMP) ## render the report of journeys of a simulated operator into reports/operator
	$(BIN)/bayes-cx journeys --config reports/operator/report.toml

proof: $(STAMP) ## compute what is proven of every model and write docs/proof.md (half an hour or more)
	$(BIN)/python docs/proof.py

coverage: $(STAMP) ## forecast hold-out totals from several cuts, with and without calendar time: docs/coverage.md
	$(BIN)/python docs/coverage_of_totals.py

coverage-spend: $(STAMP) ## test every model of spend on what customers then paid: docs/coverage_spend.md
	$(BIN)/python docs/coverage_of_spend.py

spend-over-time: $(STAMP) ## measure whether amounts drift in calendar time: docs/spend_over_time.md
	$(BIN)/python docs/spend_over_time.py

test: $(STAMP) ## run every test that is not slow
	$(PYTEST) $(TESTS)

test-all: $(STAMP) ## run every test
	$(PYTEST) -m "slow or not slow" $(TESTS)

# Their pins differ from ours, so the peers get environments of their own; nothing of them is in the package.
.peers/.installed: .python-version | $(UV)
	$(UV) venv --quiet --clear --python "$$(cat .python-version)" .peers
	$(UV) pip install --quiet --python .peers/bin/python pymc-marketing==1.3.0 nutpie
	@touch $@

.peers-events/.installed: .python-version | $(UV)
	$(UV) venv --quiet --clear --python "$$(cat .python-version)" .peers-events
	$(UV) pip install --quiet --python .peers-events/bin/python pm4py==2.7.23.11 retentioneering==5.2.4 pyarrow
	@touch $@

bench: $(STAMP) .peers/.installed .peers-events/.installed ## time everything against the peers and write docs/performance.md (half an hour)
	$(BIN)/python benchmarks/bench.py --peers .peers/bin/python \
		--event-peers .peers-events/bin/python

floors: $(UV) ## run the tests with the oldest versions of the dependencies that pyproject.toml allows
	$(UV) venv --quiet --clear --python "$$(cat .python-version)" .floors
	$(UV) pip compile --quiet --resolution lowest-direct --python-version "$$(cat .python-version)" --no-header \
		pyproject.toml --output-file .floors/requirements.txt
	$(UV) pip install --quiet --python .floors/bin/python --constraint .floors/requirements.txt --editable '.[dev]'
	.floors/bin/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(TESTS)

wheel: $(STAMP) ## build the wheel, to be installed elsewhere: dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

lint: $(STAMP) ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(STAMP) ## put the code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

gallery: $(STAMP) ## draw every picture of bcx.plot: docs/gallery.md
	$(BIN)/python docs/gallery.py

notebooks: $(STAMP) ## execute the notebooks: HTML in site/, and pages with output in docs/notebooks/
	$(BIN)/python notebooks/publish.py

image: $(STAMP) ## render page one of the CDNOW report as docs/images/retention.png
	$(BIN)/python docs/images/render.py

pooling: $(STAMP) ## what partial pooling gains for small groups and cohorts: docs/pooling.md
	$(BIN)/python docs/pooling.py

wrong-choice: $(STAMP) ## forecast simulated customers with right and wrong models: docs/wrong_choice.md
	$(BIN)/python docs/wrong_choice.py

loop: $(STAMP) ## a simulated shop that learns from its campaigns, against rules that do not: docs/loop.md
	$(BIN)/python docs/loop.py

lock: $(UV) ## resolve the newest versions that fit together into requirements.lock
	$(UV) pip compile --quiet --upgrade --universal --python-version "$$(cat .python-version)" --all-extras \
		--no-emit-index-url --no-emit-find-links --no-header pyproject.toml --output-file requirements.lock

clean: ## remove everything that can be built again
	rm -rf .bootstrap .floors .peers .peers-events $(VENV) build dist site .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
