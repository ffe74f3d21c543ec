# make demo   the whole thing on this machine: practice cloud, three VMs, a page
# make test   every test; installs what the tests need
# make build  bin/rollout
# make test-openstack   the cloud's tests on a real OpenStack: ROLLOUT_TEST_CLOUD=entry of clouds.yaml

export CGO_ENABLED := 0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: build demo test test-tools test-openstack lint cover clean

build:
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/rollout ./cmd/rollout

demo: build
	@examples/board/demo

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

test: build test-tools lint
	CGO_ENABLED=1 go test -race ./...
	cd examples/board && go vet ./... && CGO_ENABLED=1 go test -race ./...
	cd test/measure && go vet ./... && CGO_ENABLED=1 go test -race ./...

# What the tests drive: sshd, real Ansible and the openstack command line as
# oracles, a Docker Engine. Where they can't be had, their tests are skipped.
test-tools: build
	@.ci/test-tools

# By hand, before what touches the cloud is called done: minutes. What it needs, and what it makes, is told in the script.
test-openstack:
	@.ci/test-openstack

clean:
	rm -rf bin
