.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test check cluster chaos format bench bench-quick seeds tour gallery clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[demo]"
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[demo,plots,dev]"
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## install, and evolve 8 small networks on handwritten digits
	$(BIN)/poptune demo

test: $(VENV)/.dev ## run all tests
	$(BIN)/pytest -n 2

check: $(VENV)/.dev ## what CI runs: format, lint, types, layers, tests, example programs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test
	$(MAKE) seeds

chaos: $(VENV)/.dev ## kill 200 runs and restore them, exploit 40,000 times, and look at what is left (about 25 minutes)
	PYTHONPATH=tests $(BIN)/python -m chaos.killing
	PYTHONPATH=tests $(BIN)/python -m chaos.exploiting

format: $(VENV)/.dev ## format the code and fix what can be fixed safely
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev $(VENV)-ray/.ray ## measure beside Ray Tune and the training alone, for docs/performance.md (long)
	$(BIN)/python benchmarks/bench.py --ray $(VENV)-ray/bin/python
	$(BIN)/python benchmarks/own.py --ray $(VENV)-ray/bin/python
	$(BIN)/python benchmarks/page.py

bench-quick: $(VENV)/.dev ## measure the toy and the digits, and fail if they became slow
	$(BIN)/python benchmarks/bench.py --quick

cluster: $(VENV)-ray/.cluster ## run the tests that need Ray: on this machine, and on three nodes simulated on it
	$(VENV)-ray/bin/python -m pytest -n 0 tests/cluster

$(VENV)-ray/.cluster: $(VENV)-ray/.ray pyproject.toml
	$(VENV)-ray/bin/python -m pip install --quiet --editable ".[ray]" hypothesis pytest pytest-timeout pytest-xdist
	@touch $@

$(VENV)-ray/.ray:
	$(PYTHON) -m venv $(VENV)-ray
	$(VENV)-ray/bin/python -m pip install --quiet "ray[tune]==2.60.0" scikit-learn torch==2.13.0
	@touch $@

seeds: $(VENV)/.dev ## run all example programs in their small setting; each checks what it claims
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	for program in figure2_guide figure2_study blog_mlp api_tour digits_convnet digits_dcgan; do \
		echo "== examples/$$program.py" && \
		$(BIN)/python examples/$$program.py --smoke --storage "$$folder" || exit 1; \
	done

tour: $(VENV)/.dev ## execute the tour notebook, and keep what its cells show
	$(BIN)/python examples/execute_tour.py

gallery: $(VENV)/.dev ## draw every figure and report, of a real run and of runs at the edges, into docs/gallery
	command -v chromium >/dev/null || { apt-get update --quiet && apt-get install --yes --quiet chromium; } || \
		echo "No Chromium: no pictures of reports"
	$(BIN)/python docs/gallery/gallery.py

clean: ## remove what the other commands made
	rm -rf $(VENV) $(VENV)-ray build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis poptune_results
