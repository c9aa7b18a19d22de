# shellcheck shell=bash
# What scripts/suites.sh and scripts/driver_suites.sh share: a throw-away server, and a pgveil in front of it
# whose policy protects nothing (relay) or a table that no test names (protected). Sourced, not run.
# The sourcing script sets `repo` and `results`, and runs under `set -euo pipefail`.

bin=/usr/lib/postgresql/15/bin
problems=()

as_root() { if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi; }
as_server() { if [[ $(id -u) == 0 ]]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }

# ---- what is needed of the machine

packages=()
need() { # need PACKAGE PATH: the package, unless the path is there
  [[ -e $2 ]] || packages+=("$1")
}
install_packages() {
  ((${#packages[@]})) || return 0
  echo "suites: installing ${packages[*]}" >&2
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# The server reads the tests' files, so its user must be able to reach them: home folders often are closed.
open_cache() {
  cache=${SUITES_CACHE:-/var/tmp/pgveil-suites-$(id -u)}
  mkdir -p -m 755 "$cache"
  [[ -O $cache ]] || { echo "suites: $cache belongs to somebody else; set SUITES_CACHE" >&2; exit 1; }
}

build_pgveil() {
  [[ -z ${PGVEIL:-} ]] || return 0
  cargo build --quiet
  PGVEIL=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug/pgveil
}

# ---- one server and one pgveil at a time

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
open_work() {
  work=$(mktemp -d /var/tmp/pgveil-suites.XXXXXX)
  chmod 755 "$work"
  trap 'stop_proxy; stop_server || true; rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
}

# Below the range from which the system gives outgoing connections their ports.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

export PGUSER=suites PGPASSWORD=suites PGHOST=127.0.0.1 PGSSLMODE=disable
direct_psql() { PGPORT=$server_port "$bin/psql" -X -q -v ON_ERROR_STOP=1 "$@"; }

# As pg_regress makes its database. No test has the names of the protected table.
create_database() { # create_database DATABASE
  local setting
  [[ $1 == postgres ]] || direct_psql -d postgres -c "CREATE DATABASE \"$1\" TEMPLATE template0"
  for setting in "lc_messages TO 'C'" "lc_monetary TO 'C'" "lc_numeric TO 'C'" "lc_time TO 'C'" \
    "bytea_output TO 'hex'" "timezone_abbreviations TO 'Default'"; do
    direct_psql -d postgres -c "ALTER DATABASE \"$1\" SET $setting"
  done
  direct_psql -d "$1" -c 'CREATE SCHEMA vault' -c 'CREATE TABLE vault.jewels (id int, jewel text)'
}

# The sealed table is there in the direct run as well, so that the runs differ in nothing but pgveil.
seal() { # seal DATABASE
  policy relay "$1" >"$work/relay.yaml"
  policy protected "$1" >"$work/protected.yaml"
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

metric() { # metric VARIANT NAME: its sum over all labels
  local port
  port=$(sed -nE 's/^metrics:.*:([0-9]+)".*/\1/p' "$work/$1.yaml")
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  awk -v name="$2" 'index($1, name) == 1 { sum += $NF } END { print sum + 0 }' <&3
  exec 3>&-
}

# The policy was in force to the end, or there was none: a value written through pgveil tells.
probe() { # probe SUITE VARIANT DATABASE
  local stored
  PGPORT=$proxy_port "$bin/psql" -X -q -d "$3" -c "INSERT INTO vault.jewels VALUES (1, 'ruby')" >/dev/null 2>&1 || true
  stored=$(direct_psql -d "$3" -At -c "SELECT substr(jewel::text, 1, 4) FROM vault.jewels")
  case $2,$stored in
    'protected,\xff' | relay,) ;;
    *) problems+=("$1 $2: the policy was not as it should be (stored: $stored)") ;;
  esac
}

proxied() { [[ $1 == relay || $1 == protected ]]; }

# What pgveil logged beyond that it is ready: warnings and errors.
complaints() { # complaints SUITE VARIANT LOG
  local said
  said=$(grep -v '^ready ' "$3" | head -n 3 || true)
  [[ -z $said ]] || problems+=("$1 $2: pgveil said: $said")
}

report() { # report: exit 1 if anything was wrong
  ((${#problems[@]})) || return 0
  printf '%s\n' '' "${problems[@]}"
  exit 1
}

# ---- suites from the Python registry

# A virtual environment in ./venv with these packages and nothing else, and the source distribution NAME-VERSION,
# which must have this checksum, unpacked in ./source: it holds the tests.
pinned_python() { # pinned_python NAME VERSION SHA256 PACKAGE==VERSION...
  local name=$1 version=$2 sum=$3 stamp=$*
  shift 3
  [[ ! -f stamp || $(<stamp) != "$stamp" ]] || return 0
  rm -rf venv source download
  python3 -m venv venv
  venv/bin/pip install --quiet --disable-pip-version-check "$@"
  venv/bin/pip download --quiet --disable-pip-version-check --no-deps --no-binary "$name" --dest download "$name==$version"
  echo "$sum  $(echo download/*.tar.gz)" | sha256sum --check --quiet
  mkdir source
  tar -xzf download/*.tar.gz -C source --strip-components=1
  echo "$stamp" >stamp
}

# ---- suites from Go's module registry

# A module, which must have this hash (of go.sum), in ./source, where it can be built; its tests are compiled.
pinned_go() { # pinned_go MODULE VERSION HASH
  [[ ! -f stamp || $(<stamp) != "$*" ]] || return 0
  export GOMODCACHE=$tools_dir/mod GOFLAGS=-modcacherw
  go mod download -json "$1@$2" >module.json
  grep -qF "\"Sum\": \"$3\"" module.json || { echo "$1@$2 is not what it was" >&2; return 1; }
  rm -rf source
  cp -r "mod/$1@$2" source
  chmod -R u+w source
  go -C source test -exec true -count 1 ./... >/dev/null
  echo "$*" >stamp
}
