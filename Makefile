# make help lists the targets. Everything is installed into .venv, nothing elsewhere but the system
# packages that `make system` names.
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
SCREEN := .ci/with-display
BUILD := build

# Tests run side by side, one process a core; make test JOBS=0 runs them one after the other.
JOBS ?= auto
SIDE_BY_SIDE = -n $(JOBS) --dist worksteal
# Further arguments for pytest, e.g. make test ARGS="-k dictionary -x"
ARGS ?=
# The interpreter to make .venv from; without it the first one that is new enough
export PYTHON

# Threads that wait shall sleep: those of one test would take the cores from another.
test test-pyside6 coverage: export OMP_WAIT_POLICY = PASSIVE
# Whatever the environment says, Python keeps what it has compiled: else each of the processes that
# tests start compiles torch and its like anew, and each run the tests themselves.
test test-pyside6 coverage: export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help setup system test test-pyside6 coverage check format demo screenshots docs-pictures film lecture \
	docs bench bench-earlier bench-docs against-bm3d fuzz grids texts clean clean-venv

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make or repair .venv and install the project with all tools into it
	@.ci/setup

system: ## install the Qt, OpenGL and virtual-screen packages, where missing and permitted
	@.ci/system-packages

test: setup system ## run every test, the viewer included (on a virtual screen if there is none)
	$(SCREEN) $(PY) -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-pyside6: system ## the tests of the viewer with PySide6 in place of PyQt6
	@.ci/setup pyside6
	QT_API=pyside6 PYTEST_QT_API=pyside6 $(SCREEN) $(PY) -m pytest tests/viewer $(SIDE_BY_SIDE) $(ARGS)

coverage: setup system ## the same with coverage, the viewer's code included
	mkdir -p $(BUILD)/coverage
	$(SCREEN) $(PY) -m pytest --cov --cov-report=term --cov-report=html $(ARGS)

check: setup ## formatting, lint, types, the rooms' import rules, the plugin manifest
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/npe2 validate napari_csc/napari.yaml

format: setup ## format the code and mend what lint can mend
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

demo: setup system ## open the viewer on the sample head; without a screen, write screenshots instead
	@if [ "$$(uname -s)" != Linux ] || [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then \
		$(VENV)/bin/napari-csc demo; \
	else \
		mkdir -p $(BUILD)/demo && \
		$(SCREEN) $(VENV)/bin/napari-csc demo --screenshots $(BUILD)/demo && \
		echo "No display here, so the demo wrote its screenshots to $(BUILD)/demo:" && \
		ls $(BUILD)/demo; \
	fi

screenshots: setup system ## pictures of every state of the viewer, into build/screenshots (five minutes)
	$(SCREEN) $(VENV)/bin/napari-csc demo --all --screenshots $(BUILD)/screenshots

docs-pictures: setup system ## the pictures of the viewer and of the dictionaries in docs/images
	$(PY) docs/draw_dictionaries.py
	$(SCREEN) $(VENV)/bin/napari-csc demo --docs docs/images

film: setup system ## the film of the README, docs/images/film.gif
	$(SCREEN) $(VENV)/bin/napari-csc demo --film docs/images/film.gif

lecture: setup system ## the lecture of docs/trust.md, docs/images/lecture.gif
	$(SCREEN) $(VENV)/bin/napari-csc demo --lecture docs/images/lecture.gif

docs: setup ## build the documentation into build/docs, warnings as errors
	$(PY) -m sphinx -W --keep-going -b html -d $(BUILD)/doctrees docs $(BUILD)/docs

texts: setup ## the texts of the viewer for translators, napari_csc/locale/napari_csc.pot
	$(PY) .ci/texts

bench: ## time solvers, peers and whole reconstructions (half an hour; NAPARI_CSC_BENCH=quick: a trial)
	@.ci/setup bench
	$(PY) -m pytest tests/benchmarks -s $(ARGS); status=$$?; \
	$(PY) tests/benchmarks/report.py; exit $$status

bench-earlier: setup ## this version and that in the folder EARLIER in turn, in one run
	$(PY) tests/benchmarks/against_earlier.py $(EARLIER) $(ARGS)

bench-docs: setup ## write what `make bench` measured into docs/benchmarks.md
	$(PY) tests/benchmarks/report.py docs/benchmarks.md

against-bm3d: setup ## networks, BM3D and non-local means on real repeats and simulated scans, one slice each
	@$(VENV)/bin/uv pip install -q --python $(PY) bm3d
	$(VENV)/bin/napari-csc evaluate v5 v4 v4@dct-32-9 --method initial --method nlm --method bm3d --slices 1 \
		--only noise --only repeats --noise 0.05 --noise 0.2 --noise 0.3 -o $(BUILD)/against-bm3d $(ARGS)

fuzz: setup ## load thousands of damaged files of each format, and count what comes of it
	PYTHONPATH=tests/helpers:tests/io/formats:tests/io/arrays $(PY) tests/benchmarks/fuzz_readers.py $(ARGS)

grids: setup ## how often, and how well, the noise level is found over a table of inputs
	PYTHONPATH=tests/helpers $(PY) tests/benchmarks/grids.py $(or $(ARGS),400 1)

clean: ## remove what the targets above built, except .venv
	rm -rf $(BUILD) dist docs/built .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

clean-venv: ## remove .venv
	rm -rf $(VENV)
