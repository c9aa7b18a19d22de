#!/bin/bash
# Drivers for Python: psycopg 3 and 2, asyncpg, SQLAlchemy, Django.
#   scripts/drivers/python.sh FOLDER
# Installs into FOLDER what tests/drivers/python.rs runs; does nothing if it is there in the right versions.
set -euo pipefail

PACKAGES=('psycopg[binary]==3.3.9' psycopg-pool==3.3.3 psycopg2-binary==2.9.13 asyncpg==0.32.0
  SQLAlchemy==2.1.9 greenlet==3.5.6 Django==5.2.19)

folder=$1
stamp="${PACKAGES[*]}"
[[ -f $folder/venv/stamp && $(<"$folder/venv/stamp") == "$stamp" ]] && exit 0
echo "setup: $stamp into $folder/venv" >&2
python3 -m venv --clear "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "${PACKAGES[@]}"
echo "$stamp" >"$folder/venv/stamp"
