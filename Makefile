PYTHON ?= python3
BIN := .venv/bin
KAGGLE := build/kaggle-venv/bin
INSTALL := -m pip install --quiet
DATA ?=
DEIDENTIFY ?=
VIEWERS ?=
SINGLE ?=
LAB ?=
HEADERS ?= 2000000
KAGGLE_USER ?=
STANDALONE ?=
REPOSITORY ?=
# everything, once it is there; before that, what all pages but 07 need
SET_UP := $(if $(wildcard .venv/ready),.venv/ready,.venv/ready-pages)
# packages are installed without byte code, which is faster; it is written when a module is first used
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run lab kaggle colab test test-all test-kaggle bench bench-scale lint picture clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(SET_UP)  ## the report in build/html; DATA=/path/to/dicom, study.zip or s3://bucket/scans for your own, DEIDENTIFY=1 to hand it on, SINGLE=1 for one file, VIEWERS=50 stacks alive
	@trap : INT; { $(BIN)/python -m helpers.site $(if $(DATA),"$(DATA)") $(if $(DEIDENTIFY),--deidentify) \
		$(if $(VIEWERS),--viewers "$(VIEWERS)") $(if $(SINGLE),--single) \
		--install .venv/later.txt && touch .venv/ready; } || [ $$? = 130 ]

lab: .venv/ready  ## open JupyterLab on the pages; LAB=--allow-root where you are root
	$(if $(DATA),DICOM_ROOT="$(if $(findstring ://,$(DATA)),$(DATA),$(abspath $(DATA)))") $(BIN)/jupyter lab $(LAB) notebooks

kaggle: $(SET_UP)  ## build a Kaggle dataset and one kernel per page; KAGGLE_USER=name, or STANDALONE=1 to upload by hand
	@$(BIN)/python -m helpers.kaggle $(if $(STANDALONE),--standalone) $(if $(KAGGLE_USER),--user "$(KAGGLE_USER)")

colab: $(SET_UP)  ## build one notebook per page for Colab, which installs the suite from REPOSITORY=address
	@$(BIN)/python -m helpers.kaggle --colab $(if $(REPOSITORY),"$(REPOSITORY)")

test: .venv/ready-test  ## all tests, in parallel
	$(BIN)/python -m pytest -n auto

test-all: .venv/ready-test tests/node_modules/ready test-kaggle  ## with every damage to files, in browsers, as Kaggle kernels, and on the versions of Kaggle's image
	$(BIN)/python -m pytest -n auto --whole

test-kaggle: build/kaggle-venv/ready
	$(KAGGLE)/python -m pytest -n auto --kernels

bench: .venv/ready-bench  ## this project beside its peers, in one run
	$(BIN)/python tests/bench.py
	$(BIN)/python tests/bench_collections.py
	$(BIN)/python tests/bench_files.py
	$(BIN)/python tests/bench_volumes.py
	$(BIN)/python tests/bench_labels.py
	$(BIN)/python tests/bench_viewer.py
	$(BIN)/python tests/bench_images.py
	$(BIN)/python tests/bench_pages.py

bench-scale: .venv/ready-bench  ## a survey of HEADERS=2000000 generated files beside one process: hours, and 20 GB of disk
	$(BIN)/python tests/bench_survey.py --headers $(HEADERS) --workers 1 2

lint: .venv/ready-test  ## ruff on code and pages, mypy on helpers, tsc on the viewer's code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(MAKE) --no-print-directory tests/node_modules/ready
	tests/node_modules/.bin/tsc --project tests

picture: .venv/ready-test  ## draw the README's picture anew
	$(BIN)/python tests/viewer_picture.py

clean:  ## remove what was made here
	rm -rf .venv build tests/node_modules

.venv/ready-pages: requirements.txt
	@echo "Setting up .venv for all pages but 07: 200 MB to fetch, about a minute"
	@$(PYTHON) -m venv .venv
	@sed '/^# Later/,$$d' requirements.txt > .venv/first.txt
	@sed -n '/^# Later/,$$p' requirements.txt > .venv/later.txt
	@$(BIN)/python $(INSTALL) --no-compile --requirement .venv/first.txt
	@touch $@

.venv/ready: requirements.txt .venv/ready-pages
	@echo "Adding PyTorch, fastai and JupyterLab: up to 6 GB on disk, some minutes"
	@$(BIN)/python $(INSTALL) --no-compile --requirement .venv/later.txt
	@touch $@

.venv/ready-test: .venv/ready pyproject.toml
	$(BIN)/python $(INSTALL) --editable '.[test,bucket,remote,oracle,browser,lint]'
	@touch $@

tests/node_modules/ready: tests/package-lock.json
	@{ command -v node && command -v npm; } >/dev/null || { echo "expected node and npm, which check the types of the viewer's code: install them, as by apt-get install nodejs npm"; exit 1; }
	@cd tests && npm ci --no-audit --no-fund --silent
	@touch $@

.venv/ready-bench: .venv/ready-test
	$(BIN)/python $(INSTALL) --editable '.[bench]'
	@touch $@

build/kaggle-venv/ready: tests/kaggle-image.txt tests/colab-image.txt pyproject.toml
	$(PYTHON) -m venv build/kaggle-venv
	$(KAGGLE)/python $(INSTALL) --requirement tests/kaggle-image.txt --editable '.[test]'
	$(KAGGLE)/python $(INSTALL) --no-deps --upgrade --target build/colab-packages --requirement tests/colab-image.txt
	@$(KAGGLE)/python -c "from helpers.kernels.dataset import DECODERS, FOR_KAGGLE; print(*DECODERS, *FOR_KAGGLE)" > build/decoders.txt
	$(KAGGLE)/python -m pip download --quiet --dest build/wheels $$(cat build/decoders.txt)
	@touch $@
