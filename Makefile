PYTHON ?= python3
BIN := .venv/bin
KAGGLE := build/kaggle-venv/bin
DATA ?=
LAB ?=
KAGGLE_USER ?=

.PHONY: help run lab kaggle test test-all test-kaggle bench lint picture clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/ready  ## execute every page into build/html; DATA=/path/to/dicom for your own folder
	@$(BIN)/python -m helpers.site $(if $(DATA),"$(DATA)")

lab: .venv/ready  ## open JupyterLab on the pages; LAB=--allow-root where you are root
	$(if $(DATA),DICOM_ROOT="$(abspath $(DATA))") $(BIN)/jupyter lab $(LAB) notebooks

kaggle: .venv/ready  ## build one Kaggle kernel per page into build/kaggle; KAGGLE_USER=name, else Kaggle's configuration
	@$(BIN)/python -m helpers.kaggle $(if $(KAGGLE_USER),--user "$(KAGGLE_USER)")

test: .venv/ready-test  ## all tests, in parallel
	$(BIN)/python -m pytest -n auto

test-all: .venv/ready-test test-kaggle  ## with every damage to files, in browsers, as Kaggle kernels, and on the versions of Kaggle's image
	$(BIN)/python -m pytest -n auto --whole

test-kaggle: build/kaggle-venv/ready
	$(KAGGLE)/python -m pytest -n auto --kernels

bench: .venv/ready-bench  ## this project beside its peers, in one run
	$(BIN)/python tests/bench.py
	$(BIN)/python tests/bench_volumes.py
	$(BIN)/python tests/bench_viewer.py

lint: .venv/ready-test  ## ruff on code and pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

picture: .venv/ready-test  ## draw the README's picture anew
	$(BIN)/python tests/viewer_picture.py

clean:  ## remove what was made here
	rm -rf .venv build

.venv/ready: requirements.txt
	@echo "Setting up .venv: several gigabytes, some minutes"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

.venv/ready-test: .venv/ready pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test,browser,lint]'
	@touch $@

.venv/ready-bench: .venv/ready-test
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

build/kaggle-venv/ready: tests/kaggle-image.txt pyproject.toml
	$(PYTHON) -m venv build/kaggle-venv
	$(KAGGLE)/python -m pip install --quiet --requirement tests/kaggle-image.txt --editable '.[test]'
	@touch $@
