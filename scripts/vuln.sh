#!/usr/bin/env bash
# govulncheck. Where its database can't be reached, one is built from the Go module that holds the reports.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== vuln: known vulnerabilities in what is called"
tool() { go tool -modfile=tools/go.mod "$@"; }

version=$(cd tools && go list -m -f '{{.Version}}' golang.org/x/vulndb)
db=$(go env GOCACHE)/shoal-vulndb-$version
if [ ! -f "$db/index/db.json" ]; then
  source=$(cd tools && go mod download -json golang.org/x/vulndb | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  rm -rf "$db.new" "$db"
  tool indexdb -out "$db.new" -vulns "$source/data/osv"
  mv "$db.new" "$db"
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
tool govulncheck -db "file://$db" ./... >"$out" 2>&1 || status=$?
cat "$out"
# 3: vulnerabilities are called. Those of the standard library are mended by a newer Go, not by a change here.
if [ "$status" = 3 ]; then
  if grep -q '^ *Module:' "$out"; then
    echo "vuln: a module that we call has a known vulnerability: update it" >&2
    exit 1
  fi
  echo "vuln: only the standard library of $(go version) is concerned: a newer Go mends it" >&2
  exit 0
fi
exit "$status"
