#!/usr/bin/env bash
# Formatting, vet, staticcheck and tidy modules, with the tools that tools/go.mod pins.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== lint: gofumpt, vet, staticcheck, go mod tidy"
tool() { go tool -modfile=tools/go.mod "$@"; }

unformatted=$(tool gofumpt -l .)
if [ -n "$unformatted" ]; then
  printf 'lint: not formatted as gofumpt does; run go tool -modfile=tools/go.mod gofumpt -w on:\n%s\n' "$unformatted"
  exit 1
fi
go vet ./...
tool staticcheck ./...
go mod tidy -diff
(cd tools && go mod tidy -diff)
(cd bench && go vet ./... && go mod tidy -diff)
