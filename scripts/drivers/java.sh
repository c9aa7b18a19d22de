#!/bin/bash
# Drivers for Java: pgjdbc.
#   scripts/drivers/java.sh FOLDER
# Installs into FOLDER what tests/drivers/java.rs runs; does nothing if it is there in the right versions.
set -euo pipefail
