#!/usr/bin/env bash
# The matching engine beside other matchers, in one run: same phrases, same
# text, same hits, interleaved rounds, speeds by the CPU time of the measuring
# thread. Installs what it needs from Debian and says so. Only the ratios of
# one run mean something; docs/benchmarks.md has those to quote.
#   tools/bench-detect.sh [--rounds N] [--sizes 5000,50000]
set -euo pipefail
cd "$(dirname "$0")/.."
want=(gcc libc6-dev libvectorscan-dev wamerican bible-kjv-text perl-doc)
tags=vectorscan
apt-cache show libvectorscan-dev >/dev/null 2>&1 || want=("${want[@]/libvectorscan-dev/libhyperscan-dev}") # other processors
missing=()
for p in "${want[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  run=(apt-get install -y --no-install-recommends "${missing[@]}")
  if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing. Install them, then try again:" >&2
    echo "  sudo ${run[*]}" >&2
    exit 1
  fi
  echo "Installing Debian packages: ${missing[*]}"
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update && "${run[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "Installing failed; the whole log is in $log" >&2
    exit 1
  fi
  rm -f "$log"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "gen1:1-rev22:21" | bible -f 2>/dev/null | sed 's/^[^ ]* //' >"$work/bible.txt"
cat "$(dirname "$(perldoc -l perlop)")"/*.pod >"$work/perl.txt"
(cd internal/detect/bench && CGO_ENABLED=1 go build -tags "$tags" -o "$work/bench" .)
echo "$(uname -sr), $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | sed 's/^ //'), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg), $(go version | cut -d' ' -f3)"
"$work/bench" "$@" "$work/bible.txt" "$work/perl.txt"
