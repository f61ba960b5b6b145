# Everything here works from a fresh checkout; what is there already is not made again. `make` alone lists the targets.

RELEASE = .build/release/detour
IMAGE = .build/detour-image.tar
# Thousands of runs on a model of the API server: beside them, nothing else would get its turn in time.
RANDOM_ORDERS = RaceTests|RivalStoresTests|InterleavingTests|ExplorationTests|KillPointTests|GuardianshipTests
# Two suites beside each other, for each mostly waits; what stops servers, or measures, comes after them.
define E2E
scripts/run-tests scripts/with-cluster swift test --skip-build --filter 'InterceptEndToEndTests|ElsewhereEndToEndTests|RingFourTests'
	scripts/run-tests scripts/with-cluster swift test --skip-build --filter 'AloneEndToEndTests|RingFourTests'
endef

.PHONY: help setup build image cluster peers demo test e2e bench reliability soak fuzz lint clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing, from Debian
	@scripts/setup

build: setup ## the release binary, .build/release/detour
	swift build -c release --product detour --static-swift-stdlib -Xlinker -s

image: build ## the container image, .build/detour-image.tar
	@if [ ! -s $(IMAGE) ] || [ $(RELEASE) -nt $(IMAGE) ]; then $(RELEASE) image save $(IMAGE); fi

cluster: setup ## a local Kubernetes with the demo shop and the test fixtures
	scripts/cluster up
	scripts/cluster deploy shop
	scripts/cluster deploy fixtures

demo: ## the main job on this machine, from nothing
	@scripts/demo

peers: setup ## the Python programs that tests talk to
	@scripts/lib/python-peers >/dev/null

test: image cluster peers ## all tests
	swift build --build-tests
	scripts/cluster load-image $(IMAGE)
	scripts/run-tests swift test --skip-build --skip EndToEndTests --skip '$(RANDOM_ORDERS)'
	scripts/run-tests swift test --skip-build --filter '$(RANDOM_ORDERS)'
	$(E2E)

e2e: image cluster ## the tests on the real cluster only
	swift build --build-tests
	scripts/cluster load-image $(IMAGE)
	$(E2E)

bench: build ## side by side with other proxies; writes Benchmarks/results.json
	@Benchmarks/run

reliability: image cluster ## starts, stops, races and deaths on the real cluster; writes Benchmarks/reliability.json
	swift build --build-tests
	scripts/cluster load-image $(IMAGE)
	scripts/with-cluster .build/debug/reliability

soak: build ## idle connections and many requests through serve proxy; writes Benchmarks/soak.json
	@Benchmarks/soak

fuzz: setup ## libFuzzer on the parsers and machines, FUZZ_SECONDS (1800) each
	@Fuzz/run

lint: ## formatting, shell scripts, and the rules of the house
	@scripts/lint

clean: ## what was built in this checkout; the cluster's cache stays
	swift package clean
	rm -f $(IMAGE)
