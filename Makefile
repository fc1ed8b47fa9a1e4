PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: setup test lint types check bench constraints clean

setup:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'

test:
	$(BIN)/python -m pytest -q -n auto

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy --strict kerascheck

check: test lint types
	$(BIN)/kerascheck check kerascheck tests bench

CORPUS ?= fixtures

bench:
	$(BIN)/python bench/peers.py $(CORPUS)
	$(BIN)/python bench/finding_cost.py $(CORPUS) --project
	$(BIN)/python bench/scale.py $(CORPUS)
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/growth.py
	$(BIN)/python bench/latency.py
	$(BIN)/python bench/confirm_cost.py fixtures/projects/quickstart

constraints:
	uv pip compile --universal --python-version 3.10 --no-header --no-annotate --all-extras pyproject.toml -o constraints.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .kerascheck_cache
