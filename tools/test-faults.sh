#!/usr/bin/env bash
# Power cuts, full disks, kill -9 and damage, on real file systems: the agent's
# spool and the collector's embedded store. Needs root (loop devices) and says
# so; nothing is skipped. Under a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "make test-faults mounts small disks: run it as root" >&2; exit 1; }
export LAPWING_FAULTS=1
CGO_ENABLED=1 go test -race -count=1 -timeout 10m \
  -run 'Model|Power|Full|Kill|Torn|Flipped|Vanished|Damage|Grace|Crash|Faults' ./agent/spool ./collector/store/badgerstore
