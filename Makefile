# `make` prints what there is. GNU make 4.3 or later, a POSIX shell and Go are all it takes; PostgreSQL and
# Redis are found, or fetched, by store/embedded.

GO      ?= go
TIMEOUT ?= 8m
# on is $(1) unless it says no: RACE=0 is as good as none.
on = $(filter-out 0 no false,$(1))

# How many packages are tested at a time. Their servers and workers want some of the machine too; those in ALONE, which
# kill processes or measure, want all of it when the race detector slows them.
P       ?= 2
ALONE   := $(if $(call on,$(RACE)),./cmd/holdfast ./handlers ./store ./cmd/internal/bench ./cmd/internal/chaos ./cmd/internal/load)

GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
BENCHSTAT_VERSION   := v0.0.0-20260908200009-22c9c6c9d4da

# Tools carry their version in their name, so that another version is another file.
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)

# With private servers, which live as long as the command.
SERVERS := $(GO) run ./store/embedded/withservers --

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run build test check security fmt vet lint vuln fuzz bench microbench chaos mutants golden clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1@/p' $(firstword $(MAKEFILE_LIST)) | while IFS=@ read -r target text; do \
		printf '  make %-10s %s\n' "$$target" "$$text"; done

run: build ## everything in one process, ready for curl; FRESH=1 begins anew, DATA=dir says where data is kept, READY=file is told when it is up
	@exec bin/holdfast dev $(if $(call on,$(FRESH)),--fresh) $(if $(DATA),--data '$(DATA)') $(if $(READY),--ready-file '$(READY)')

build: ## the binaries, in bin/
	@mkdir -p bin
	$(GO) build -o bin/ ./cmd/holdfast ./cmd/twiliosim

# What the images are built of is compiled ahead, as the Dockerfile does it: cmd/internal/containers would need minutes
# of its time-out for that.
test: ## all tests on private servers; RACE=1 adds the race detector, P=n tests n packages at a time
	@CGO_ENABLED=0 $(GO) build -trimpath -o /dev/null ./cmd/holdfast ./cmd/twiliosim
	@failed=0; \
	go_test() { $(SERVERS) $(GO) test $(if $(call on,$(RACE)),-race) -timeout $(TIMEOUT) "$$@" || failed=1; }; \
	go_test -p $(P) $$($(GO) list ./... | grep -vx $(foreach p,none $(ALONE),-e 'holdfast/$(p:./%=%)')); \
	$(if $(ALONE),go_test -p 1 $(ALONE);) \
	exit $$failed

check: fmt-check vet lint ## what must pass before a commit: format, vet, lint, tests with -race, golden files
	$(MAKE) test RACE=1

security: ## the proofs of docs/security.md, with a table of what they covered; some four minutes
	$(SERVERS) $(GO) run ./cmd/internal/security

fmt: $(GOLANGCI) ## formats all Go files
	$(GOLANGCI) fmt

.PHONY: fmt-check
fmt-check:
	@bad=$$(gofmt -l .); test -z "$$bad" || { printf 'not formatted (make fmt):\n%s\n' "$$bad"; exit 1; }

vet: ## go vet
	$(GO) vet ./...

lint: $(GOLANGCI) ## golangci-lint, as .golangci.yml says
	$(GOLANGCI) run

# Compiled from source, once: a release's binary would have to be trusted apart from the module proxy's sums.
$(GOLANGCI):
	@mkdir -p bin
	@echo 'installing golangci-lint $(GOLANGCI_VERSION): some minutes, once'
	@GOFLAGS= GOBIN='$(CURDIR)/bin/install' $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv bin/install/golangci-lint $@ && rmdir bin/install

vuln: ## govulncheck; needs its online database
	$(GO) run golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION) ./...

FUZZTIME ?= 30s
fuzz: ## each fuzz test for FUZZTIME=30s; what one finds is kept in its package's testdata/fuzz
	@set -e; count=0; \
	for file in $$(grep -rl --include='*_test.go' '^func Fuzz' . | sort); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "$$file $$name"; $(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")"; \
			count=$$((count + 1)); \
		done; \
	done; \
	test $$count -gt 0 || { echo 'there are no fuzz tests'; exit 1; }; \
	echo "$$count fuzz tests ran for $(FUZZTIME) each and found nothing"

bench: build ## the goals of docs/performance.md on this machine, measured; some minutes
	$(GO) run ./cmd/internal/bench --holdfast bin/holdfast
	$(MAKE) peers

.PHONY: peers
peers: ## what else finds personal data in Go, beside handlers/redact: how fast, how many phones; a module of its own
	cd cmd/internal/bench/peers && $(GO) run -mod=mod .

COUNT ?= 6
microbench: ## Go benchmarks, COUNT=6 times each, compared with bin/bench.base (a bin/bench.txt of earlier)
	@mkdir -p bin
	$(SERVERS) $(GO) test -p 1 -run '^$$' -bench . -benchmem -count $(COUNT) ./... >bin/bench.txt || { cat bin/bench.txt; exit 1; }
	@$(GO) run golang.org/x/perf/cmd/benchstat@$(BENCHSTAT_VERSION) $(wildcard bin/bench.base) bin/bench.txt

CHAOS_SEED ?=
chaos: ## everything is killed, cut and slowed while customers book, and no promise may break; CHAOS_SEED=n repeats a run; some 5 minutes
	$(GO) run ./cmd/internal/chaos $(if $(CHAOS_SEED),--seed $(CHAOS_SEED))

mutants: ## each defect of cmd/internal/chaos/testdata/mutations is put in, and must turn its test red; some minutes
	$(GO) run ./cmd/internal/chaos --run mutants

golden: ## rewrites golden files, and the generated parts of README.md and .env.example
	$(SERVERS) $(GO) test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

clean: ## removes bin/; data stays (make run FRESH=1 begins anew)
	rm -rf bin
