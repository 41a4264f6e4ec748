#!/usr/bin/env bash
# Form and structure: what can be judged without running the programs.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0

echo "== gofmt"
unformatted=$(git ls-files '*.go' | xargs gofmt -l)
[ -z "$unformatted" ] || { echo "gofmt would change:"; echo "$unformatted"; exit 1; }

echo "== go.mod names what is imported, and no more"
go mod tidy -diff

echo "== generated messages are current"
if command -v protoc >/dev/null; then
  before=$(cat proto/lapwing/v1/*.pb.go | sha256sum)
  tools/gen.sh
  [ "$before" = "$(cat proto/lapwing/v1/*.pb.go | sha256sum)" ] || { echo "proto/ and *.pb.go differ: run make generate and commit"; exit 1; }
else
  echo "protoc is missing: tools/packages.sh test installs it"; exit 1
fi

echo "== the console's assets are what their sources give"
if command -v npm >/dev/null; then
  (cd collector/console/assets-src && npm ci --silent --no-audit --no-fund && npm run --silent check)
else
  echo "npm is not installed: not rebuilt (building and running the programs does not need it)"
fi

echo "== vet and build on every system"
go vet ./...
go vet -tags programs ./agent/session
# Elsewhere the packages that the programs are made of. The console has no file
# of one system alone, and its tests would compile a browser's whole protocol.
ours=$(go list -deps ./agent ./collector | grep lapwing-schools/lapwing/ | grep -v /collector/console)
for target in linux/arm64 windows/amd64 windows/arm64 darwin/amd64 darwin/arm64; do
  GOOS=${target%/*} GOARCH=${target#*/} go build ./agent ./collector
done
# Once a system: vet finds the same on its other processor.
for target in windows/amd64 darwin/arm64; do
  # shellcheck disable=SC2086 # a list of packages
  GOOS=${target%/*} GOARCH=${target#*/} go vet $ours
done
GOOS=js GOARCH=wasm go vet ./internal/detect

echo "== staticcheck"
staticcheck=$(mktemp)
trap 'rm -f "$staticcheck"' EXIT
(cd tools && go build -o "$staticcheck" honnef.co/go/tools/cmd/staticcheck)
"$staticcheck" ./...
