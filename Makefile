# The front door. CMake does the building, release in build/; `make help` lists what can be asked for.
# V=1 shows the building.
.DEFAULT_GOAL := build
PREFIX ?= /usr/local

.PHONY: build run test test-all sanitize fuzz bench install deps clean help

build: deps ## Build build/orrery, the plug-ins and the examples
	@scripts/build.sh build -DORRERY_TESTS=OFF

run: build ## Start a server on 127.0.0.1:8080 and run the example sweep (LISTEN=, DATA=, ONCE=1)
	@scripts/run.sh

test: ## Run all tests (ONLY=word: those suites whose name contains it)
	@scripts/deps.sh packages.txt tests/packages.txt
	@scripts/build.sh build -DORRERY_TESTS=ON
	@tests/run build $(ONLY)

test-all: export ORRERY_TEST_ALL = 1
test-all: test ## The same, and the conformance kit whole, on each scheduler: some ten minutes more

sanitize: ## `make test` with the address and undefined-behaviour sanitizers, in build-asan/
	@scripts/deps.sh packages.txt tests/packages.txt
	@scripts/build.sh build-asan -DCMAKE_BUILD_TYPE=Debug -DORRERY_SANITIZE=ON -DORRERY_TESTS=ON
	@UBSAN_OPTIONS=print_stacktrace=1 tests/run build-asan $(ONLY)

fuzz: ## Run the fuzz targets, FUZZ_SECONDS=60 each, in build-fuzz/
	@scripts/deps.sh packages.txt tests/fuzz/packages.txt
	@scripts/build.sh build-fuzz -DCMAKE_C_COMPILER=clang-14 -DORRERY_FUZZ=ON -DORRERY_TESTS=OFF
	@scripts/fuzz.sh build-fuzz

bench: ## Measure, side by side with what speed is compared with
	@scripts/deps.sh packages.txt tests/bench/packages.txt
	@scripts/build.sh build -DORRERY_TESTS=OFF
	@tests/bench/run build

install: build ## Install under PREFIX=/usr/local (DESTDIR= is honoured)
	@cmake --install build --prefix "$(PREFIX)"

deps: ## Install the Debian packages that building needs
	@scripts/deps.sh packages.txt

clean: ## Remove everything that was built; data/ stays
	rm -rf build build-asan build-fuzz

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18
