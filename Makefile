# The verbs of this repository; `make help` lists them. Each installs what it needs first (setup/install.sh).

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
# What `make run` trains on; any name that `nearfield gcn train --device` takes.
DEVICE ?= sim:smartssd
# What `make synth` is limited to, and whether it writes the tables in the documentation.
UNIT ?=
UPDATE ?=
# What `make xclbin` packages: a card, and a kernel's configuration (`nearfield kernels` lists them).
BOARD ?= smartssd
KERNEL ?=
NEARFIELD = $(CARGO) run --locked --release --quiet -p nearfield --bin nearfield --
PACKAGE = $(CARGO) run --locked --quiet -p nearfield-bitstreams --bin package --

.PHONY: help run test test-long lint bench synth formal verilog xclbin release doc doctor clean need-%

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r verb text; do \
		printf '  make %-10s %s\n' "$$verb" "$$text"; done

need-%:
	@setup/install.sh $*

run: need-run ## train a graph convolutional network on Cora, every optimizer step on DEVICE (sim:smartssd)
	$(CARGO) build --locked --release -p nearfield
	$(NEARFIELD) gcn train --dataset cora --device $(DEVICE) --check

test: need-test ## every test
	$(CARGO) test --locked --workspace --no-fail-fast

test-long: need-test-long ## every test, with the long random runs
	NEARFIELD_LONG=1 $(CARGO) test --locked --workspace --no-fail-fast

lint: need-lint ## format, clippy, rustdoc, the core without simulator and XRT, both Verilog lints, tracked files
	setup/check-files.sh
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet
	for features in "" xrt; do RUSTFLAGS="-D warnings" $(CARGO) check --locked -p nearfield --no-default-features \
		--features "$$features" --target-dir target/core; done
	$(CARGO) run --locked --quiet -p nearfield-tests --bin verilog-lint

bench: need-bench ## rates of the kernel by device, format and clock (roofline in build/roofline.svg), of the compressor, of aggregation, and of a store's step (7.5 GB in build)
	$(CARGO) build --locked --release -p nearfield
	mkdir -p build
	$(NEARFIELD) bench kernel --device sim:smartssd,lanes=2 --device sim:smartssd,lanes=4 --clock 300,250 \
		--grads fp32,bf16,topk-fp32,topk-fp16 --half none,fp16 --plot build/roofline.svg
	$(NEARFIELD) bench kernel --device sim:ideal,lanes=1 --device sim:ideal,lanes=2 --device sim:ideal,lanes=4 \
		--device sim:ideal,lanes=8 --grads fp32,bf16,topk-fp16 --half none,fp16
	$(NEARFIELD) bench kernel --device sim:ideal,lanes=4 --device sim:ideal,lanes=8 --grads topk-fp32,topk-fp16 \
		--elements 300003 --top-k 0.1
	$(NEARFIELD) bench kernel --device sim:ideal,lanes=4 --device sim:ideal,lanes=8 --grads topk-fp32,topk-fp16 \
		--elements 300003 --top-k 1
	$(NEARFIELD) bench kernel --device soft --elements 67108864 --grads fp32,bf16 --half none,fp16
	$(NEARFIELD) bench compress --rounds 21
	$(NEARFIELD) bench aggregate --graph rmat:17 --density 1,0.5,0.3 --rounds 5
	$(NEARFIELD) bench store --folder build
	$(CARGO) bench --locked -p nearfield-sim --bench yardstick

synth: need-synth ## area and longest path of every unit and kernel, against tests/budget.toml; UNIT=NAME for one
	$(CARGO) run --locked --quiet -p nearfield-tests --bin synth -- $(if $(UNIT),--unit $(UNIT)) $(if $(UPDATE),--update)

formal: need-formal ## proofs of register, skid, FIFO, width converters, movers and merge (hdl/formal)
	$(CARGO) run --locked --quiet -p nearfield-tests --bin formal

verilog: need-verilog ## write the Verilog of every unit and kernel to build/verilog
	$(NEARFIELD) emit --all -o build/verilog

xclbin: need-xclbin ## package KERNEL (the card's default) for BOARD (smartssd) in build/xclbin; build it where Vitis is
	$(PACKAGE) xclbin --board $(BOARD) $(if $(KERNEL),--kernel $(KERNEL)) -o build/xclbin

release: need-release ## the packages of every card in one archive in build/release, for people without Rust
	$(PACKAGE) release -o build/release

doc: need-doc ## the library's reference as HTML in target/doc
	$(CARGO) doc --locked --workspace --no-deps

doctor: need-doctor ## say which tools are there and what works without the others
	$(NEARFIELD) doctor

clean: ## delete target and build; built kernels stay in the cache (`make doctor` says where)
	$(CARGO) clean
	rm -rf -- build
