# The commands of the README. Everything runs in .venv, which the first of them makes from the locked requirements.
PYTHON ?= python3
VENV := .venv
AXE := 4.14.1
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Installers prefer this to PATH: another environment that is active when make is called stays as it is.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# Modules are compiled once, not by every job anew.
unexport PYTHONDONTWRITEBYTECODE
# A single thread a process: the workflow runs processes side by side.
export OMP_NUM_THREADS ?= 1

.PHONY: demo report retrain test coverage lint docs bench env env-dev env-cluster lock clean help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

demo: env  ## the whole report in minutes, on generated stand-in data
	snakemake --cores all --configfile config.demo.yaml
	@rederive where --study results/demo/study.json

report: env  ## the report on the real runs that are kept, or trained here; trains nothing
	snakemake --cores all --config 'report={runs: finished}'
	@rederive where

retrain: env  ## the whole report from config.yaml: every network trained on the official data
	snakemake --cores all --config 'training={archive: null}'
	@rederive where

test: env-dev env-cluster  ## every test that this machine can run
	pytest --numprocesses=logical --dist=loadfile --no-loadscope-reorder $(PYTEST_ARGS)

coverage: env-dev env-cluster  ## the tests again, and which lines of the sources none of them runs
	pytest --numprocesses=logical --dist=loadfile --no-loadscope-reorder --cov=rederive --cov=writeup --cov-report=term:skip-covered $(PYTEST_ARGS)

docs: env-dev  ## the documentation as a site, in results/site
	mkdocs build --strict

lint: env-dev  ## style, types, and the workflow's own linter
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile src/rederive/workflow
	snakemake --lint

bench: env-dev  ## measurements, each against its peer on the same work
	for script in benchmarks/*.py; do echo "== $$script"; python $$script || exit 1; done

env: $(VENV)/.installed

env-dev: $(VENV)/.installed-dev

env-cluster: $(VENV)/.installed-cluster

$(VENV)/.uv: requirements.lock
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.lock
	python -m pip install --quiet --require-hashes -r $(VENV)/uv.lock
	touch $@

$(VENV)/.installed: $(VENV)/.uv requirements.lock pyproject.toml
	uv pip install --quiet --require-hashes -r requirements.lock
	uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	uv pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

# Plugins for the tests of the cluster profiles. They lie beside the environment: with the Slurm plugin inside, every call
# of Snakemake would ask a cluster that may not be there.
$(VENV)/.installed-cluster: $(VENV)/.installed-dev requirements-cluster.lock
	awk '/^[^ ]/ {on = /^snakemake-executor-plugin/} on' requirements-cluster.lock > $(VENV)/cluster.lock
	uv pip install --quiet --require-hashes --no-deps --target $(VENV)/cluster -r $(VENV)/cluster.lock
	touch $@

lock: $(VENV)/.uv  ## resolve the requirements anew (needs the package registry)
	python scripts/lock.py

# Browser, axe-core, TeX and Slurm: tests that need one say so and skip where it is missing. Debian or Ubuntu, as root.
system-packages:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	  chromium chromium-driver poppler-utils hugo ruby-kramdown ruby-kramdown-parser-gfm \
	  latexmk texlive-latex-recommended texlive-fonts-recommended texlive-latex-extra lmodern \
	  slurm-wlm munge >/dev/null
	command -v npm >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >/dev/null
	npm install --silent --no-save --no-audit --no-fund --prefix $(VENV)/axe axe-core@$(AXE)
	test -z "$$SUDO_UID" || chown -R $$SUDO_UID:$$SUDO_GID $(VENV)

clean:  ## remove what was built; the environment and downloaded data stay
	rm -rf results .snakemake
