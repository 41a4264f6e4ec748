# A thin menu: the work is done by Go programs and the scripts in tools/.
export CGO_ENABLED ?= 0
GO ?= go

.PHONY: help build run test test-programs test-usb test-fast test-faults test-soak test-service lint generate bench bench-detect clean

help:           ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

build:          ## bin/lapwing-agent and bin/lapwing-collector, without cgo
	$(GO) build -buildvcs=auto -trimpath -ldflags='-s -w' -o bin/lapwing-agent ./agent
	$(GO) build -buildvcs=auto -trimpath -ldflags='-s -w' -o bin/lapwing-collector ./collector

run: build      ## a demo school on this machine: collector, agent, and a desktop if there is none
	@$(GO) build -o bin/lapwing-demo ./demo
	@exec bin/lapwing-demo --bin bin --dir .demo $(RUN_FLAGS)

test:           ## everything CI runs, installing what it needs
	tools/test.sh

test-usb:       ## the USB sensor on a real kernel in QEMU, with a real virus scanner: under two minutes
	@tools/packages.sh test
	@tools/usb-kernel.sh
	$(GO) test -v ./agent/sensor/usb/vmtest

test-programs:  ## Firefox, LibreOffice and KWrite, which it installs (250 MB): three minutes
	@tools/packages.sh programs
	$(GO) test -tags programs -run '^Test(Programs|Firefox|ShownPasswordInFirefox|HarboursInFirefox|Writer)' -count=1 -v -timeout 15m ./agent/session

test-fast:      ## every package without the race detector and the end-to-end test: two minutes
	tools/test-fast.sh

test-faults:    ## power cuts, full disks, kill -9 and damage on real file systems (root)
	tools/test-faults.sh

test-service:   ## the agent as a systemd service, with people who log on, on a machine in a container (root)
	tools/packages.sh test
	$(GO) test ./e2e/machine -count=1 -v -timeout 20m

test-soak:      ## ten minutes of typing while the collector dies and the network is cut (SOAK=4m for less)
	tools/packages.sh test
	$(GO) test ./e2e -run '^TestSoak$$' -soak $(or $(SOAK),10m) -timeout 40m -v

lint:           ## gofmt, vet, staticcheck, generated files, import rules
	tools/lint.sh

generate:       ## *.pb.go from proto/ (needs protoc)
	tools/gen.sh

bench:          ## first flight end to end, footprint, and the packages' benchmarks
	tools/bench.sh

bench-detect:   ## the matching engine beside other matchers (installs Vectorscan)
	tools/bench-detect.sh

clean:          ## build output and the demo's data
	rm -rf bin .demo
