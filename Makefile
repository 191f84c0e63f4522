# Every target is a line that could be typed by hand. All tools come through Go.
LINT = go tool -modfile=tools.mod golangci-lint

.PHONY: help build test lint fmt update bench fuzz cover docs oracle ci clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

build: ## bin/bulkhead, and the same program as kubectl-bulkhead
	go build -trimpath -o bin/bulkhead ./cmd/bulkhead && ln -f bin/bulkhead bin/kubectl-bulkhead

test: ## all tests
	go test ./...

lint: ## linters; the first run builds them, which takes minutes
	$(LINT) run ./...

fmt: ## format, and group imports
	$(LINT) fmt

update: ## rewrite the golden files of the tests, and the outputs shown in the documents
	BULKHEAD_UPDATE=1 go test ./... && BULKHEAD_UPDATE=1 scripts/outputs

bench: ## benchmarks, to be compared with benchstat: make bench > new.txt
	@go test -run '^$$' -bench . -benchmem -count 6 ./internal/...

figures: ## what each part costs on clusters of 10,000 and 100,000 pods, as a table; takes many minutes
	scripts/bench

instructions: ## do parts of the engine take over 3 % more instructions than recorded? Needs valgrind
	scripts/instructions

fuzz: ## every fuzz target for DURATION (default 1m) each
	scripts/fuzz $(or $(DURATION),1m)

cover: ## statement coverage of the pure floors, at least 90 %
	scripts/coverage 90

docs: ## do the outputs shown in the documents still hold?
	scripts/outputs

oracle: ## hold the product against engines that others wrote: CASES packets a test (oracle/README.md)
	scripts/oracle $(CASES)

ci: ## everything that must hold before a change lands
	.ci/run

clean: ## remove what the other targets made
	rm -rf bin coverage.out
