.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LEADS ?= 1000
DROP ?= 0
SCENARIO ?= leads
WORKERS ?= 3
ROUNDS ?= 10
NODES ?= 1
SEED ?= 0
FIRST ?= 0

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Distribute LEADS=1000; DROP=5 loses 5% of the webhooks, FAULTS=429_storm.yaml breaks things, KAFKA=1 runs a process per role, KEEP=1 stays up with console and API; SCENARIO=week plays a week
	@$(if $(KAFKA),$(PYTHON) deploy/kafka/broker.py --) $(BIN)/fairlead demo --scenario $(SCENARIO) --leads $(LEADS) --drop $(DROP) $(if $(FAULTS),--faults $(FAULTS)) $(if $(KAFKA),--kafka {servers}) $(if $(KEEP),--stay)

try: $(VENV)/.runtime ## Click about in the console of a made-up account while leads keep coming; EVERY=6 seconds
	@$(BIN)/fairlead try $(if $(EVERY),--every $(EVERY))

check: lint ## What needs nothing beside it: lint, types, unit tests; under two minutes
	@$(BIN)/pytest -m unit -n $(WORKERS) --dist worksteal

test: $(VENV)/.dev ## Set up and run every test
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal

campaign: $(VENV)/.dev ## Every fault test in ROUNDS=10 rounds, every property on as many times its examples; ARGS="-k F14", ARGS="-k attack"
	@$(BIN)/python -m tests.campaign --rounds $(ROUNDS) -n $(WORKERS) --dist worksteal $(ARGS)

golden: $(VENV)/.runtime ## Replay the golden histories; PYTHON=python3.13 VENV=.venv/3.13 on another Python
	@$(BIN)/python -m tests.golden.replay

golden-record: $(VENV)/.dev ## Record the golden histories of this version anew, never those of a released one
	@$(BIN)/python -m tests.golden.record

mutants: $(VENV)/.dev ## Break the engine in every known way and show which test notices
	@$(BIN)/python -m tests.mutation.check

sim: $(VENV)/.dev ## Run one seed of the simulation in words, SEED=7
	@$(BIN)/python -m tests.simulation seed $(SEED)

sim-long: $(VENV)/.dev ## Run the simulation on all cores for MINUTES=10 or SEEDS=1000, from FIRST=0
	@$(BIN)/python -m tests.simulation long --first $(FIRST) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEEDS),--seeds $(SEEDS))

kafka: ## Start Apache Kafka here until Ctrl-C; PORT=9092, NODES=3 for a cluster
	@$(PYTHON) deploy/kafka/broker.py $(if $(PORT),--port $(PORT)) --nodes $(NODES)

cluster: $(VENV)/.runtime ## Run the distributed installation here, a process per role, until Ctrl-C; PORT=8080
	@$(BIN)/python deploy/cluster.py $(if $(PORT),--port $(PORT))

lint: $(VENV)/.dev ## Format, lint, types, direction of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: $(VENV)/.dev ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure the figures of the design, as ratios in one run; ONLY="scale release" for some
	@$(BIN)/python -m tests.bench $(ONLY)

bench-kafka: $(VENV)/.dev ## The same for the installation of many processes
	@$(BIN)/python -m tests.bench.kafka

schemas: $(VENV)/.dev ## Write the JSON schemas, the AsyncAPI document, and the pages of reference anew
	@$(BIN)/python -m services.runtime.schemas
	@$(BIN)/python deploy/docs/reference.py

answers: $(VENV)/.dev ## Print the answers about the week in docs/how-to/audit.md anew
	@$(BIN)/python -m deploy.docs.week

docs: $(VENV)/.docs ## Build the documentation site into build/docs; a broken link fails
	@$(BIN)/zensical build --strict
	@$(BIN)/python deploy/docs/site.py build/docs

sbom: $(VENV)/release ## Write the bill of materials of a release, build/sbom.json (CycloneDX)
	@mkdir -p build
	@$(VENV)/release/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
		--output-reproducible --of JSON -o build/sbom.json

audit: $(VENV)/release ## Look for known vulnerabilities in what an installation runs on; asks the package index
	@$(VENV)/release/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.txt

screens: $(VENV)/.dev ## Take pictures of every screen of the console, in both schemes, on a desktop, a phone and at 400%, into OUT=folder
	@$(BIN)/python -m tests.services.console.screens $(if $(OUT),$(OUT),$(error OUT=folder for the pictures is missing)) $(ONLY)

harness: $(VENV)/.dev ## Open a built widget in Kommo's surroundings, without Kommo: ZIP=fairlead.zip
	@$(BIN)/python -m services.sandbox --leads 20 --harness $(if $(ZIP),$(ZIP),$(error ZIP=file of the widget is missing))

widget-screens: $(VENV)/.dev ## Take pictures of the widget in each place, light and dark, into OUT=folder
	@$(BIN)/python -m tests.services.widget.in_browser.pictures $(if $(OUT),$(OUT),$(error OUT=folder for the pictures is missing))

pictures: $(VENV)/.dev ## Draw the widget's pictures anew, in every size that Kommo asks for
	@$(BIN)/python -m deploy.widget.pictures

words: $(VENV)/.dev ## Bring the catalogue of sentences up to date with the code; LANGUAGE=ru starts or follows a translation
	@$(BIN)/python -m services.words.update $(LANGUAGE)

lock: $(VENV)/.dev ## Pin the dependencies anew, with hashes and without addresses
	@deploy/lock.sh $(BIN)/uv

clean: ## Remove the environment and what tools left behind
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache *.egg-info

$(VENV)/.runtime: requirements.txt pyproject.toml deploy/venv.sh
	@deploy/venv.sh $(PYTHON) $(VENV) requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml deploy/venv.sh
	@deploy/venv.sh $(PYTHON) $(VENV) requirements-dev.txt
	@touch $(VENV)/.runtime $@

$(VENV)/release: requirements-release.txt | $(VENV)/.runtime
	@$(PYTHON) -m venv $@
	@$@/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: -r requirements-release.txt
	@touch $@

$(VENV)/.docs: requirements-docs.txt | $(VENV)/.runtime
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: -r requirements-docs.txt
	@touch $@

.PHONY: help demo try check test sim sim-long campaign golden golden-record mutants kafka lint fmt bench bench-kafka schemas answers docs sbom audit screens harness widget-screens pictures words lock clean
