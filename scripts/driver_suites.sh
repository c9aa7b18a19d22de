#!/bin/bash
# The published test suites of drivers and ORMs, directly and through pgveil, compared test by test.
#   scripts/driver_suites.sh [NAME ...]   (default: every scripts/suites/NAME.suite)
# Each suite runs in three variants, each on a new server with the same objects in it:
#   direct     without pgveil
#   relay      through pgveil with a policy that names no database: bytes only
#   protected  through pgveil with a policy on a table that no test names, in the suite's own database:
#              every statement and every answer goes through the protocol core
# A test must come out as it does directly, failures with the same message. Where one does not, the direct
# run is repeated, up to twice: a test that gives different outcomes without pgveil ("unsteady") is not compared.
# What pgveil does otherwise by design is in NAME.known: outcomes that the protected variant must have; tests
# whose outcome is a race by their nature are `any` there.
# Exit status 1 at any difference. A suite that this machine can't run is skipped, loudly; with
# SUITES_COMPLETE=1 that fails, too.
#
#   PGVEIL          the pgveil to test (default: target/debug/pgveil, built here)
#   SUITES_CACHE    the suites as published, and what is built from them
#   SUITES_RESULTS  where the results go (default target/driver-suites)
#
# A NAME.suite is a piece of bash that sets
#   title      name and version of what is tested
#   database   where the tests run
#   tools      programs that must be there
#   logins     (optional) lines of pg_hba.conf before the general one, which wants SCRAM
# and defines
#   fetch      brings version and dependencies, pinned, into $tools_dir; checks that nothing else came
#   prepare    (optional) roles, extensions and so on, with direct_psql; runs before pgveil starts
#   run_tests  runs the tests against PGHOST, PGPORT, PGDATABASE as user suites (superuser) in the folder $out,
#              and prints `outcome<tab>test<tab>message` for each test: see scripts/suites/outcomes.py
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
cd "$repo"
# shellcheck source=scripts/suites/lib.sh
. "$repo/scripts/suites/lib.sh"

suites=("$@")
if ((!$#)); then
  for file in scripts/suites/*.suite; do suites+=("$(basename "$file" .suite)"); done
fi

need postgresql-15 $bin/postgres
need postgresql-client-15 $bin/psql
need postgresql-contrib /usr/share/postgresql/15/extension/hstore.control
need python3 /usr/bin/python3
install_packages
open_cache
results=${SUITES_RESULTS:-$repo/target/driver-suites}
mkdir -p "$results"
build_pgveil
open_work
outcomes=$repo/scripts/suites/outcomes.py

# No TLS: `auth: relay` has it on one hop at most, so a server that offered it would differ before the first statement.
start_server() { # start_server: for the suite whose file was read
  server_port=$(free_port)
  mkdir "$work/pg"
  [[ $(id -u) != 0 ]] || chown postgres "$work/pg"
  echo suites >"$work/password"
  chmod 644 "$work/password"
  as_server $bin/initdb -D "$work/pg/data" -U suites --pwfile="$work/password" -A scram-sha-256 -E UTF8 --no-locale >/dev/null
  cat >>"$work/pg/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $server_port
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = logical
max_prepared_transactions = 20
max_connections = 200
shared_buffers = 256MB
log_min_messages = warning
CONF
  printf '%s\n' "${logins[@]}" 'host all all 127.0.0.1/32 scram-sha-256' \
    'host replication all 127.0.0.1/32 scram-sha-256' >"$work/pg/data/pg_hba.conf"
  as_server $bin/pg_ctl -D "$work/pg/data" -l "$work/pg/log" -w start >/dev/null
  create_database "$database"
  PGDATABASE=$database prepare
  seal "$database"
}

run() { # run VARIANT INTO: the outcomes into INTO.tsv, what the suite printed into INTO.log
  local variant=$1 into=$2 port
  start_server
  port=$server_port
  if proxied "$variant"; then
    start_proxy "$variant" "$into.pgveil.log"
    port=$proxy_port
  fi
  # All variants work in the same place, because outputs name it.
  out=$work/out
  rm -rf "$out"
  mkdir "$out"
  # A failing test is an outcome; a suite that could not run leaves none, which is noticed below.
  (export PGPORT=$port PGDATABASE=$database && cd "$out" && run_tests) >"$into.raw" 2>"$into.log" || true
  sort "$into.raw" >"$into.tsv"
  rm "$into.raw"
  statements=
  if proxied "$variant"; then
    probe "$suite" "$variant" "$database"
    statements=$(metric "$variant" pgveil_statements_total)
    stop_proxy
    complaints "$suite" "$variant" "$into.pgveil.log"
  fi
  stop_server
}

count() { awk -F '\t' -v wanted="$2" '$1 == wanted { n++ } END { print n + 0 }' "$1"; }

row() { # row VARIANT FILE DIFFERENCES
  rows+=("$(printf '%-28s %-10s %7d %7d %7d %12s %12s %6d s' "$title" "$1" \
    "$(count "$2" pass)" "$(count "$2" fail)" "$(count "$2" skip)" "$3" "${statements:--}" $((SECONDS - started)))")
  echo "${rows[-1]}"
}

rows=()
skipped=()
for suite in "${suites[@]}"; do
  title='' database=suites tools=() logins=()
  prepare() { :; }
  # shellcheck source=/dev/null
  . "$repo/scripts/suites/$suite.suite"
  tools_dir=$cache/$suite
  missing=
  for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || missing="$tool is not installed"
  done
  if [[ -z $missing ]]; then
    mkdir -p "$tools_dir"
    # In the background, because `set -e` has no effect in what is part of a condition.
    (cd "$tools_dir" && fetch) >"$results/$suite.fetch.log" 2>&1 &
    wait $! || missing="it could not be fetched: $(tail -n 1 "$results/$suite.fetch.log")"
  fi
  if [[ -n $missing ]]; then
    echo "SKIPPED: $title: $missing" >&2
    skipped+=("$title: $missing")
    continue
  fi
  mine=$results/$suite
  rm -rf "$mine"
  mkdir "$mine"
  started=$SECONDS
  run direct "$mine/direct"
  row direct "$mine/direct.tsv" -
  # A suite that could not run has no differences either.
  (($(count "$mine/direct.tsv" pass) > 0)) || problems+=("$title: nothing passed directly, see $mine/direct.log")
  seen=("$mine/direct.tsv")
  for variant in relay protected; do
    started=$SECONDS
    run "$variant" "$mine/$variant"
    [[ $variant != protected ]] || ((statements > 0)) || problems+=("$title: pgveil saw no statement")
    in_pgveil=$statements
    known=$work/known
    grep -v '^#' "scripts/suites/$suite.known" >"$known" 2>/dev/null || true
    [[ $variant == protected ]] || sed -i '/^any\t/!d' "$known"
    while ! python3 "$outcomes" compare "$known" "$mine/$variant.tsv" "${seen[@]}" >"$mine/$variant.differences" && ((${#seen[@]} < 3)); do
      again=$mine/again$((${#seen[@]}))
      run again "$again"
      seen+=("$again.tsv")
    done
    statements=$in_pgveil
    differences=$(wc -l <"$mine/$variant.differences")
    ((differences == 0)) || problems+=("$title, $variant: $differences tests differ, see $mine/$variant.differences:" "$(head -n 10 "$mine/$variant.differences")")
    by_design=$(grep -vc '^any' "$known" || true)
    ((by_design == 0)) || differences="$differences (+$by_design)"
    row "$variant" "$mine/$variant.tsv" "$differences"
  done
  unsteady=$(python3 "$outcomes" unsteady "${seen[@]}")
  [[ -z $unsteady ]] || printf 'unsteady without pgveil: %s\n' "$unsteady"
done

((${#rows[@]})) || { echo 'nothing was tested' >&2; exit 1; }
printf '\n%-28s %-10s %7s %7s %7s %12s %12s %8s\n' suite variant passed failed skipped differences statements time
printf '%s\n' "${rows[@]}"
if ((${#skipped[@]})); then
  printf '\nSKIPPED, NOT TESTED:\n'
  printf '  %s\n' "${skipped[@]}"
  [[ ${SUITES_COMPLETE:-0} == 0 ]] || problems+=("${#skipped[@]} suites were skipped")
fi
report
