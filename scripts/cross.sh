#!/usr/bin/env bash
# Compiles packages and tests for every system that Shoal runs on.
set -euo pipefail
cd "$(dirname "$0")/.."

for system in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 js/wasm; do
  echo "== cross: $system"
  CGO_ENABLED=0 GOOS=${system%/*} GOARCH=${system#*/} go build ./...
done
