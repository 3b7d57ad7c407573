#!/usr/bin/env bash
# Runs the tests of what must be the same bits everywhere as an arm64 program, in an emulator where this isn't one.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== arm64: kernels and fit hashes"
run=()
if [ "$(go env GOHOSTARCH)" != arm64 ]; then
  if ! command -v qemu-aarch64 >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
      apt-get update -qq && apt-get install -y -qq qemu-user >/dev/null
    elif [ "${CI:-}" = true ]; then
      echo "arm64: install qemu-user, which runs arm64 programs" >&2
      exit 1
    else
      echo "arm64: NOT RUN: qemu-user, which runs arm64 programs, is not installed" >&2
      exit 0
    fi
  fi
  run=(-exec qemu-aarch64)
fi
GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go test -short "${run[@]}" ./internal/kernel ./prep ./internal/mixture
GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go test -short -run 'Bits|Golden|Hash' "${run[@]}" ./nn ./train
