#!/bin/bash
# PostgreSQL's own tests directly and through pgveil, compared byte by byte.
#   scripts/suites.sh [pg_regress|pg_isolation|libpq_pipeline|psycopg2_tests ...]   (default: the first three)
# Each suite runs in four variants, each on a new server with the same objects in it:
#   direct     without pgveil
#   again      the same once more: what differs between these two differs by itself (timing) and is
#              compared by its verdict only
#   relay      through pgveil with a policy that names no database: bytes only
#   protected  through pgveil with a policy on a table that no test names, in the suite's own database:
#              every statement and every answer goes through the protocol core
# Exit status 1 if any variant gives anything else than direct, but for what pgveil does otherwise by design:
# scripts/suites/SUITE.known has the outcomes that the protected variant must have instead.
#
#   SUITES          the folder with the suites' scripts (default ../shared/suites beside the repository)
#   PGVEIL          the pgveil to test (default: target/debug/pgveil, built here)
#   SUITES_CACHE    source packages and what is built from them
#   SUITES_RESULTS  where the results go (default target/suites)
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
cd "$repo"

suites_dir=${SUITES:-$repo/../shared/suites}
if [[ ! -x $suites_dir/pg_regress.sh ]]; then
  printf '%s\n' "SKIPPED: the suites are not at $suites_dir; nothing was tested." \
    "Set SUITES to the folder that holds pg_regress.sh." >&2
  exit 0
fi
suites_dir=$(cd "$suites_dir" && pwd)
suites=("$@")
(($#)) || suites=(pg_regress pg_isolation libpq_pipeline)
variants=(direct again relay protected)

# shellcheck source=scripts/suites/lib.sh
. "$repo/scripts/suites/lib.sh"

# ---- what is needed of the machine

need postgresql-15 $bin/postgres
need postgresql-client-15 $bin/psql
need libpq-dev /usr/include/postgresql/libpq-fe.h
need gcc /usr/bin/gcc
need libc6-dev /usr/include/stdio.h
need dpkg-dev /usr/bin/dpkg-source
need openssl /usr/bin/openssl
install_packages
open_cache
results=${SUITES_RESULTS:-$repo/target/suites}

# Server headers of the installed version. Unpacked instead of installed: that would upgrade servers that run.
headers=$(find /usr/include/postgresql/15/server/postgres.h "$cache/dev" -name postgres.h 2>/dev/null | head -n 1 || true)
if [[ -z $headers ]]; then
  version=$(dpkg-query -W -f '${Version}' postgresql-15)
  mkdir -p "$cache/dev"
  (cd "$cache/dev" && { apt-get download -qq "postgresql-server-dev-15=$version" || apt-get download -qq postgresql-server-dev-15; } &&
    dpkg -x postgresql-server-dev-15_*.deb .) 2>&1 | grep -v '^W: Download is performed unsandboxed' >&2 || true
  headers=$(find "$cache/dev" -name postgres.h)
fi
export SUITES_CACHE=$cache CPATH=${headers%/postgres.h}
export LIBRARY_PATH=$cache/dev/usr/lib/postgresql/15/lib

build_pgveil
"$suites_dir/pg_source.sh"

open_work

# The suites make their database themselves. Here it is there already, with the protected table in it.
mkdir "$work/bin"
ln -s $bin/* "$work/bin/"
rm "$work/bin/psql"
cat >"$work/bin/psql" <<WRAPPER
#!/bin/bash
case "\$*" in *'DROP DATABASE IF EXISTS'* | *'CREATE DATABASE '*) exit 0 ;; esac
exec $bin/psql "\$@"
WRAPPER
chmod 755 "$work/bin/psql"

database_of() {
  case $1 in
    pg_regress) echo regression ;;
    pg_isolation) echo isolation_regression ;;
    *) echo suites ;;
  esac
}

start_server() { # start_server DATABASE: a new server with the objects that all variants share
  server_port=$(free_port)
  "$suites_dir/pg-up.sh" "$work/pg" "$server_port" >/dev/null
  create_database "$1"
  seal "$1"
}

# ---- one run

run() { # run SUITE VARIANT
  local suite=$1 variant=$2 port database
  database=$(database_of "$suite")
  local into=$results/$suite/$variant
  rm -rf "$into"
  mkdir -p "$(dirname "$into")"
  start_server "$database"
  port=$server_port
  if proxied "$variant"; then
    start_proxy "$variant" "$work/pgveil.log"
    port=$proxy_port
  fi
  # All variants write to the same place, because outputs name it.
  rm -rf "$work/out"
  env PGPORT="$port" PGDATABASE="$database" PGBIN="$work/bin" SUITES_OUT="$work/out" SUITES_TAG=run \
    "$suites_dir/$suite.sh" >"$work/suite.log" 2>&1 || { cat "$work/suite.log" >&2; exit 1; }
  statements=
  if proxied "$variant"; then
    probe "$suite" "$variant" "$database"
    statements=$(metric "$variant" pgveil_statements_total)
    stop_proxy
  fi
  stop_server
  mv "$work/out/run"/* "$into"
  if proxied "$variant"; then mv "$work/pgveil.log" "$into.log"; fi
  passed=$(grep -c '^pass' "$into/results.tsv" || true)
  total=$(wc -l <"$into/results.tsv")
}

# Everything that a suite wrote, but for what holds times: reports of pg_regress, headers of diffs.
differing() { # differing SUITE VARIANT: the files that differ from direct, one a line
  (cd "$results/$1" && diff -rq -x run.log -x regression.diffs -x regression.out -x output_iso -x '*.diff' -x junit.xml direct "$2" || true) |
    sed -E -e "s,^Files direct/(.*) and .* differ$,\1," -e "s,^Only in (direct|$2)/?([^:]*): (.*)$,\2/\3 (only in \1),"
}

rows=()
for suite in "${suites[@]}"; do
  for variant in "${variants[@]}"; do
    started=$SECONDS
    run "$suite" "$variant"
    # A suite that could not run has no differences either.
    ((passed > 0)) || problems+=("$suite $variant: nothing passed, see $results/$suite/$variant")
    [[ $variant != protected ]] || ((statements > 0)) || problems+=("$suite $variant: pgveil saw no statement")
    list=$results/$suite/$variant.differences
    differences=-
    case $variant in
      again) differing "$suite" again >"$list" && differences="($(wc -l <"$list"))" ;;
      relay | protected)
        differing "$suite" "$variant" | grep -vxF -f <(grep -vx results.tsv "$results/$suite/again.differences") >"$list" || true
        known=$repo/scripts/suites/$suite.known
        if [[ $variant == protected && -f $known ]]; then
          sed -i '/^results.tsv$/d' "$list"
          python3 "$repo/scripts/suites/outcomes.py" compare "$known" "$results/$suite/"{protected,direct}/results.tsv >>"$list" || true
        fi
        differences=$(wc -l <"$list")
        ((differences == 0)) || problems+=("$suite $variant differs from direct: $(head -n 5 "$list" | paste -sd ' '); see $results/$suite")
        complaints "$suite" "$variant" "$results/$suite/$variant.log"
        ;;
    esac
    rows+=("$(printf '%-15s %-10s %5d of %-5d %12s %12s %6d s' "$suite" "$variant" "$passed" "$total" "$differences" "${statements:--}" $((SECONDS - started)))")
    echo "${rows[-1]}"
  done
done

printf '\n%-15s %-10s %14s %12s %12s %8s\n' suite variant passed differences statements time
printf '%s\n' "${rows[@]}"
report
