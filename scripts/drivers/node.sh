#!/bin/bash
# Drivers for Node.js: node-postgres with its streams, postgres.js, Knex.
#   scripts/drivers/node.sh FOLDER
# Installs into FOLDER what tests/drivers/node.rs runs; does nothing if it is there in the right versions.
set -euo pipefail

folder=$1/node
modules=(pg@8.23.1 pg-pool@3.14.0 pg-cursor@2.22.0 pg-query-stream@4.17.0 pg-copy-streams@7.0.0 postgres@3.4.9 knex@3.3.0)

if ! command -v npm >/dev/null; then
  echo "SKIPPED drivers for Node.js: no npm here" >&2
  exit 0
fi
[[ -f $folder/stamp && $(<"$folder/stamp") == "${modules[*]}" ]] && exit 0
echo "setup: ${modules[*]} into $folder" >&2
rm -rf "$folder"
mkdir -p "$folder"
npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts "${modules[@]}"
echo "${modules[*]}" >"$folder/stamp"
