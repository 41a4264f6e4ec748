#!/usr/bin/env bash
# Everything CI runs. Installs the Debian packages it needs, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/packages.sh test
tools/usb-kernel.sh
tools/lint.sh
make build
echo "== tests, with the race detector, real processes and a real desktop"
CGO_ENABLED=1 go test -race -timeout 20m ./...
[ -z "$(git status --porcelain)" ] || { echo "the tests changed files:"; git status --short; exit 1; }
