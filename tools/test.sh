#!/usr/bin/env bash
# Everything CI runs. Installs the Debian packages it needs, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
stage() { printf '== %d:%02d %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$1"; }
stage "what the tests need"
tools/packages.sh test
tools/usb-kernel.sh
stage "form and structure"
tools/lint.sh
make build
stage "tests, with the race detector"
export CGO_ENABLED=1
# Those that start browsers go one after the other: a browser that shares two
# processors with a compiler answers too late for some. Those that start
# desktops and machines mostly wait, so three go at a time, the longest first.
browsers='/(agent/notice(/.*)?|e2e|internal/testkit/desktop)$'
desktops='/(agent/session|agent/sensor|agent/notice|e2e)(/|$)'
screens="$browsers|$desktops"
# The engine starts nothing that runs at once, and the detector makes its tests
# nine times slower: only the one in which its callers do is run under it.
pure='/internal/detect(/|$)'
go list ./... | grep -Ev "$screens|$pure|/collector/console$" | xargs go test -race -timeout 20m
stage "the engine"
go list ./... | grep -E "$pure" | CGO_ENABLED=0 xargs go test -timeout 20m
go test -race -run '^TestConcurrentMatches$' ./internal/detect
stage "the console without a browser"
go test -race -short -timeout 20m ./collector/console
stage "real processes and a real desktop"
go list ./... | grep -E "$desktops" | grep -Ev "$browsers" | sort -r | xargs go test -race -p 3 -timeout 20m
go list ./... | grep -E "$browsers" | xargs go test -race -p 1 -timeout 20m
stage "the console in a browser"
# The console's pages in a browser. What runs at once in the server was looked at
# by the race detector above; the browsers need the processors here.
CGO_ENABLED=0 go test -timeout 20m ./collector/console
[ -z "$(git status --porcelain)" ] || { echo "the tests changed files:"; git status --short; exit 1; }
stage "done"
