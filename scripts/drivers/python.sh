#!/bin/bash
# Drivers for Python: psycopg 3 and 2, asyncpg, SQLAlchemy, Django.
#   scripts/drivers/python.sh FOLDER
# Installs into FOLDER what tests/drivers/python.rs runs; does nothing if it is there in the right versions.
set -euo pipefail
