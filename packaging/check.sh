#!/usr/bin/env bash
# Installs what packaging/build.sh built, then loads the samples and runs a query with it.
set -euo pipefail
cd "$(dirname "$0")/.."

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

# Fails unless the program answers from a store that it loaded.
answers() {
  rm -rf "$room/store"
  "$1" --store "$room/store" load --quiet samples/exports >/dev/null
  "$1" --store "$room/store" query --quiet "failures by reason since 7d" | grep -q '^AGENT .* 20$' ||
    { echo "$1 does not answer" >&2 && exit 1; }
}

(cd target/packages && sha256sum --check --quiet SHA256SUMS)
checked=0
for tarball in target/packages/*.tar.gz; do
  [ -e "$tarball" ] || continue
  mkdir "$room/tarball"
  tar -C "$room/tarball" --strip-components=1 -xzf "$tarball"
  test -s "$room/tarball/man/ecs-audit-load.1"
  test -s "$room/tarball/completions/_ecs-audit"
  answers "$room/tarball/ecs-audit"
  echo "ok $tarball" && checked=$((checked + 1))
done
for wheel in target/packages/*.whl; do
  [ -e "$wheel" ] || continue
  python3 -m venv "$room/venv"
  "$room/venv/bin/pip" install --quiet --no-index "$wheel"
  answers "$room/venv/bin/ecs-audit"
  echo "ok $wheel" && checked=$((checked + 1))
done
for package in target/packages/*.deb; do
  [ -e "$package" ] || continue
  # Unpacked instead of installed, so that it needs no root and leaves nothing behind.
  dpkg-deb --extract "$package" "$room/deb"
  gzip --test "$room/deb/usr/share/man/man1/ecs-audit-load.1.gz"
  test -s "$room/deb/usr/share/bash-completion/completions/ecs-audit"
  answers "$room/deb/usr/bin/ecs-audit"
  echo "ok $package" && checked=$((checked + 1))
done
[ "$checked" -gt 0 ] || { echo "nothing in target/packages to install: packaging/build.sh builds it" >&2 && exit 1; }
