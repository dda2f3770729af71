# The two commands a newcomer needs: `make demo` and `make test`.
SHELL := /bin/bash
# Builds may share a cache outside the checkout when it exists.
ifeq ($(origin CARGO_TARGET_DIR), undefined)
ifneq ($(wildcard $(HOME)/.cache/watershed/target),)
export CARGO_TARGET_DIR := $(HOME)/.cache/watershed/target
endif
endif
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: demo test tools python

demo: tools
	cargo build --package watershed
	$(TARGET)/debug/watershed demo

test: tools python
	cargo fmt --all --check
	cargo xtask tidy
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

tools:
	@command -v cargo >/dev/null || { echo "missing: Rust (https://rustup.rs)"; exit 1; }
	@command -v cc >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq gcc libc6-dev; \
	  else echo "missing: a C compiler (Debian: apt-get install gcc libc6-dev)"; exit 1; fi; }

# The independent clients and readers of the end-to-end tests live in a virtual environment of their own.
python: $(TARGET)/python/ready

$(TARGET)/python/ready: tests/requirements.txt
	@command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3 python3-venv; \
	  else echo "missing: Python 3 with venv (Debian: apt-get install python3 python3-venv)"; exit 1; fi; }
	python3 -m venv $(TARGET)/python
	$(TARGET)/python/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@
