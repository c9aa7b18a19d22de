#!/bin/bash
# Drivers for Node.js: node-postgres, postgres.js, an ORM.
#   scripts/drivers/node.sh FOLDER
# Installs into FOLDER what tests/drivers/node.rs runs; does nothing if it is there in the right versions.
set -euo pipefail
