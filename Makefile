# Sekisho. Two commands to begin with:
#   make demo    see on a real PostgreSQL whose rows left
#   make test    run the tests (less than ten minutes on two cores)
# Both install what is missing with apt when they may, else say what to type.

GO      ?= go
ARGS    ?=
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)
export CGO_ENABLED = 0

.PHONY: all build cross dist dist-check demo test story test-browser screenshots generate test-long prove check vet bench-pgproxy bench-ledger bench-scope bench-element bench-person bench-map bench-web bench-egress bench-console eval-element eval-person eval-web eval-egress clean

all: build

build: ## one static program: bin/sekisho
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/sekisho ./cmd/sekisho

cross: ## it compiles for Windows and macOS, where sekisho scan runs
	GOOS=windows GOARCH=amd64 $(GO) vet ./cmd/sekisho
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/sekisho
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/sekisho

dist: ## everything that is released, into dist/; DIST_ARCHES="amd64 arm64"
	sh scripts/dist.sh $(VERSION)

dist-check: ## as root: install .deb and .rpm into scratch roots, use them, upgrade, back up, restore
	@sh scripts/setup.sh test
	DIST_ARCHES=$$($(GO) env GOARCH) DIST_LINUX_ONLY=1 sh scripts/dist.sh 0.0.1
	rm -rf bin/dist-old && mkdir -p bin && mv dist bin/dist-old
	DIST_ARCHES=$$($(GO) env GOARCH) DIST_LINUX_ONLY=1 sh scripts/dist.sh 0.0.2
	SEKISHO_DIST_OLD=$(CURDIR)/bin/dist-old SEKISHO_DIST_NEW=$(CURDIR)/dist $(GO) test -count=1 -v -timeout 10m ./packaging

demo: ## ARGS="--check --seed 7" runs without questions and compares
	@sh scripts/setup.sh demo
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/sekisho ./cmd/sekisho
	@bin/sekisho demo $(ARGS)

test: ## everything but the proofs (make prove)
	@sh scripts/setup.sh test
	$(GO) test -p 1 -timeout 20m $$($(GO) list ./... | grep -v '^sekisho/prove')

story: ## sekisho demo jtb, its exits in network namespaces; where there are none: SKIPPED
	@sh scripts/setup.sh test
	$(GO) test -count=1 -timeout 10m -v -run 'TestStoryNetwork' ./cmd/sekisho

test-browser: ## the console in a real browser; installs Debian's chromium and two npm packages
	@sh scripts/setup.sh browser
	cd internal/console/browser && npm ci --no-audit --no-fund
	$(GO) test -count=1 -timeout 15m -v -run '^TestConsole(Stories|SilentGate)?$$' ./cmd/sekisho $(ARGS)

screenshots: ## pictures of the console into docs/pictures
	@sh scripts/setup.sh browser
	cd internal/console/browser && npm ci --no-audit --no-fund
	mkdir -p docs/pictures
	SEKISHO_PICTURES=$(CURDIR)/docs/pictures $(GO) test -count=1 -timeout 15m -run '^TestConsole$$' ./cmd/sekisho

generate: ## what is generated from other files, and committed
	$(GO) generate ./internal/console/webui

test-long: ## everything, and the proofs over many seeds
	@sh scripts/setup.sh test
	PROVE=1 SEKISHO_LONG=1 $(GO) test -count=1 -timeout 120m ./...

prove: ## PROVE_SEED=1 PROVE_SEEDS=20 choose the seeds
	@sh scripts/setup.sh test
	PROVE=1 $(GO) test -count=1 -timeout 60m -v ./prove/... $(ARGS)
	$(GO) test -count=1 -timeout 30m -run 'EveryCall|PowerCut|Kill|Tamper|DiskFull|Torn|Mutated|View|Resume|Evaluator' ./internal/ledger ./internal/view/disclosure

check: vet
	@sh scripts/setup.sh check
	$(GO) test -count=1 ./arch
	CGO_ENABLED=1 $(GO) test -race -short -timeout 60m ./...

vet:
	@test -z "$$(gofmt -l $$(git ls-files '*.go' ':!bench/peers'))" || { gofmt -l $$(git ls-files '*.go' ':!bench/peers'); echo "these files are not gofmt'ed" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

bench-pgproxy bench-ledger bench-scope bench-element bench-person bench-map bench-web bench-egress bench-console: bench-%:
	@sh scripts/setup.sh bench
	@sh bench/$*/run.sh $(ARGS)

eval-element: ## precision and recall of the element engine, into docs/accuracy.md
	@sh bench/element/eval.sh $(ARGS)

eval-web: ## what the web application firewall finds, and takes for an attack wrongly
	@sh bench/web/eval.sh $(ARGS)

eval-egress: ## beacons and DNS tunnels found, false alarms, with 10,000 hosts
	@sh bench/detect/eval.sh $(ARGS)

eval-person: ## precision and recall of persons; needs npm
	@sh bench/person/eval.sh $(ARGS)

clean:
	rm -rf bin dist
