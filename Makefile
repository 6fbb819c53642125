# Two commands on a fresh machine: `make train` (quick start) and `make test`.
# Knobs: STACK=onedl|openmmlab, PYTHON=python3.12, VENV=..., TORCH='torch==2.13.0'

STACK ?= onedl
PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv$(if $(filter-out onedl,$(STACK)),-$(STACK))
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.PHONY: help install train test test-long benchmark lint docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

# torch first and by itself: an open range would let pip take another, larger build.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet '$(TORCH)'
	$(BIN)/python -m pip install --quiet '$(TORCH)' --editable '.[$(STACK),deploy,sample,docs,test,lint]'
	touch $@

install: $(READY)  ## make $(VENV) with the stack and everything below

train: $(READY)  ## quick start: make a sample set, train, evaluate, draw
	$(BIN)/python tools/quickstart.py

test: $(READY)  ## the whole test suite
	$(BIN)/python -m pytest -n auto

test-long: $(READY)  ## faults by the thousand, for hours; writes the table of docs/reliability.md
	$(BIN)/python tests/reliability/long.py

# MMEIOU_VOC_256 and MMEIOU_MOBILENET_V2 say where data and weights are: docs/reproduction.md.
benchmark: $(READY)  ## smooth-L1 against the whole method on small VOC images, an hour
	$(BIN)/python tools/experiments/mini_voc07.py --claim $(BENCHMARK_OPTIONS)
	$(BIN)/python tools/experiments/mini_voc07_table.py --runs work_dirs/mini_voc07/runs.csv

lint: $(READY)  ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(READY)  ## the site, into site/; any warning is an error
	$(BIN)/mkdocs build --strict --site-dir site

clean:  ## remove environments and caches, keep data and work_dirs
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache
