#!/bin/bash
# Installs what is missing, and says nothing if nothing is.
#   scripts/setup.sh [build] [server] [bench] [clients] [orms] [drivers] [moto] [localstack]
# build:   what compiling needs: a C compiler, libclang
# server:  PostgreSQL's server and client programs
# bench:   HAProxy, to compare with
# clients: psycopg and node-postgres in target/test-tools, for the tests with other people's drivers
# orms:    SQLAlchemy, Django, Sequelize, TypeORM, Drizzle, Prisma and (where Go is) GORM in target/test-tools/orms
# drivers: what scripts/drivers/*.sh install, a language each, in target/test-tools/drivers
# moto, localstack: other people's AWS KMS, in target/test-tools/kms; tests that miss them say so
set -euo pipefail
cd "$(dirname "$0")/.."

# Pinned, so that a test fails because of a change here and not of one elsewhere.
PSYCOPG='psycopg[binary]==3.3.9'
NODE_PG='pg@8.23.1'
ORMS_PYTHON=(SQLAlchemy==2.1.9 greenlet==3.5.6 asyncpg==0.32.0 psycopg2-binary==2.9.13 Django==5.2.19 "$PSYCOPG")
ORMS_NODE=("$NODE_PG" pg-hstore@2.3.4 sequelize@6.37.8 typeorm@1.1.1 reflect-metadata@0.2.2 drizzle-orm@0.45.4
  prisma@7.10.0 @prisma/client@7.10.0 @prisma/adapter-pg@7.10.0)
MOTO=('moto[server]==5.2.5')
# What its own metadata leaves open has moved on since; its plugins fail to load with newer ones.
LOCALSTACK=('localstack-core[base-runtime]==4.14.0' moto-ext==5.1.22 'cbor2<6' pyopenssl==25.3.0 'cryptography<47'
  service-identity)

packages=()
need() { # need PACKAGE CONDITION...: the package, unless the condition holds
  local package=$1
  shift
  "$@" || packages+=("$package")
}

has() { command -v "$1" >/dev/null 2>&1; }

has_libclang() {
  local found
  found=$(compgen -G '/usr/lib/llvm-*/lib/libclang.so*' || compgen -G '/usr/lib/*/libclang*.so*' || true)
  [[ -n $found || -n ${LIBCLANG_PATH:-} ]]
}

has_server() {
  [[ -n ${PGVEIL_PG_BIN:-} ]] || has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

has_haproxy() { has haproxy || [[ -x /usr/sbin/haproxy ]]; }

has_venv() { has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; }

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  ((${#packages[@]})) || return 0
  if ! has apt-get || { [[ $(id -u) != 0 ]] && ! has sudo; }; then
    echo "setup: please install what these Debian packages provide: ${packages[*]}" >&2
    return 1
  fi
  echo "setup: installing ${packages[*]}" >&2
  local log
  log=$(mktemp)
  if ! { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

install_clients() {
  local tools=target/test-tools stamp="$PSYCOPG $NODE_PG"
  [[ -f $tools/stamp && $(<"$tools/stamp") == "$stamp" ]] && return 0
  echo "setup: $PSYCOPG and $NODE_PG into $tools" >&2
  mkdir -p "$tools/node"
  python3 -m venv --clear "$tools/venv"
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check "$PSYCOPG"
  npm install --prefix "$tools/node" --silent --no-audit --no-fund "$NODE_PG"
  echo "$stamp" >"$tools/stamp"
}

# GORM's versions stand in its go.mod. Prisma's client is generated; its migration engine, which would be
# downloaded for that, is not needed.
install_orms() {
  local tools=target/test-tools/orms stamp
  stamp="${ORMS_PYTHON[*]} ${ORMS_NODE[*]} $(cksum <tests/orm/prisma/schema.prisma)"
  if [[ ! -f $tools/stamp || $(<"$tools/stamp") != "$stamp" ]]; then
    echo "setup: $stamp into $tools" >&2
    mkdir -p "$tools/node"
    python3 -m venv --clear "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check "${ORMS_PYTHON[@]}"
    npm install --prefix "$tools/node" --silent --no-audit --no-fund --ignore-scripts "${ORMS_NODE[@]}"
    cp tests/orm/prisma/schema.prisma "$tools/node/"
    (cd "$tools/node" && PRISMA_SCHEMA_ENGINE_BINARY=$(type -P true) CHECKPOINT_DISABLE=1 \
      node_modules/.bin/prisma generate --schema schema.prisma >/dev/null 2>&1)
    echo "$stamp" >"$tools/stamp"
  fi
  if has go; then
    GOMODCACHE=$PWD/$tools/go GOFLAGS=-modcacherw go -C tests/orm/gorm build -o "$PWD/$tools/bin/gorm" .
  else
    echo "setup: no Go here: the tests with GORM will be skipped" >&2
  fi
}

# A language that this machine lacks is skipped, which its script says.
install_drivers() {
  local script
  mkdir -p target/test-tools/drivers
  for script in scripts/drivers/*.sh; do "$script" "$PWD/target/test-tools/drivers"; done
}

# The first of these interpreters that is new enough for a minor version of Python 3.
python_from() { # python_from MINOR
  local python
  for python in python3 python3.14 python3.13 ~/.pyenv/versions/3.1[3-9]*/bin/python3; do
    if "$python" -c "import sys, venv; sys.exit(sys.version_info < (3, $1))" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  echo "setup: there is no Python 3.$1 or later here" >&2
  return 1
}

# A server in Python in target/test-tools/kms/NAME. Nothing but its tests needs it: no failure.
install_kms() { # install_kms NAME MINOR REQUIREMENT...
  local name=$1 minor=$2 tools=target/test-tools/kms/$1 python
  shift 2
  [[ -f $tools/stamp && $(<"$tools/stamp") == "$*" ]] && return 0
  echo "setup: $* into $tools" >&2
  if python=$(python_from "$minor") && "$python" -m venv --clear "$tools" && "$tools/bin/pip" install --quiet --disable-pip-version-check "$@"; then
    echo "$*" >"$tools/stamp"
  else
    rm -rf "$tools"
    echo "setup: $name could not be installed: the tests with it will be skipped" >&2
  fi
}

if ! has cargo; then
  echo "setup: Rust is missing: see https://rustup.rs" >&2
  exit 1
fi
clients=
orms=
drivers=
moto=
localstack=
for part in "$@"; do
  case $part in
    build)
      need build-essential has cc
      need libclang-dev has_libclang
      ;;
    server)
      need postgresql has_server
      need postgresql-client has psql
      ;;
    bench)
      need haproxy has_haproxy
      need python3 has python3
      ;;
    clients | orms | drivers)
      case $part in clients) clients=yes ;; orms) orms=yes ;; *) drivers=yes ;; esac
      has python3 || packages+=(python3)
      need python3-venv has_venv
      need nodejs has node
      need npm has npm
      ;;
    moto | localstack)
      if [[ $part == moto ]]; then moto=yes; else localstack=yes; fi
      has python3 || packages+=(python3)
      need python3-venv has_venv
      ;;
    *)
      echo "usage: scripts/setup.sh [build] [server] [bench] [clients] [orms] [drivers] [moto] [localstack]" >&2
      exit 2
      ;;
  esac
done
install_packages
# Not `||`: within such a list a failing command would not end the function.
if [[ -n $clients ]]; then install_clients; fi
if [[ -n $orms ]]; then install_orms; fi
if [[ -n $drivers ]]; then install_drivers; fi
if [[ -n $moto ]]; then install_kms moto 9 "${MOTO[@]}"; fi
if [[ -n $localstack ]]; then install_kms localstack 13 "${LOCALSTACK[@]}"; fi
