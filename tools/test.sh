#!/usr/bin/env bash
# Everything CI runs. Installs the Debian packages it needs, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/packages.sh test
tools/usb-kernel.sh
tools/lint.sh
make build
echo "== tests, with the race detector, real processes and a real desktop"
export CGO_ENABLED=1
# Those that start desktops, browsers and machines go one after the other: a
# browser that shares two processors with a compiler answers too late for some.
screens='/(agent/session|agent/sensor|e2e|collector/console|internal/testkit/desktop)(/|$)'
go list ./... | grep -Ev "$screens" | xargs go test -race -timeout 20m
go list ./... | grep -E "$screens" | xargs go test -race -p 1 -timeout 20m
[ -z "$(git status --porcelain)" ] || { echo "the tests changed files:"; git status --short; exit 1; }
