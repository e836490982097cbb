# One word per habit; CI calls the same words.

CARGO ?= cargo
CARGO_DENY = 0.20.2

.PHONY: build run test lint fmt testbed full

build:      ## roster, as it is released
	$(CARGO) build --release -p controller

run:        ## the hostnames story, live (on your cluster if KUBECONFIG is set)
	$(CARGO) build --release -p controller -p demo
	target/release/demo --roster target/release/roster

test: testbed ## everything, the real control plane included
	$(CARGO) test --workspace

lint:       ## formatting, clippy; licences, sources and bans of what we depend on
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny@$(CARGO_DENY)
	$(CARGO) deny check bans licenses sources

testbed:    ## find or build etcd, kube-apiserver, kube-controller-manager, kubectl
	$(CARGO) run -q -p testbed -- build

fmt:        ## format everything
	$(CARGO) fmt --all

full: lint test ## what takes longer, too
