# `make run`, `make test`, `make lint`: each builds what it needs in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test coverage screenshots lint format clean

help:
	@echo "make run       start the example: host app and provider on http://localhost:8000,"
	@echo "               demo relying party on http://127.0.0.1:8001"
	@echo "make test      run every test (PYTEST_ARGS=... is handed to pytest)"
	@echo "make coverage  the same, with branch coverage"
	@echo "make screenshots"
	@echo "               take the pictures in docs/screenshots again"
	@echo "make lint      ruff, mypy and codespell"
	@echo "make format    let ruff rewrite what it can"
	@echo "make clean     remove .venv and caches"

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed; name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

# A stamp says which extras are installed for the present pyproject.toml.
$(VENV)/run.stamp: pyproject.toml | $(BIN)/pip
	$(PIP) -e '.[example]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/pip
	$(PIP) -e '.[dev,example,postgresql,redis]'
	@touch $@ $(VENV)/run.stamp

run: $(VENV)/run.stamp
	$(BIN)/python -m example_app

test: $(VENV)/dev.stamp
	$(BIN)/python -m tests.prepare
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal $(PYTEST_ARGS)

coverage: PYTEST_ARGS += --cov --cov-report=term
coverage: test

screenshots: $(VENV)/dev.stamp
	$(BIN)/python -m tests.prepare
	SCREENSHOTS=1 $(BIN)/python -m pytest -q tests/journeys -k "fit_for_everybody or from_sign_up"

lint: $(VENV)/dev.stamp
	@status=0; for check in "ruff check" "ruff format --check" mypy codespell; do \
		echo "$(BIN)/$$check"; $(BIN)/$$check || status=1; done; exit $$status

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .coverage dist
