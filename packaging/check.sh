#!/usr/bin/env bash
# Installs what packaging/build.sh built, and runs a query on the samples with it.
set -euo pipefail
cd "$(dirname "$0")/.."

asked() {
  "$1" query --quiet --from samples/exports "failures by reason since 7d" | grep -q '^AGENT .* 20$' ||
    { echo "$1 does not answer" >&2 && exit 1; }
}

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
for wheel in target/packages/*.whl; do
  [ -e "$wheel" ] || continue
  python3 -m venv "$room/venv"
  "$room/venv/bin/pip" install --quiet --no-index "$wheel"
  asked "$room/venv/bin/ecs-audit"
  echo "ok $wheel"
done
for package in target/packages/*.deb; do
  [ -e "$package" ] || continue
  # Unpacked instead of installed, so that it needs no root and leaves nothing behind.
  dpkg-deb --extract "$package" "$room/deb"
  test -s "$room/deb/usr/share/man/man1/ecs-audit.1" -o -s "$room/deb/usr/share/man/man1/ecs-audit.1.gz"
  test -s "$room/deb/usr/share/bash-completion/completions/ecs-audit"
  asked "$room/deb/usr/bin/ecs-audit"
  echo "ok $package"
done
