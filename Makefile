# One word per habit; CI calls the same words. Tests name the whole workspace, so that what one word has
# built is not built with other features for the next.

CARGO ?= cargo
CARGO_DENY = 0.20.2

.PHONY: bench-smoke bench-large limits build run sandbox test test-without-control-plane differential bad-day bench lint fmt schemas crds testbed full
.PHONY: webhook-races article article-under-change article-packages

build:      ## roster, as it is released
	$(CARGO) build --release -p controller

run:        ## the hostnames story, live (on your cluster if KUBECONFIG is set)
	$(CARGO) build --release -p controller -p demo
	target/release/demo --roster target/release/roster

sandbox:    ## the API server in memory alone, for kubectl
	$(CARGO) run --release -p sandbox --bin roster-sandbox

test:       ## everything, the real control plane included; without Go, what needs none, and says so
	@$(CARGO) run -q -p testbed -- build; case $$? in \
	  0) $(CARGO) test --workspace ;; \
	  3) $(MAKE) --no-print-directory test-without-control-plane ;; \
	  *) exit 1 ;; \
	esac

test-without-control-plane:
	@echo "== There is no control plane here: nothing is tried on a real kube-apiserver or beside"
	@echo "== kube-controller-manager. What runs is the smaller set."
	$(CARGO) build --workspace --bin roster
	$(CARGO) test --workspace --exclude controller --exclude behaviour --exclude crds --exclude testbed
	$(CARGO) test -p controller --lib --bins
	$(CARGO) test -p crds --test generated
	$(CARGO) test -p behaviour --test shell --test streams --test decoders --test cluster_ips --test spent_holds --test election --test determinism --test regressions_in_memory --test metrics --test health
	@echo "== The smaller set has passed. The tests on the real control plane did NOT run."

SEEDS ?= 1..20
OPS ?= 300
differential: testbed ## random histories for kube-controller-manager and Roster (minutes)
	SEEDS=$(SEEDS) OPS=$(OPS) $(CARGO) test --workspace --test histories -- --nocapture

ARTICLE = $(CARGO) test -q --workspace --test article --
article:    ## the article's story with kube-proxy and CoreDNS in network namespaces (root; Linux)
	$(CARGO) build --workspace --bin roster
	$(ARTICLE) play story $(CURDIR)/target/debug/roster
	$(ARTICLE) play story-without-allocator $(CURDIR)/target/debug/roster
	$(ARTICLE) play story-through-webhook $(CURDIR)/target/debug/roster
	$(ARTICLE) cleanup

article-under-change: build ## the same while everything changes, beside kube-controller-manager (minutes)
	$(ARTICLE) play change $(CURDIR)/target/release/roster

article-packages: ## what the article needs of Debian, where it is not there
	@for program in ip nft dig curl; do \
	  command -v $$program >/dev/null || { \
	    apt-get update -q && \
	    apt-get install -q -y --no-install-recommends iproute2 nftables bind9-dnsutils curl; \
	    exit; \
	  }; \
	done

bad-day: testbed ## two replicas in the place of the stock controllers, through a bad day (minutes)
	$(CARGO) test --workspace --test bad_day -- --ignored --nocapture

webhook-races: testbed ## two webhook replicas into pools, to the last address, again and again (minutes)
	$(CARGO) test --workspace --test webhook -- --ignored --nocapture --test-threads=1

ROWS ?=
RACE = target/release/bench --roster target/release/roster $(if $(ROWS),--row $(ROWS))
bench: testbed ## the race against kube-controller-manager, or some rows of it: ROWS=H1,H8 (20 minutes)
	$(CARGO) build --release -p controller -p bench
	$(RACE) --results target/bench/small

TRACE ?=
bench-large: testbed ## the race on large clusters, in all modes, and a trace of Pods: TRACE=FILE.csv (hours)
	$(CARGO) build --release -p controller -p bench
	$(RACE) --large --resume --results target/bench/large $(if $(TRACE),--trace $(TRACE))

KEEP ?=
bench-smoke: ## instructions and bytes of fixed loads beside the figures that are kept (needs valgrind)
	$(CARGO) bench -q -p controller-core --bench smoke -- $(KEEP)

limits:     ## what the sandbox holds, and what it costs (a minute; fails beyond docs/sandbox.md)
	$(CARGO) bench -q -p sandbox --bench limits

lint:       ## formatting, clippy; licences, sources and bans of what we depend on
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny@$(CARGO_DENY)
	$(CARGO) deny check bans licenses sources

testbed:    ## find or build the control plane, kubectl, helm and promtool
	$(CARGO) run -q -p testbed -- build

schemas:    ## the fields of Kubernetes' types anew, from the Go modules of the testbed
	@for module in api apimachinery apiextensions-apiserver; do \
	  from=$$(go list -C tests/testbed/kube -mod=readonly -m -f '{{.Dir}}' k8s.io/$$module); \
	  for file in $$(cd sandbox/schemas/$$module && find . -name generated.proto); do \
	    awk -f sandbox/schemas/fields.awk $$from/$$file > sandbox/schemas/$$module/$$file; \
	  done; \
	done

crds:       ## the definitions of our custom resources, out of the code
	$(CARGO) run -q -p crds --bin crdgen -- crds/yaml

fmt:        ## format everything
	$(CARGO) fmt --all

full: lint test differential limits bad-day webhook-races article article-under-change ## what takes longer, too
