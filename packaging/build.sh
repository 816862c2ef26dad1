#!/usr/bin/env bash
# Builds what is released, all from one binary (profile `dist`): packaging/build.sh [KIND…]
#
# Kinds: tarball, wheel (maturin), deb (cargo-deb), rpm (cargo-generate-rpm), sbom (cargo-cyclonedx); all by default.
# Everything is written to target/packages, with SHA256SUMS.
set -euo pipefail
cd "$(dirname "$0")/.."

kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(tarball wheel deb rpm sbom)
out=target/packages
share="$out/share"
rm -rf "$out"
mkdir -p "$share/man" "$share/completions"

cargo build --locked --profile dist
binary=target/dist/ecs-audit
version=$("$binary" --version | awk '{ print $2 }')
target=$(rustc -vV | awk '/^host:/ { print $2 }')

"$binary" man --out "$share/man"
"$binary" completions bash >"$share/completions/ecs-audit.bash"
"$binary" completions zsh >"$share/completions/_ecs-audit"
"$binary" completions fish >"$share/completions/ecs-audit.fish"

# `cargo binstall` finds a tarball with this name on the page of a release.
tarball() {
  local name="ecs-audit-$target-v$version"
  mkdir -p "$out/$name"
  cp -r "$binary" README.md LICENSE CHANGELOG.md "$share/man" "$share/completions" "$out/$name/"
  tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner -czf "$out/$name.tar.gz" "$name"
  rm -r "${out:?}/$name"
}
wheel() { maturin build --locked --profile dist --out "$out"; }
deb() { cargo deb --locked --no-build --no-strip --profile dist --output "$out/"; }
rpm() { cargo generate-rpm --profile dist --output "$out/"; }
sbom() { cargo cyclonedx --format json --override-filename "ecs-audit-v$version.cdx" && mv "ecs-audit-v$version.cdx.json" "$out/"; }

for kind in "${kinds[@]}"; do
  case "$kind" in
    tarball | wheel | deb | rpm | sbom) "$kind" ;;
    *) echo "unknown kind \`$kind\`: expected tarball, wheel, deb, rpm or sbom" >&2 && exit 2 ;;
  esac
done
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum >SHA256SUMS)
cat "$out/SHA256SUMS"
