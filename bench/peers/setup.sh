#!/usr/bin/env bash
# Installs the peers beside this file: a virtual environment with pinned versions, the C program and the Go program.
set -euo pipefail
cd "$(dirname "$0")"
if [ ! -x .venv/bin/python ]; then
  python3 -m venv .venv
fi
if ! cmp -s requirements.txt .venv/installed.txt; then
  .venv/bin/pip install --quiet --requirement requirements.txt
  cp requirements.txt .venv/installed.txt
fi
mkdir -p .built
gcc -O3 -march=native -ffast-math -o .built/expert expert.c -lm
(cd .. && CGO_ENABLED=0 go build -o peers/.built/gonum ./peers/gonum)
(cd gomlx && GOEXPERIMENT=simd CGO_ENABLED=0 go build -o ../.built/gomlx .)
