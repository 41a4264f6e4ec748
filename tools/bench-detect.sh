#!/usr/bin/env bash
# The matching engine beside other matchers, in one run: same phrases, same
# text, same hits, interleaved rounds, speeds by the CPU time of the measuring
# thread. Installs what it needs from Debian and says so. Only the ratios of
# one run mean something; docs/benchmarks.md has those to quote.
# Then what each finds: score.py over the labelled lines, which are not in this
# repository (LAPWING_DETECTION_DATA, by default ../shared/data/detection), for
# Lapwing, TwiN/go-away and npm leo-profanity. finnbear/moderation is not among
# them: module proxies refuse it.
#   tools/bench-detect.sh [--rounds N] [--sizes 5000,50000]
#   tools/bench-detect.sh --quality        only what each finds
set -euo pipefail
cd "$(dirname "$0")/.."
want=(gcc libc6-dev libvectorscan-dev wamerican bible-kjv bible-kjv-text perl-doc python3)
command -v npm >/dev/null || want+=(nodejs npm)
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
[ "${1:-}" = --quality ] || "$work/bench" "$@" "$work/bible.txt" "$work/perl.txt"

data=$(realpath -m "${LAPWING_DETECTION_DATA:-../shared/data/detection}")
if [ ! -f "$data/score.py" ]; then
  echo "NOT MEASURED: what each finds. $data has no score.py; set LAPWING_DETECTION_DATA." >&2
  exit 0
fi
cat "$data"/{flagged,benign,evasions}.jsonl >"$work/lines.jsonl"
"${GO:-go}" build -o "$work/agent" ./agent
"$work/agent" match --json <"$work/lines.jsonl" >"$work/own.jsonl"
"$work/agent" match --json --readings plain <"$work/lines.jsonl" >"$work/plain.jsonl"
"$work/bench" --goaway <"$work/lines.jsonl" >"$work/goaway.jsonl"
npm install --silent --no-fund --no-audit --prefix "$work/npm" leo-profanity@1.9.0 >&2
cat >"$work/npm/leo.js" <<'JS'
const filter = require('leo-profanity')
for (const line of require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const {id, text} = JSON.parse(line)
  console.log(JSON.stringify({id, flag: filter.check(text), level: 'log', category: [], rule: []}))
}
JS
node "$work/npm/leo.js" <"$work/lines.jsonl" >"$work/leo.jsonl"
for m in own plain goaway leo; do
  printf '\n## What is found: %s\n\n' "$m"
  python3 "$data/score.py" "$data" "$work/$m.jsonl"
done
