#!/bin/bash
# Drivers for Rust: tokio-postgres and sqlx, whose versions stand in tests/drivers/rust-app/Cargo.lock.
#   scripts/drivers/rust.sh FOLDER
# Builds into FOLDER/bin what tests/drivers/rust.rs runs; Cargo knows what is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

mkdir -p "$1/bin"
folder=$(cd "$1" && pwd)
# Of its own, so that a build for pgveil and one for its drivers do not wait for each other.
export CARGO_TARGET_DIR=$PWD/target/driver-app
cargo build --quiet --locked --manifest-path tests/drivers/rust-app/Cargo.toml
# Not over a program that may be running.
for program in tokio_postgres sqlx; do
  cp "$CARGO_TARGET_DIR/debug/$program" "$folder/bin/$program.new"
  mv "$folder/bin/$program.new" "$folder/bin/$program"
done
