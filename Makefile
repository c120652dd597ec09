# Everything runs in .venv, which `scripts/setup` makes from uv.lock; PYTHON=... names the Python to make it with.
.DEFAULT_GOAL := help
PYTHON_IN_VENV := .venv/bin/python

# With it, each of some hundred processes that a test run or a demo starts would compile Airflow and Great Expectations anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-all check format doctor bench up down

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv from uv.lock and find Java; at once when nothing changed
	@scripts/setup

demo: setup ## curate real input through Airflow and a local Spark, from nothing to a release
	@$(PYTHON_IN_VENV) -m pipeline.demo $(if $(INPUT),"$(INPUT)") $(ARGS)

test: setup ## every test but the slow ones: unit tests, then Spark, then Airflow
	@scripts/test "not slow"

test-all: setup ## every test
	@scripts/test

check: setup ## lint, format, types, import directions, lock, shell; changes nothing
	@scripts/check

format: setup ## format the code and mend what lint can mend
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

doctor: setup ## say what this machine lacks, and the next step for each
	@.venv/bin/sluice doctor $(ARGS)

bench: setup ## measure throughput and quality
	@$(PYTHON_IN_VENV) -m benchmarks $(ARGS)

up: ## start the production shape with docker compose
	@scripts/compose up --detach --build --wait

down: ## stop it; the data stays in its volumes
	@scripts/compose down
