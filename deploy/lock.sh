#!/bin/sh
# Pins the dependencies with hashes for every platform and Python from 3.11 on; names no address.
# Usage: deploy/lock.sh UV
set -eu
uv=$1
common="--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header"
# shellcheck disable=SC2086 # the options are words
$uv pip compile $common pyproject.toml --extra build -o requirements.txt
# shellcheck disable=SC2086
$uv pip compile $common pyproject.toml --extra build --extra dev -c requirements.txt -o requirements-dev.txt
# shellcheck disable=SC2086
$uv pip compile $common --group release -o requirements-release.txt
# shellcheck disable=SC2086
$uv pip compile $common --group docs -c requirements-dev.txt -o requirements-docs.txt
