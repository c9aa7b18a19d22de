#!/bin/bash
# All test binaries, built first and then run in two lanes: most of them wait for servers most of the time.
# Those that measure run alone, afterwards. Each prints its output when it has ended. Exit status 0 only if all passed.
set -uo pipefail
cd "$(dirname "$0")/.."

# Times, memory and descriptors are compared with limits in these.
alone='^(flood|memory|limits|hosts|sessions)-'
# The longest begin first, so that neither lane is left with one of them at the end.
longest='coherence|sweeps|key_faults|keys_cli|keystore|door|auto|proofs|sweeps_cli|sweep_conductor|kms'

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

built=$(cargo test --no-run --color never 2>&1) || { echo "$built"; exit 1; }
mapfile -t binaries < <(sed -n 's/^ *Executable .*(\(.*\))$/\1/p' <<<"$built")
((${#binaries[@]} > 0)) || { echo "no test binaries were built"; exit 1; }

one() { # one LOGS BINARY
  local log=$1/$(basename "$2") status
  # As `cargo test` does: from the package's folder.
  "$2" --quiet >"$log" 2>&1
  status=$?
  { echo "== ${2##*/} (exit status $status)"; cat "$log"; } >"$log.shown"
  flock "$1/lock" cat "$log.shown"
  ((status == 0)) || echo "$2" >>"$1/failed"
}
export -f one
export CARGO_MANIFEST_DIR=$PWD

# On few cores more tests at a time than cores: they wait for servers, not for the processor.
at_a_time() { # at_a_time LEAST
  local cores
  cores=$(nproc)
  echo "${RUST_TEST_THREADS:-$((cores > $1 ? cores : $1))}"
}

named() { printf '%s\n' "${binaries[@]}" | awk -F/ -v pattern="$1" -v invert="$2" '($NF ~ pattern) != invert'; }
{
  named "$alone" 1 | grep -E "/($longest)-"
  named "$alone" 1 | grep -vE "/($longest)-"
} | RUST_TEST_THREADS=$(at_a_time 3) xargs -P 2 -I {} bash -c 'one "$0" "$1"' "$logs" {}
named "$alone" 0 | RUST_TEST_THREADS=$(at_a_time 4) xargs -P 1 -I {} bash -c 'one "$0" "$1"' "$logs" {}

if [[ -e $logs/failed ]]; then
  echo "test binaries that failed:"
  cat "$logs/failed"
  exit 1
fi
