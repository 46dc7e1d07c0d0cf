# Nightjar. `make` alone lists what there is to do.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CONFIG ?= demo/nightjar.yaml
DURATION ?=

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  \033[1mmake %-15s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## install what is missing and build everything
	@scripts/bootstrap build run
	@scripts/build

.PHONY: run
run: build ## run the demo: four cameras, detector, tracker, broker, live view (DURATION=20s ends by itself)
	@exec bin/nightjar run -c $(CONFIG) $(if $(DURATION),--duration $(DURATION))

.PHONY: test
test: ## run every test (lint, types, C++, TypeScript, wasm, end to end)
	@scripts/bootstrap build run test
	@scripts/build all
	@. scripts/env.sh && node scripts/test.ts

.PHONY: test-long
test-long: ## the long forms: 200 cameras added and removed, 50 kills, 1000 swaps (minutes)
	@scripts/bootstrap build run test
	@scripts/build all
	@. scripts/env.sh && NIGHTJAR_LONG=1 NIGHTJAR_LEAK_CYCLES=200 vitest run --testTimeout=1800000 test/e2e/leaks.test.ts test/e2e/swap.test.ts test/e2e/soak.test.ts test/services/pipeline/cameras.test.ts

.PHONY: test-publisher
test-publisher: ## no event lost: all power cuts of a recorded disk, 500 kills, a million messages offline (an hour)
	@scripts/bootstrap build run test
	@scripts/build all
	@. scripts/env.sh && NIGHTJAR_LONG=1 vitest run --testTimeout=3600000 --maxWorkers=1 test/services/publisher test/services/supervisor/stalled-disk.test.ts

.PHONY: test-sanitize
test-sanitize: ## the C++ tests for data races, memory errors and undefined behaviour (minutes: a build of its own for each)
	@scripts/bootstrap build run test
	@scripts/test-sanitize

.PHONY: test-deepstream
test-deepstream: ## our DeepStream profile judged by NVIDIA's own elements (DEEPSTREAM_SRC=their checkout; no GPU needed)
	@DEEPSTREAM_SRC='$(DEEPSTREAM_SRC)' scripts/test-deepstream

.PHONY: test-arm64
test-arm64: ## cross-build for arm64 and run the tests under qemu (Debian; half an hour)
	@scripts/bootstrap build run test arm64
	@scripts/test-arm64

.PHONY: package
package: build ## Debian packages for amd64 and arm64 in build/packages (the arm64 parts come from a cross-build)
	@scripts/bootstrap build run package arm64
	@scripts/test-arm64 build
	@scripts/package

.PHONY: test-package
test-package: build ## the package built twice, checked, installed, hung, upgraded, removed, purged under a real systemd (root; ten minutes)
	@scripts/bootstrap build run package
	@scripts/test-package

.PHONY: image
image: build ## a disk image for amd64 to try Nightjar on a machine of its own, in build/image (root; ARCH=arm64 for the other; minutes)
	@scripts/bootstrap build run package image $(if $(filter arm64,$(ARCH)),arm64)
	@$(if $(filter arm64,$(ARCH)),scripts/test-arm64 build)
	@scripts/package $(or $(ARCH),amd64) demo
	@scripts/image $(or $(ARCH),amd64)

.PHONY: test-guest
test-guest: build ## the disk image in QEMU: boots, plays, hangs, loses power while it records and updates (root; half an hour)
	@scripts/bootstrap build run guest
	@scripts/test-guest

.PHONY: soak
soak: build ## cameras, broker, processes and power that fail for DURATION (default 24h); what was lost or grew (PAUSE=60s, SEED=N)
	@scripts/bootstrap build run test
	@. scripts/env.sh && node scripts/soak.ts --duration $(or $(DURATION),24h) $(if $(PAUSE),--pause $(PAUSE)) $(if $(SEED),--seed $(SEED))

.PHONY: lint
lint: ## formatters, linters and type checks only
	@scripts/bootstrap build run test
	@. scripts/env.sh && node scripts/test.ts lint

.PHONY: format
format: ## format all sources
	@scripts/bootstrap build run test
	@. scripts/env.sh && biome check --write . && git ls-files 'firmware/*.cpp' 'firmware/*.h' 'test/*.cpp' 'test/*.h' | xargs clang-format-14 -i

.PHONY: bench
bench: ## measure; prints a table and writes build/bench.json
	@scripts/bootstrap build run test
	@scripts/build all
	@. scripts/env.sh && node scripts/bench.ts

.PHONY: bench-gpu
bench-gpu: ## measure the cuda profile on this machine's NVIDIA GPU (CUDA, PyTorch; see docs/cuda.md)
	@scripts/bench-gpu

.PHONY: check-tensorrt
check-tensorrt: ## compile the TensorRT engine against headers (TENSORRT_SRC=checkout of NVIDIA/TensorRT, CUDA_PATH=toolkit)
	@scripts/check-tensorrt "$(TENSORRT_SRC)" "$(CUDA_PATH)"

.PHONY: docs
docs: build ## regenerate the documentation that comes from schemas
	@. scripts/env.sh && node scripts/generate-config-docs.ts && node scripts/generate-command-docs.ts && node scripts/generate-metrics-docs.ts && node scripts/generate-openapi.ts && node services/publisher/write-schemas.ts

.PHONY: clean
clean: ## remove build outputs (keeps the toolchain and npm packages)
	@rm -rf build
