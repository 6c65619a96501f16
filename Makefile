# What people type. `make` alone says what there is.

PBX ?= asterisk
CARGO_DENY_VERSION := 0.20.2
TOOLS := target/tools
CARGO_DENY := $(or $(shell command -v cargo-deny),$(TOOLS)/bin/cargo-deny)

.DEFAULT_GOAL := help
.PHONY: help demo test reference seeds torture pacing load lint audit bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## dial a campaign without any phone, on a real Asterisk; PBX=sandbox: with no Asterisk at all
	PBX=$(PBX) tests/demo/run

test: ## every test; gets what some of them need: an Asterisk, libraries of Python and Node
	tests/lab/asterisk install
	tests/python >/dev/null
	@tests/node >/dev/null || echo 'test: without Node the test of npm'"'"'s asterisk-manager is SKIPPED; tests/node says above what is missing' >&2
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --locked && cargo test --locked --doc; \
	else \
		set -x; cargo test --locked; \
	fi

reference: ## docs/reference/actions.md anew, from what the actions do
	ASTOUT_WRITE_REFERENCE=1 cargo test --locked --lib the_reference_of_the_actions

seeds: ## 10,000 simulated worlds, or ASTOUT_SEEDS of them, each with all that can go wrong; a failing one is told
	cargo test --locked --test simulation whatever_the_seed -- --nocapture

torture: ## kills astout 500 times in mid-campaign on the sandbox, and 50 times on a real Asterisk; half an hour
	tests/lab/asterisk install
	ASTOUT_TORTURE=500 ASTOUT_TORTURE_ASTERISK=50 cargo test --locked --test torture -- --nocapture --test-threads 1

pacing: ## 300 numbers for five agents of a real Asterisk, in each mode that goes by agents: as busy as simulated? ten minutes
	tests/lab/asterisk install
	ASTOUT_PACING=300 cargo test --locked --test occupancy -- --nocapture --test-threads 1

load: ## a million contacts, 500 calls, 2000 events a second, 50 clients of which 5 never read: memory and jitter; ten minutes
	ASTOUT_LOAD_CONTACTS=1000000 ASTOUT_LOAD_CALLS=500 ASTOUT_LOAD_CALLS_PER_SECOND=20 ASTOUT_LOAD_EVENTS=2000 \
	ASTOUT_LOAD_CLIENTS=50 ASTOUT_LOAD_DEAF=5 ASTOUT_LOAD_SECONDS=120 ASTOUT_LOAD_JITTER_MS=50 \
		cargo test --release --locked --test load -- --nocapture

lint: audit ## formatter, clippy, documentation, dependency audit
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items

# The advisories live in a git repository and not in the registry: where it cannot be reached the rest still holds.
audit: $(CARGO_DENY) ## licences, sources and known vulnerabilities of the dependencies
	$(CARGO_DENY) --locked check --hide-inclusion-graph licenses bans sources
	@if timeout 60 $(CARGO_DENY) fetch db >$(TOOLS).log 2>&1; then \
		set -x; $(CARGO_DENY) --locked check --disable-fetch --hide-inclusion-graph advisories; \
	else \
		echo 'audit: the advisory database cannot be reached: known vulnerabilities were NOT looked up' >&2; \
		head -n 1 $(TOOLS).log >&2; \
	fi

# Unoptimised: it is built in half the time, and runs for seconds.
$(TOOLS)/bin/cargo-deny:
	cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --debug --root $(TOOLS) --target-dir $(TOOLS)/build
	rm -rf $(TOOLS)/build

bench: ## the benchmark suite, a table with ratios at the end and in docs/performance.md; ROWS='B3 B6': only those
	tests/lab/asterisk install
	cargo bench --locked --bench suite -- $(ROWS)
