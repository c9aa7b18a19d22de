#!/bin/bash
# Drivers for Rust: tokio-postgres and sqlx.
#   scripts/drivers/rust.sh FOLDER
# Installs into FOLDER what tests/drivers/rust.rs runs; does nothing if it is there in the right versions.
set -euo pipefail
