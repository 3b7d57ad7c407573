#!/usr/bin/env bash
# Installs what the tests ask of Python, in .venv: the other programs that read and answer a model of ours.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== python: onnx and ONNX Runtime, in .venv"
if [ ! -x .venv/bin/python ]; then
  if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
      apt-get update -qq && apt-get install -y -qq python3 python3-venv >/dev/null
    elif [ "${CI:-}" = true ]; then
      echo "python: install Python 3.11 or later, with venv" >&2
      exit 1
    else
      echo "python: LEFT OUT: no Python with venv; the tests that compare with ONNX Runtime will be skipped" >&2
      exit 0
    fi
  fi
  python3 -m venv .venv
fi
if ! cmp -s scripts/requirements.txt .venv/installed.txt; then
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement scripts/requirements.txt
  cp scripts/requirements.txt .venv/installed.txt
fi
