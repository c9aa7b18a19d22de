#!/bin/bash
# Drivers for Java: pgjdbc.
#   scripts/drivers/java.sh FOLDER
# Installs into FOLDER what tests/drivers/java.rs runs; does nothing if it is there in the right versions.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$1/java
version=42.7.14
sum=73914527305a40cce504b0d3d90b23caf565136912d607ae8ae7c5895512332c
url=https://repo1.maven.org/maven2/org/postgresql/postgresql/$version/postgresql-$version.jar

has() { command -v "$1" >/dev/null; }

if ! has javac || ! has jar; then
  if has apt-get && [[ $(id -u) == 0 ]]; then
    echo "setup: installing default-jdk-headless" >&2
    apt-get update -qq >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends default-jdk-headless >/dev/null 2>&1 || true
  fi
fi
if ! has javac || ! has jar || ! has curl; then
  echo "SKIPPED drivers for Java: no JDK or no curl here" >&2
  exit 0
fi
stamp="$version $(cat tests/drivers/pgjdbc/*.java | cksum)"
[[ -f $folder/stamp && $(<"$folder/stamp") == "$stamp" ]] && exit 0
echo "setup: pgjdbc $version into $folder" >&2
rm -rf "$folder"
building=$folder.new
rm -rf "$building"
mkdir -p "$building/classes"
curl --fail --silent --show-error --location --output "$building/postgresql.jar" "$url"
echo "$sum  $building/postgresql.jar" | sha256sum --check --quiet
javac -encoding UTF-8 -Xlint:all -d "$building/classes" -cp "$building/postgresql.jar" tests/drivers/pgjdbc/*.java
jar --create --file "$building/application.jar" -C "$building/classes" .
rm -r "$building/classes"
echo "$stamp" >"$building/stamp"
mv "$building" "$folder"
