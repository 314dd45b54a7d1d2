# Nearfield: two commands to begin with, `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test test-long lint bench synth formal verilog xclbin release doc doctor clean \
        tools-build tools-sim tools-all

# What building the host, simulating and checking need; setup/install.sh says which are missing and asks.
tools-build:
	@setup/install.sh g++ cmake
tools-sim: tools-build
	@setup/install.sh verilator ccache
tools-all: tools-sim
	@setup/install.sh yosys z3

DEVICE ?= sim:smartssd

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: tools-sim ## train a graph network on Cora, every optimizer step on DEVICE (sim:smartssd), compared with the CPU
	cargo build --release -p nearfield
	target/release/nearfield gcn train --dataset cora --device $(DEVICE) --check

test: tools-all ## every test
	cargo test --workspace --no-fail-fast

test-long: tools-all ## every test with longer random runs, and the larger configurations
	NEARFIELD_LONG=1 cargo test --workspace --no-fail-fast -- --nocapture

lint: tools-all ## formatting, clippy, documentation, the host without simulation, both lints of all emitted Verilog
	setup/check-files.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo check -p nearfield --no-default-features
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	cargo run -q -p nearfield-tests --bin verilog-lint

bench: tools-sim ## speed of the simulation and rate of the kernels
	cargo build --release -p nearfield
	target/release/nearfield bench kernel

synth: tools-all ## area and longest path of every unit (Yosys), against tests/budget.toml; UNIT=NAME for one
	cargo run -q -p nearfield-tests --bin synth -- $(UNIT)

formal: ## proofs of the handshake cells
	@echo "make formal: no unit has formal properties yet; they come with the SmartUpdate work." >&2; exit 2

verilog: tools-build ## print the Verilog of every kernel and unit into build/verilog
	cargo run -q --release -p nearfield -- emit --all -o build/verilog

xclbin: ## pack a kernel for a board
	@echo "make xclbin: packaging for boards comes with the XRT backend; \`make verilog\` prints what it will pack." >&2; exit 2

release: ## a tarball of the kernels for people without Rust
	@echo "make release: the tarball comes with packaging for boards." >&2; exit 2

doc: ## the API's documentation
	cargo doc --workspace --no-deps

doctor: ## what this machine has and lacks
	cargo run -q --release -p nearfield -- doctor

clean: ## remove everything built here (not the cache of built kernels: `nearfield doctor` says where that is)
	cargo clean
	rm -rf build
