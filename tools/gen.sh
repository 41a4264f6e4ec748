#!/usr/bin/env bash
# Regenerate the committed *.pb.go from proto/. Needs protoc (Debian: protobuf-compiler);
# the two Go plug-ins are built from the versions pinned in tools/go.mod.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
(cd tools && go build -o "$bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc)
module=github.com/lapwing-schools/lapwing
PATH="$bin:$PATH" protoc -I proto \
  --go_out=. --go_opt=module=$module --go-grpc_out=. --go-grpc_opt=module=$module \
  proto/lapwing/v1/*.proto
