#!/usr/bin/env bash
# Runs every fuzz target for a given time each (default 30s).
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-30s}
for package in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "== fuzz: $package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package"
  done
done
