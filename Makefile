# `make` alone lists the targets. Each does its own set-up.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

PORT ?= 8000
API ?= 2
# Tests wait more than they compute: more of them at once than there are cores.
JOBS ?= 4

PYTHON_VENV := .venv/bin/python
STEP := sh scripts/step.sh
# Every name of an index or host in a lock is one too many: `make lock` is for any index.
COMPILE := $(PYTHON_VENV) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --upgrade

##@ Use

.PHONY: run
run: setup ## Run the whole architecture on this machine [PORT=8000 API=2]
	@FLASK_SCALE_MIGRATIONS=services/domain/migrations exec $(PYTHON_VENV) -m flask_scale dev \
	    "services.api.app:create_app()" --worker-app "services.worker.app:create_app()" \
	    --after-migrate services.domain.dev:make_key --port "$(PORT)" --api "$(API)"

.PHONY: demo
demo: setup ## Import 100,000 users into what `make run` runs, look one up, read statistics, export
	@exec $(PYTHON_VENV) examples/demo.py

##@ Check

.PHONY: test
test: setup lint types chart-tools ## Everything that must hold: lint, types, import rules, then every test [JOBS=4]
	@exec $(PYTHON_VENV) -m pytest --numprocesses $(JOBS) --dist loadfile

.PHONY: faults
faults: setup ## Kill, stop, cut and slow every part under load: is an accepted job lost or doubled? [FAULTS="--long --seed 7"]
	@exec $(PYTHON_VENV) -m tests.faults $(FAULTS)

.PHONY: poison
poison: setup ## What 1% of jobs that harm their worker cost the others
	@exec $(PYTHON_VENV) -m tests.poison

.PHONY: mutants
mutants: setup ## Take the safeguards away, one by one: does the test meant for each notice? [ONLY=word]
	@exec $(PYTHON_VENV) -m tests.mutants library --only "$(ONLY)"

.PHONY: fault-mutants
fault-mutants: setup ## The same with those of accepted jobs and the fault suite [ONLY=word]
	@exec $(PYTHON_VENV) -m tests.mutants faults --only "$(ONLY)"

.PHONY: lint
lint: setup ## Style, format, and which room may import which
	@$(STEP) "ruff check" $(PYTHON_VENV) -m ruff check .
	@$(STEP) "ruff format" $(PYTHON_VENV) -m ruff format --check .
	@$(STEP) "import rules" .venv/bin/lint-imports --no-logo

.PHONY: types
types: setup ## mypy, strict
	@$(STEP) "mypy --strict" $(PYTHON_VENV) -m mypy

.PHONY: chart-tools
chart-tools: ## helm and kubeconform for the chart's tests: compiled once where they are missing
	@$(STEP) "helm and kubeconform" sh scripts/chart-tools.sh

##@ On Kubernetes

.PHONY: cluster
cluster: ## A kind cluster of three nodes on this machine, with or without a container registry
	@k8s-tests/cluster/up.sh

.PHONY: cluster-down
cluster-down: ## Delete it; what was compiled stays
	@k8s-tests/cluster/down.sh

.PHONY: images
images: ## Build flask-scale/api and flask-scale/worker, and put them on that cluster
	@sh scripts/images.sh

.PHONY: k8s-test
k8s-test: setup ## Every promise of the chart, on that cluster or another one [KUBE_CONTEXT=name SCENES=none]
	@[ -n "$(KUBE_CONTEXT)" ] || k8s-tests/cluster/up.sh
	@sh scripts/images.sh
	@KUBE_CONTEXT="$(KUBE_CONTEXT)" SCENES="$(SCENES)" exec $(PYTHON_VENV) -m pytest -c k8s-tests/pytest.ini k8s-tests

.PHONY: scenes
scenes: setup ## Of these the rollouts, drains, crashes and autoscaling under load alone, with pictures [SCENES=long]
	@k8s-tests/cluster/up.sh
	@sh scripts/images.sh
	@SCENES="$(SCENES)" exec $(PYTHON_VENV) -m pytest -c k8s-tests/pytest.ini k8s-tests/scenes

.PHONY: keda-test
keda-test: setup ## KEDA on that cluster, compiled once where no registry answers (half an hour); its scenes; and KEDA away
	@k8s-tests/cluster/up.sh
	@sh scripts/images.sh
	@k8s-tests/cluster/keda.sh up
	@$(PYTHON_VENV) -m pytest -c k8s-tests/pytest.ini k8s-tests/scenes/test_keda.py; code=$$?; \
		k8s-tests/cluster/keda.sh down && exit $$code

.PHONY: scene-mutants
scene-mutants: setup ## Take the chart's safeguards away, one by one: does the scene meant for each notice? [ONLY=word]
	@k8s-tests/cluster/up.sh
	@sh scripts/images.sh
	@exec $(PYTHON_VENV) -m tests.mutants chart --only "$(ONLY)"

##@ Measure

.PHONY: bench
bench: ## Compare with what you would otherwise run, about 15 minutes: table, results/bench.json and bench.png [BENCH=--only word]
	@sh scripts/setup.sh bench && sh scripts/wrk.sh && exec .venv-bench/bin/python -m benchmarks $(BENCH)

.PHONY: bench-quick
bench-quick: ## The same in about 2 minutes: an idea, not a result
	@$(MAKE) bench BENCH="--quick $(BENCH)"

.PHONY: bench-growth
bench-growth: ## How it behaves as more is asked: workers, overload, memory, scrapes; half an hour [BENCH=--quick]
	@sh scripts/setup.sh bench && sh scripts/wrk.sh && exec .venv-bench/bin/python -m benchmarks.growth $(BENCH)

##@ Look after

.PHONY: setup
setup: ## Make .venv from requirements/dev.txt; done by every other target
	@sh scripts/setup.sh

.PHONY: lock
lock: setup ## Pin the newest allowed versions in requirements/
	@$(PYTHON_VENV) -m pip --disable-pip-version-check install --quiet "uv>=0.13,<0.14"
	@$(STEP) "requirements/runtime.txt" $(COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(STEP) "requirements/dev.txt" $(COMPILE) pyproject.toml --extra dev --group build --group api --group worker --group examples \
	    --group test -c requirements/runtime.txt -o requirements/dev.txt
	@for image in api worker; do \
	    $(STEP) "requirements/$$image.txt" $(COMPILE) pyproject.toml --group $$image -c requirements/dev.txt -o requirements/$$image.txt; done
	@$(STEP) "requirements/build.txt" $(COMPILE) --group build -c requirements/dev.txt -o requirements/build.txt
	@$(STEP) "requirements/bench.txt" $(COMPILE) pyproject.toml --extra dev --group build --group bench \
	    -c requirements/dev.txt -o requirements/bench.txt

.PHONY: docs
docs: setup ## Write what is made from the settings: their page, and the chart's schema of them
	@$(PYTHON_VENV) scripts/settings_reference.py
	@$(PYTHON_VENV) scripts/settings_schema.py

.PHONY: chart-schemas
chart-schemas: setup ## Write tests/chart/schemas from the Go modules of Kubernetes and the operators
	@$(PYTHON_VENV) scripts/chart_schemas.py

.PHONY: clean
clean: ## Remove caches, .venv and the data of `make run`
	@! { [ -e .flask-scale/lock ] && ! flock --nonblock .flask-scale/lock true; } || \
	    { echo "make run still runs here: end it first (Ctrl-C)" >&2; exit 1; }
	@# Under root's closed home the data lie elsewhere, behind links.
	@for link in .flask-scale/*; do if [ -L "$$link" ]; then rm -rf "$$(readlink -f "$$link")"; fi; done
	rm -rf .venv .venv-bench .flask-scale .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find src services tests examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
