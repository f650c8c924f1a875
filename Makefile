# Kneephen: from an OAI release to a book.   make help   says what there is.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

# --- what a user may set -------------------------------------------------------------------
PROFILE ?= demo#       demo, null, oai, smoke or large: a block of notebooks/params.yml
OAI     ?=#            folder of a real OAI release, with PROFILE=oai
RELEASE ?=#            folder of another release, for `make assign`
IMAGES  ?=#            folder of knee pictures, for `make grade`
TABLE   ?=#            CSV of path, participant_id, side, kl_grade, for `make grade`
DEVICES ?= 1#          processes that train together in `make grade`, one a GPU
WEIGHTS ?= embedded#   encoder: embedded, a local folder, or hf-hub:owner/name
SET     ?=#            parameters, such as SET="phenotype.min_cluster_size=40@2"
TORCH   ?=#            cpu, cu128, ...: another build of torch, where its index can be reached
DASK    ?=#            tcp://host:8786, a Dask scheduler for resampling, nulls, sweeps and simulations
JOBS    ?= 2#          notebooks that may run side by side, processes of a simulation
TWINS   ?= 20#         small releases with phenotypes, and as many without, of make truth
COHORTS ?= 300#        simulated cohorts of make calibrate
PEOPLE  ?= 1200#       people in each of them
TRIES   ?= 3#          times each fault of make faults
PYTHON  ?= python3#    interpreter that makes the environment
#                      ENV=folder: an environment that is there, used as it is

ifeq ($(MAKELEVEL),0)
ifeq (,$(filter -j%,$(MAKEFLAGS)))
MAKEFLAGS += -j$(strip $(JOBS))
endif
endif

# a value as the shell is to read it: one word, whatever blanks, quotes and $ it holds
quoted   = '$(subst ','\'',$(value $(1)))'
unexport OAI RELEASE IMAGES TABLE WEIGHTS SET DASK ENV#  make would look for its own $ in them

# --- the environment: ENV=folder, an active conda environment called kneephen, or .venv -------
# One that is there, also by a link called .venv, is used as it is; nothing is installed into it.
ifeq ($(origin ENV),command line)
PLACE := $(value ENV)
else ifeq ($(CONDA_DEFAULT_ENV),kneephen)
PLACE := $(value CONDA_PREFIX)
else
PLACE := .venv
endif
WHERE := $(if $(filter /%,$(firstword $(PLACE))),$(PLACE),$(CURDIR)/$(PLACE))
PY    := '$(subst ','\'',$(WHERE))/bin/python'
HAVE  := $(shell test -x $(PY) && echo yes)
READY := $(if $(filter-out .venv,$(PLACE))$(shell test -L .venv && echo linked),equipped,.venv/.ready)
export PATH := $(WHERE)/bin:$(PATH)
export PYTHONPATH := $(CURDIR)
export PYTHONUTF8 := 1
export PYTHONNOUSERSITE := 1
export JUPYTER_PREFER_ENV_PATH := 1
export NUMBA_CACHE_DIR ?= $(WHERE)/numba
export OMP_NUM_THREADS ?= 1
export NUMBA_NUM_THREADS ?= 1
export PYTHONWARNINGS ?= ignore::FutureWarning,ignore:resource_tracker:UserWarning
export PYDEVD_DISABLE_FILE_VALIDATION := 1

OWNER := $(shell echo $$PPID)# this make: while it lives, no other works in the same folder
export KNEEPHEN_MAKE := $(OWNER)-$(shell date +%s)
BEFORE := $(if $(HAVE),$(PY),$(call quoted,PYTHON))#  a Python that is there before the environment

FITS := -c 'import sys; sys.exit((3, 11) > sys.version_info[:2] or sys.version_info[:2] > (3, 12))'#  whether a Python is one that is promised

# when this make is gone, however it ended, nothing that it started stays at work
GUARD := $(shell $(BEFORE) -m workflow.guard $(OWNER) $(KNEEPHEN_MAKE) < /dev/null > /dev/null 2>&1 &)

# --- names ---------------------------------------------------------------------------------
P      := $(strip $(PROFILE))
A      := artefacts/$(P)
TELL    = $(PY) -m workflow
GIVEN   = --profile=$(call quoted,P) --oai=$(call quoted,OAI) --weights=$(call quoted,WEIGHTS) --dask=$(call quoted,DASK) --set=$(call quoted,SET) --owner=$(OWNER)
TWIN   := $(if $(filter oai,$(P)),,$(A)/ran/twin)
HTML   := book/_build/html/index.html
PDF    := book/_build/kneephen.pdf
MAKERS := tests/test_pdf_export.py#  it calls make, which works once at a time in a profile
SHARED := tests/test_spine.py tests/test_reads.py tests/test_faults.py#  they share one finished run
marked  = $(shell grep -l 'mark\.$(1)' tests/test_*.py)#  files of tests with a mark: to read them all takes a while
made    = $(foreach run,$(1),$(A)/ran/$(run))

# --- what a run waits for and leaves, made from workflow/declared.py ---------------------------
NOTHING :=
RULED   := $(shell mkdir -p build && $(BEFORE) -m workflow.rules \
             > build/rules.$(OWNER) && mv build/rules.$(OWNER) build/rules.mk)
-include build/rules.mk

# --- a clock that was set back: times must be put right before make reads them ---------------
AHEAD := $(shell mkdir -p build && touch build/.now && \
           find $(A)/stamps $(A)/ran $(A)/outputs build/book.stamp $(HTML) -newer build/.now 2>/dev/null)
ifneq (,$(AHEAD))
SETTLED := $(shell $(TELL) stamps $(GIVEN))
endif

.PHONY: equipped read-book all assign grade run book twin calibrate encoder weights test test-all slow-runs slow-rest quick lint timings env browser lock clean clean-all help stamps status doctor explore bench bench-films bench-training bench-grading bench-truth crate truth pdf tables faults coverage hashes sbom check FORCE

all: $(HTML) ## execute what is missing or has changed, then build the book
	@$(TELL) timings --profile "$(P)" > $(A)/timings.txt
	@if [ -e $(A)/fresh ]; then cat $(A)/timings.txt; rm -f $(A)/fresh; fi
	@echo "The book: $(abspath $(HTML))"

run: $(call made,$(RUNS)) ## execute the notebooks, without building the book

book: $(HTML) ## as `all`, without the closing lines

twin: $(TWIN) ## write the synthetic OAI release of this profile

# --- what has changed: stamps are rewritten only where content differs ----------------------
stamps: $(READY)
	@$(TELL) stamps $(GIVEN)
$(A)/stamps/%: stamps
	@:
build/book.stamp: stamps
	@:

# --- runs: ran/X is new after every run, the note outputs/Y only if the artefact Y changed --
$(A)/ran/twin: $(A)/stamps/twin
	@$(TELL) twin $(GIVEN)
$(A)/ran/%: $(A)/stamps/%
	@$(TELL) run $* $(GIVEN)
	@touch $(A)/fresh

# --- the book --------------------------------------------------------------------------------
$(HTML): build/book.stamp $(SHOWN)
	@$(TELL) pages $(GIVEN)
	@echo "book: building" >&2
	@rm -rf book/_build/singlehtml $(PDF)
	@jupyter-book build --warningiserror --keep-going --quiet --all book > build/book.log 2>&1 \
	  || { cat build/book.log >&2; exit 1; }
	@mv build/book.making build/book.made
	@touch $@
	@$(if $(filter oai,$(P)),$(TELL) gate $(GIVEN))

$(PDF): $(HTML)
	@echo "book: printing (a minute or so)" >&2
	@jupyter-book build --builder singlehtml --quiet book > build/pdf.log 2>&1 \
	  || { cat build/pdf.log >&2; exit 1; }
	@$(if $(filter oai,$(P)),$(TELL) gate $(GIVEN))
	@$(TELL) pdf $(GIVEN)

pdf: $(PDF) ## the whole book on one page, and as a PDF of A4 pages
	@echo "To print: $(abspath $(PDF))"

# --- encoders --------------------------------------------------------------------------------
encoder: $(READY) ## retrain the embedded encoder on rendered knees (an hour or so of CPU)
	@$(PY) -m studies.pretrain

weights: $(READY) ## with network: keep BiomedCLIP, or WEIGHTS=hf-hub:..., in weights/ for use without
	@$(PY) -m kneephen_utils.encoder $(if $(filter hf-hub:%,$(value WEIGHTS)),$(call quoted,WEIGHTS))

# --- calibration: simulated cohorts with known effects; the next book shows the numbers ------
calibrate: $(READY) ## bias, coverage and false alarms over COHORTS simulated cohorts
	@$(PY) -m studies.simulation_study --out artefacts/calibration \
	  --cohorts $(strip $(COHORTS)) --people $(strip $(PEOPLE)) --workers $(strip $(JOBS)) --dask=$(call quoted,DASK)

truth: $(READY) ## TWINS small releases with films and phenotypes, TWINS without, each studied whole
	@nice -n 10 $(PY) -m studies.simulation_study.end_to_end --out book/measured/twins.csv \
	  --parts artefacts/twins --twins $(strip $(TWINS)) --workers $(strip $(JOBS))

# --- tests -----------------------------------------------------------------------------------
test: $(READY) browser ## lint, fast tests, the whole pipeline in small, its book in a browser
	@$(MAKE) lint quick
	@$(MAKE) all PROFILE=smoke
	@$(MAKE) read-book PROFILE=smoke

read-book: $(READY) ## read the built book of this profile in a browser, page by page
	@$(PY) -m pytest -m browser -n $(strip $(JOBS)) $(filter-out $(MAKERS),$(call marked,browser)) --override-ini addopts="-q --strict-markers"
	@$(PY) -m pytest -m browser $(MAKERS) --override-ini addopts="-q --strict-markers"

test-all: test ## `test`, the book of the demo, the slow tests: faults, calibration, whole runs (an hour)
	@$(MAKE) all
	@$(MAKE) read-book
	@$(MAKE) slow-runs slow-rest

slow-runs: $(READY) ## slow tests that share one finished run of the smoke profile
	@$(PY) -m pytest -m "slow and not browser" $(SHARED) --override-ini addopts="-q --strict-markers"

slow-rest: $(READY) ## the other slow tests
	@$(PY) -m pytest -m "slow and not browser" $(filter-out $(SHARED),$(call marked,slow)) --override-ini addopts="-q --strict-markers"

quick: $(READY) ## the fast tests only
	@$(PY) -m pytest -n $(strip $(JOBS))

lint: $(READY) ## style, types and the import contract
	@ruff check . && ruff format --check --quiet .
	@mypy
	@lint-imports --no-cache

check: $(READY) ## after make all PROFILE=smoke: whether this installation makes what is expected
	@$(PY) studies/benchmarks/golden.py "$(P)"

bench-truth: $(READY) ## phenotypes of 2,000 people beside what was planted in them, half an hour; the book shows it
	@$(MAKE) PROFILE=large $(subst $(A)/,artefacts/large/,$(call made,$(PHENO)))
	@$(PY) studies/benchmarks/truth.py --artefacts artefacts/large

BENCHED := films models groups training sweep scale book#  the scripts of make bench

bench: $(READY) ## every hot path beside a reference and over four sizes, after `make all`; two hours or so
	@for each in $(BENCHED); do echo "bench: $$each" >&2; $(PY) studies/benchmarks/bench_$$each.py --keep; done
	@$(PY) studies/benchmarks/explorer_redraw.py --keep
	@echo "The table: $(abspath book/measured/speed.csv); make all puts it into the book"

bench-films: $(READY) ## films per second against plain decoding, memory, and the locator on strange films
	@$(PY) studies/benchmarks/bench_films.py --release $(A)/release
	@$(PY) studies/benchmarks/locate.py

bench-training: $(READY) ## a training step, embedding and caching against the published way, on one thread
	@$(PY) studies/benchmarks/bench_training.py

bench-grading: $(call made,03_grading) ## what options of fine-tuning cost, and a grader beside two readers; the book shows both
	@nice -n 10 $(PY) studies/benchmarks/grading_options.py --artefacts $(A)
	@nice -n 10 $(PY) studies/benchmarks/readers.py

faults: $(READY) ## kill, fill and spoil finished runs, TRIES times each; the book shows the table
	@$(MAKE) run PROFILE=smoke
	@$(PY) studies/benchmarks/faults.py --tries $(strip $(TRIES))

coverage: $(READY) ## lines that the fast tests run, and mutants they notice; the book shows both
	@mkdir -p build; $(PY) -m pytest -n $(strip $(JOBS)) --cov --cov-report=json:build/coverage.json --cov-report=
	@$(PY) studies/benchmarks/covered.py build/coverage.json
	@$(PY) studies/benchmarks/mutants.py --keep

# --- the rest --------------------------------------------------------------------------------
assign: $(READY) ## give the phenotypes of a finished run to another release: RELEASE=folder
	@$(TELL) assign $(call quoted,RELEASE) $(GIVEN)

grade: $(READY) ## train and score a grader on any pictures: IMAGES=folder TABLE=file.csv
	@$(TELL) grade $(call quoted,IMAGES) --table=$(call quoted,TABLE) --devices $(strip $(DEVICES)) $(GIVEN)

crate: $(READY) ## the built book and its provenance as an RO-Crate, without participants
	@$(TELL) crate $(GIVEN)

sbom: $(READY) ## bill of materials of the locked packages with their licences: build/sbom.json
	@mkdir -p build; $(PY) -m workflow.sbom > build/sbom.json
	@echo "The bill: $(abspath build/sbom.json)"

hashes: $(READY) ## with network: the lock with the sha256 of every file of each package: requirements.hashes
	@mkdir -p build; rm -f build/requirements.hashes
	@uv pip compile requirements.lock --no-deps --generate-hashes --no-annotate --no-header --quiet --python-version 3.11 --output-file build/requirements.hashes
	@mv build/requirements.hashes requirements.hashes
	@echo "To install by it: pip install --require-hashes --no-deps -r requirements.hashes"

timings: $(READY) ## time and peak memory of each run
	@$(TELL) timings --profile "$(P)"

status: $(READY) ## what is stale, and why
	@$(TELL) status $(GIVEN)

doctor: $(READY) ## machine, GPU, disk, packages, data found
	@$(TELL) doctor $(GIVEN)

tables: $(call made,04_fusion) ## the stages up to fusion alone: what the bench opens

explore: $(call made,04_fusion) ## tune one grade live: notebooks/explore.ipynb in JupyterLab, on this machine alone
	@JUPYTER_PATH= jupyter lab --ServerApp.ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/explore.ipynb

env: $(READY) ## make the environment from the lock

equipped: # an environment that is there: whether it has what is needed
	@test -x $(PY) || { echo "kneephen: there is no Python in" '$(subst ','\'',$(PLACE))/bin; expected a virtual or conda environment' >&2; exit 1; }
	@$(PY) $(FITS) \
	  || { echo "kneephen: $$($(PY) --version) in" '$(subst ','\'',$(PLACE)); expected Python 3.11 or 3.12' >&2; exit 1; }
	@$(PY) -m workflow.equipped

build/environment.stamp: FORCE
	@mkdir -p build; cat requirements.lock pyproject.toml | cksum > $@.new; \
	  if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
FORCE:

.venv/.ready: build/environment.stamp
	@$(PYTHON) $(FITS) \
	  || { echo "kneephen: PYTHON=$(PYTHON) is $$($(PYTHON) --version 2>&1); expected Python 3.11 or 3.12" >&2; exit 1; }
	@echo "environment: installing into .venv (several minutes the first time)" >&2
	@$(PYTHON) -m venv .venv
	@$(if $(strip $(TORCH)),.venv/bin/pip install --progress-bar off $$(grep -E '^torch(vision)?==' requirements.lock) \
	  --index-url https://download.pytorch.org/whl/$(strip $(TORCH)))
	@.venv/bin/pip install --progress-bar off --quiet -r requirements.lock
	@.venv/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

browser: ## a Chromium for the tests of the book, from the system's packages
	@command -v chromium chromium-browser google-chrome > /dev/null \
	  || { command -v apt-get > /dev/null && apt-get update -qq && apt-get install -qq -y chromium > /dev/null; } \
	  || { echo "make test needs Chromium: install it with your system's packages" >&2; exit 1; }

lock: ## write the lock from the packages now installed
	@$(PY) -m pip freeze --exclude-editable | grep -vE '^(nvidia-|triton|cuda-|kneephen)' > requirements.lock

clean: ## remove this profile's artefacts and the built book
	rm -rf $(A) book/executed book/_build build/book.*

clean-all: clean ## remove the artefacts of all profiles and the environment too
	rm -rf artefacts .venv

help: ## this list
	@echo "make TARGET [PROFILE=demo|null|oai|smoke] [OAI=folder] [WEIGHTS=embedded|folder|hf-hub:name] [DASK=tcp://host:port] [SET=\"stage.name=value@grade\"] [ENV=folder]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
