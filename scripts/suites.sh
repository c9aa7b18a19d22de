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
# Exit status 1 if any variant gives anything else than direct.
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

as_root() { if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi; }
as_server() { if [[ $(id -u) == 0 ]]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }

# ---- what is needed of the machine

bin=/usr/lib/postgresql/15/bin
packages=()
need() { # need PACKAGE PATH: the package, unless the path is there
  [[ -e $2 ]] || packages+=("$1")
}
need postgresql-15 $bin/postgres
need postgresql-client-15 $bin/psql
need libpq-dev /usr/include/postgresql/libpq-fe.h
need gcc /usr/bin/gcc
need libc6-dev /usr/include/stdio.h
need dpkg-dev /usr/bin/dpkg-source
need openssl /usr/bin/openssl
if ((${#packages[@]})); then
  echo "suites: installing ${packages[*]}" >&2
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

# The server reads the tests' files, so its user must be able to reach them: home folders often are closed.
cache=${SUITES_CACHE:-/var/tmp/pgveil-suites-$(id -u)}
mkdir -p -m 755 "$cache"
[[ -O $cache ]] || { echo "suites: $cache belongs to somebody else; set SUITES_CACHE" >&2; exit 1; }
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

if [[ -z ${PGVEIL:-} ]]; then
  cargo build --quiet
  PGVEIL=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug/pgveil
fi

"$suites_dir/pg_source.sh"

# ---- one server and one pgveil at a time

work=$(mktemp -d /var/tmp/pgveil-suites.XXXXXX)
chmod 755 "$work"
proxy=
stop_proxy() {
  [[ -n $proxy ]] || return 0
  kill "$proxy" 2>/dev/null || true
  wait "$proxy" 2>/dev/null || true
  proxy=
}
stop_server() {
  [[ -f $work/pg/data/postmaster.pid ]] && as_server $bin/pg_ctl -D "$work/pg/data" -m immediate stop >/dev/null 2>&1
  rm -rf "$work/pg"
}
trap 'stop_proxy; stop_server || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Below the range from which the system gives outgoing connections their ports.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

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

export PGUSER=suites PGPASSWORD=suites PGHOST=127.0.0.1 PGSSLMODE=disable
direct_psql() { PGPORT=$server_port "$bin/psql" -X -q -v ON_ERROR_STOP=1 "$@"; }

database_of() {
  case $1 in
    pg_regress) echo regression ;;
    pg_isolation) echo isolation_regression ;;
    *) echo suites ;;
  esac
}

start_server() { # start_server DATABASE: a new server with the objects that all variants share
  local database=$1 setting
  server_port=$(free_port)
  "$suites_dir/pg-up.sh" "$work/pg" "$server_port" >/dev/null
  # As pg_regress makes its database.
  direct_psql -d postgres -c "CREATE DATABASE \"$database\" TEMPLATE template0"
  for setting in "lc_messages TO 'C'" "lc_monetary TO 'C'" "lc_numeric TO 'C'" "lc_time TO 'C'" \
    "bytea_output TO 'hex'" "timezone_abbreviations TO 'Default'"; do
    direct_psql -d postgres -c "ALTER DATABASE \"$database\" SET $setting"
  done
  # No test has these names.
  direct_psql -d "$database" -c 'CREATE SCHEMA vault' -c 'CREATE TABLE vault.jewels (id int, jewel text)'
  policy relay "$database" >"$work/relay.yaml"
  policy protected "$database" >"$work/protected.yaml"
  rm -rf "$work/keyring"
  "$PGVEIL" apply --yes --config "$work/protected.yaml" >"$work/apply.log" 2>&1 || { cat "$work/apply.log" >&2; exit 1; }
}

policy() { # policy VARIANT DATABASE
  cat <<POLICY
listen: 127.0.0.1:0
upstream: { hosts: ["127.0.0.1:$server_port"] }
service: { user: suites, password: { env: PGPASSWORD } }
metrics: { listen: "127.0.0.1:$(free_port)" }
POLICY
  [[ $1 == protected ]] || return 0
  cat <<POLICY
kms:
  main: { local: { keyring: $work/keyring } }
databases:
  $2:
    tables:
      vault.jewels:
        columns:
          jewel: { type: text }
POLICY
}

start_proxy() { # start_proxy VARIANT LOG
  : >"$2"
  PGVEIL_LOG__LEVEL=warn "$PGVEIL" run --config "$work/$1.yaml" >"$2" 2>&1 &
  proxy=$!
  proxy_port=
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    proxy_port=$(sed -nE 's/^ready listen=[^ ]*:([0-9]+) .*/\1/p' "$2")
    [[ -z $proxy_port ]] || return 0
    kill -0 "$proxy" 2>/dev/null || break
    sleep 0.1
  done
  cat "$2" >&2
  echo "suites: pgveil did not start" >&2
  exit 1
}

# ---- one run

metric() { # metric NAME: its sum over all labels
  local port
  port=$(sed -nE 's/^metrics:.*:([0-9]+)".*/\1/p' "$work/$variant.yaml")
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  awk -v name="$1" 'index($1, name) == 1 { sum += $NF } END { print sum + 0 }' <&3
  exec 3>&-
}

# The policy was in force to the end, or there was none: a value written through pgveil tells.
probe() { # probe DATABASE
  local stored
  PGPORT=$proxy_port "$bin/psql" -X -q -d "$1" -c "INSERT INTO vault.jewels VALUES (1, 'ruby')" >/dev/null 2>&1 || true
  stored=$(direct_psql -d "$1" -At -c "SELECT substr(jewel::text, 1, 4) FROM vault.jewels")
  case $variant,$stored in
    'protected,\xff' | relay,) ;;
    *) problems+=("$suite $variant: the policy was not as it should be (stored: $stored)") ;;
  esac
}

proxied() { [[ $variant == relay || $variant == protected ]]; }

run() { # run SUITE VARIANT
  local suite=$1 variant=$2 port database
  database=$(database_of "$suite")
  local into=$results/$suite/$variant
  rm -rf "$into"
  mkdir -p "$(dirname "$into")"
  start_server "$database"
  port=$server_port
  if proxied; then
    start_proxy "$variant" "$work/pgveil.log"
    port=$proxy_port
  fi
  # All variants write to the same place, because outputs name it.
  rm -rf "$work/out"
  env PGPORT="$port" PGDATABASE="$database" PGBIN="$work/bin" SUITES_OUT="$work/out" SUITES_TAG=run \
    "$suites_dir/$suite.sh" >"$work/suite.log" 2>&1 || { cat "$work/suite.log" >&2; exit 1; }
  statements=
  if proxied; then
    probe "$database"
    statements=$(metric pgveil_statements_total)
    stop_proxy
  fi
  stop_server
  mv "$work/out/run"/* "$into"
  if proxied; then mv "$work/pgveil.log" "$into.log"; fi
  passed=$(grep -c '^pass' "$into/results.tsv" || true)
  total=$(wc -l <"$into/results.tsv")
}

# Everything that a suite wrote, but for what holds times: reports of pg_regress, headers of diffs.
differing() { # differing SUITE VARIANT: the files that differ from direct, one a line
  (cd "$results/$1" && diff -rq -x run.log -x regression.diffs -x regression.out -x output_iso -x '*.diff' -x junit.xml direct "$2" || true) |
    sed -E -e "s,^Files direct/(.*) and .* differ$,\1," -e "s,^Only in (direct|$2)/?([^:]*): (.*)$,\2/\3 (only in \1),"
}

problems=()
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
        differences=$(wc -l <"$list")
        ((differences == 0)) || problems+=("$suite $variant differs from direct: $(head -n 5 "$list" | paste -sd ' '); see $results/$suite")
        grep -v '^ready ' "$results/$suite/$variant.log" >"$list.log" && problems+=("$suite $variant: pgveil said: $(head -n 3 "$list.log")")
        rm -f "$list.log"
        ;;
    esac
    rows+=("$(printf '%-15s %-10s %5d of %-5d %12s %12s %6d s' "$suite" "$variant" "$passed" "$total" "$differences" "${statements:--}" $((SECONDS - started)))")
    echo "${rows[-1]}"
  done
done

printf '\n%-15s %-10s %14s %12s %12s %8s\n' suite variant passed differences statements time
printf '%s\n' "${rows[@]}"
if ((${#problems[@]})); then
  printf '%s\n' '' "${problems[@]}"
  exit 1
fi
