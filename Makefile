# Thin verbs over the presets in CMakePresets.json. `make help` lists them.

JOBS ?= 2#              compile jobs and tests at a time
SETUP ?= cmake/setup.sh# `make SETUP=true ...` installs nothing
FUZZ_SECONDS ?= 60#     per fuzz target
PREFIX ?= /usr/local#   of `make install`
PROMPT ?= Once upon a time#  for MODEL; the built-in one gets a question of its world
# The job of `make demo`, and questions of each family: what fits six minutes on two cores, with bfloat16 arithmetic and without.
BFLOAT16 := $(shell grep -s -m1 -o avx512_bf16 /proc/cpuinfo)
DEMO ?= configs/demo$(if $(BFLOAT16),,-float32).toml
COUNT ?= $(if $(MODEL),60,$(if $(findstring float32,$(DEMO)),30,60))
LEVELS ?= 1.0 0.8 0.5#  at which `make demo` answers one question

.PHONY: bench all setup release install dev runtime-only asan tsan android-arm64 test test-long demo fuzz fmt lint clean help
.DEFAULT_GOAL := all

define build
	cmake --preset $(1) >build/$(1).configure.log 2>&1 || { cat build/$(1).configure.log; exit 1; }
	cmake --build --preset $(1) -j $(JOBS)
endef

all: release ## build the programs: build/release/bin/elmc and build/release/bin/elm

setup: ## install the Debian packages that are missing (as root or with sudo)
	@$(SETUP) runtime toolchain

release dev: | build ## build with LibTorch: optimised, or for the debugger
	@$(SETUP) runtime toolchain
	@$(call build,$@)

install: release ## install elmc, elm and the built-in models into PREFIX (/usr/local)
	@cmake --install build/release --prefix "$(PREFIX)"

runtime-only asan tsan: | build ## build what a phone gets and test it: plain, or under a sanitizer
	@$(SETUP) runtime $(if $(filter runtime-only,$@),,datasets)
	@$(call build,$@)
	@ctest --preset $@ -j $(JOBS)

android-arm64: | build ## build the runtime for a 64-bit ARM phone; test it under qemu
	@$(SETUP) runtime arm64
	@$(if $(ANDROID_NDK_HOME),,cmake/arm64-sysroot.sh build/arm64-sysroot)
	@$(call build,$@)
	@$(if $(ANDROID_NDK_HOME),,ctest --preset $@ -j $(JOBS))

# (asan is what runtime-only is, without LibTorch, and under sanitizers as well.)
test: | build ## set up, build and pass every test: release, asan, android-arm64
	@$(SETUP) runtime toolchain arm64
	@cmake/arm64-sysroot.sh build/arm64-sysroot
	@ANDROID_NDK_HOME= cmake/run_tests.sh $(JOBS) release asan android-arm64

test-long: release ## the tests that take minutes each: what levels cost a real model
	@ELM_LONG_TESTS=1 ctest --preset release --timeout 3600 -R '^toolchain_pipeline_test$$'

demo: ## the whole job on the built-in model, or on a checkpoint: make demo MODEL=DIR DATA=TEXT
	@$(if $(MODEL),$(if $(DATA),,$(error make demo MODEL=$(MODEL) DATA=TEXT: DATA names a text file to calibrate on)))
	@start=$$(date +%s); $(MAKE) --no-print-directory release && \
	  echo "setup and build took $$(($$(date +%s) - start)) s; now the job"
	@LEVELS="$(LEVELS)" PROMPT="$(PROMPT)" COUNT=$(COUNT) cmake/demo.sh build/release/bin build/demo $(DEMO) \
	  $(if $(MODEL),"$(MODEL)" "$(DATA)")

bench: release ## memory, opening and switching of a synthetic 1 GB bundle (docs/benchmarks.md)
	runtime/bench/level_memory.sh build/release/bin build/bench

fuzz: | build ## run every fuzz target for FUZZ_SECONDS; the corpus stays in build/fuzz-corpus
	@$(SETUP) runtime datasets fuzz
	@$(call build,$@)
	@cmake/run_fuzz.sh build/fuzz/bin build/fuzz-corpus $(FUZZ_SECONDS)

fmt: ## clang-format every source file in place
	@$(SETUP) lint
	@git ls-files -co --exclude-standard '*.h' '*.hpp' '*.cc' | xargs clang-format -i

lint: | build ## clang-tidy on the files that differ from the last commit
	@$(SETUP) runtime toolchain lint
	@cmake --preset dev >/dev/null
	@cmake/lint.sh build/dev

clean: ## remove build/
	rm -rf build

build:
	@mkdir -p build

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
