#!/usr/bin/env bash
# What the shipped packs say of ordinary prose: alerts per 10,000 lines, and
# each alert with its rule, so that somebody can look at it. Without files:
# the King James Bible, the Perl manual, Debian's fortunes and the Go
# documentation. Installs what it needs from Debian and says so.
#   tools/prose-alerts.sh [FILE...]
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files=("$@")
if [ ${#files[@]} -eq 0 ]; then
  missing=()
  for p in bible-kjv bible-kjv-text perl-doc fortunes; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" -eq 0 ] || { echo "Install these Debian packages first: ${missing[*]}" >&2; exit 1; }
    echo "Installing Debian packages: ${missing[*]}" >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$work/apt.log" 2>&1 ||
      { tail -n 20 "$work/apt.log" >&2; exit 1; }
  fi
  echo "gen1:1-rev22:21" | bible -f 2>/dev/null | sed 's/^[^ ]* //' >"$work/bible"
  cat "$(dirname "$(perldoc -l perlop)")"/*.pod | awk 'BEGIN { RS = "" } { gsub(/\n/, " "); print }' >"$work/perl"
  find /usr/share/games/fortunes -maxdepth 1 -type f ! -name '*.dat' ! -name '*.u8' -exec cat {} + |
    awk 'BEGIN { RS = "\n%\n" } { gsub(/\n/, " "); print }' >"$work/fortunes"
  for p in $("$go" list std | grep -vE '/internal/|^vendor/|^internal/'); do "$go" doc -all "$p" 2>/dev/null || true; done |
    awk 'BEGIN { RS = "" } { gsub(/\n */, " "); print }' >"$work/go"
  files=("$work/bible" "$work/perl" "$work/fortunes" "$work/go")
fi
"$go" build -o "$work/agent" ./agent
for f in "${files[@]}"; do
  lines=$(wc -l <"$f")
  "$work/agent" match --explain <"$f" >"$work/all"
  awk '/^[^\t]/ { on = /^alert/ } on' <"$work/all" >"$work/alerts"
  n=$(grep -a -c '^alert' "$work/alerts" || true)
  echo "== ${f##*/}: $n alerts in $lines lines, $(awk "BEGIN { printf \"%.1f\", 10000*$n/($lines+!$lines) }") per 10,000"
  cut -c1-400 "$work/alerts"
done
