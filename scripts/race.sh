#!/usr/bin/env bash
# Short tests under the race detector, which needs cgo and so a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== race: short tests with the race detector"
if ! command -v gcc >/dev/null && ! command -v cc >/dev/null; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -y -qq gcc libc6-dev
  elif [ "${CI:-}" = true ]; then
    echo "race: no C compiler, and none can be installed here" >&2
    exit 1
  else
    echo "race: LEFT OUT: no C compiler; install gcc to run it" >&2
    exit 0
  fi
fi
# The detector sees what Go code touches, not assembly: where the goroutines are, without. Elsewhere it would take ten times
# as long.
CGO_ENABLED=1 go test -race -tags noasm -short ./nn ./internal/kernel
CGO_ENABLED=1 go test -race -short ./...
