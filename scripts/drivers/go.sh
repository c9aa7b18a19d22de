#!/bin/bash
# Drivers for Go: pgx and lib/pq, whose versions stand in tests/drivers/go/go.mod.
#   scripts/drivers/go.sh FOLDER
# Builds into FOLDER/bin what tests/drivers/go.rs runs; Go's own cache knows what is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v go >/dev/null 2>&1; then
  echo "setup: no Go here (https://go.dev/dl/): the tests with pgx and lib/pq will be skipped" >&2
  exit 0
fi
mkdir -p "$1/bin"
folder=$(cd "$1" && pwd)
GOMODCACHE=$folder/go GOFLAGS='-modcacherw -buildvcs=false' go -C tests/drivers/go build -o "$folder/bin/" ./pgx ./pq ./door
