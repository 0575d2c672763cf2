# The commands of a fresh machine: Python 3.10 to 3.13 with venv, and make, are all they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
READY := $(VENV)/.ready

.PHONY: help setup demo test test-firmware lint types format benchmarks clean

help:
	@echo "make demo           set up, then the whole workflow on drawn plates and a drawn photograph, in minutes"
	@echo "make test           set up if needed, then the tests"
	@echo "make test-firmware  the tests of the C code alone, on this machine and on emulated chips"
	@echo "make lint types     ruff and mypy"
	@echo "make benchmarks     speed of input, training and reading, as tables"
	@echo "make clean          remove what make demo wrote"

setup: $(READY)

# Installed once; again when the dependencies change.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else \
	    "error: expected Python 3.10 to 3.13, received %d.%d; try make PYTHON=python3.12" % v)'
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --upgrade pip
	@echo "installing into $(VENV), 1 of 3: what reads plates (NumPy, OpenCV, pydantic, a TFLite interpreter)"
	@$(INSTALL) --editable .
	@echo "installing into $(VENV), 2 of 3: what trains (TensorFlow, Keras, grain; about 1 GB to download, minutes)"
	@$(INSTALL) --editable '.[train]'
	@echo "installing into $(VENV), 3 of 3: what watches, serves and tests (PyAV, SQLAlchemy, FastAPI, pytest, ruff, mypy, TFLite-Micro, RapidOCR)"
	@$(INSTALL) --editable '.[train,mcu,text,video,service,postgresql,messages,client,ray,dev]'
	@touch $(READY)

demo: $(READY)
	$(BIN)/python -m utils.demo --output demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-firmware: $(READY)
	$(BIN)/python -m pytest tests/deployment/test_c_code.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmarks: $(READY)
	$(BIN)/python -m benchmarks.input_pipeline
	$(BIN)/python -m benchmarks.plate_generator
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.detection_speed
	$(BIN)/python -m benchmarks.video_speed

clean:
	rm -rf demo
