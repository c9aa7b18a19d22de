#!/bin/bash
# All checks, one after the other, with one summary at the end. Exit status 0 only if all passed.
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

scripts/setup.sh build server clients moto || exit 1

summary=()
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() { # step NAME COMMAND...
  local name=$1 started=$SECONDS
  shift
  echo "== $name: $*"
  if "$@" 2>&1 | tee "$log"; then
    summary+=("passed   $name ($((SECONDS - started)) s)")
  else
    summary+=("FAILED   $name ($((SECONDS - started)) s)")
    failed=1
  fi
}

step format cargo fmt --all --check
step lints cargo clippy --quiet --all-targets -- -D warnings
step tests scripts/run_tests.sh
counts=$(awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
  END { printf "%d passed, %d failed, %d ignored", passed, failed, ignored }' "$log")
RUSTDOCFLAGS='-D warnings' step documentation cargo doc --quiet --no-deps --document-private-items
if cargo deny --version >/dev/null 2>&1; then
  step dependencies cargo deny --log-level error check
else
  summary+=("SKIPPED  dependencies: cargo-deny is not installed (cargo install cargo-deny)")
fi

echo
echo "Summary"
printf '  %s\n' "${summary[@]}" "tests:   $counts"
exit $failed
