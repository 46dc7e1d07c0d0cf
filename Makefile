# Nightjar. `make` alone lists what there is to do.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CONFIG ?= demo/nightjar.yaml
DURATION ?=

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1mmake %-12s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
test-long: ## the long forms: 200 cameras added and removed, 50 kills (minutes)
	@scripts/bootstrap build run test
	@scripts/build all
	@. scripts/env.sh && NIGHTJAR_LONG=1 NIGHTJAR_LEAK_CYCLES=200 vitest run --testTimeout=1800000 test/e2e/leaks.test.ts test/services/pipeline/cameras.test.ts

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

.PHONY: docs
docs: build ## regenerate the documentation that comes from schemas
	@. scripts/env.sh && node scripts/generate-config-docs.ts

.PHONY: clean
clean: ## remove build outputs (keeps the toolchain and npm packages)
	@rm -rf build
