#!/bin/bash
# Drivers for Go: pgx and lib/pq.
#   scripts/drivers/go.sh FOLDER
# Installs into FOLDER what tests/drivers/go.rs runs; does nothing if it is there in the right versions.
set -euo pipefail
