#!/usr/bin/env bash
# Benchmarks. End to end first: real keys, real windows, the programs as they
# are built for people; then the packages'. Quote docs/benchmarks.md, not one run.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/packages.sh test
# The peer, unpacked and not installed: a benchmark leaves no service behind.
peer=$(mktemp -d)
trap 'rm -rf "$peer"' EXIT
(cd "$peer" && apt-get download -q prometheus-node-exporter >/dev/null && dpkg -x prometheus-node-exporter_*.deb .)
export LAPWING_NODE_EXPORTER="$peer/usr/bin/prometheus-node-exporter"
echo "== key press to queue: 200 phrases typed"
go test ./e2e -run '^$' -bench KeyToQueue -benchtime 200x -timeout 20m
echo "== agent, idle for a minute"
go test ./e2e -run '^$' -bench IdleFootprint -benchtime 1x -timeout 20m
echo "== typing ten keys a second"
go test ./e2e -run '^$' -bench Typing -benchtime 10x -timeout 20m
echo "== packages"
go test -run '^$' -bench . -benchmem -timeout 30m \
  ./internal/detect/... ./agent/capture ./agent/spool ./collector/store/badgerstore
