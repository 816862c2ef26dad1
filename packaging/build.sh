#!/usr/bin/env bash
# Builds what is released, all from one binary: packaging/build.sh [--trial BINARY] [KIND…]
#
# Kinds: tarball, wheel, deb, rpm (needs cargo-generate-rpm) and sbom; all by default. Everything is written to target/packages,
# with SHA256SUMS, and depends only on the binary and the time of the last commit. `--trial` tries the packaging itself, which is
# quick: it packs BINARY, whatever its profile, instead of a release build.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022

trial=
if [ "${1-}" = --trial ]; then
  [ -x "${2-}" ] || { echo "--trial needs a binary, such as target/debug/ecs-audit" >&2 && exit 2; }
  trial=$2
  shift 2
fi
kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(tarball wheel deb rpm sbom)
for kind in "${kinds[@]}"; do
  case "$kind" in
    tarball | wheel | deb | rpm | sbom) ;;
    *) echo "unknown kind \`$kind\`: expected tarball, wheel, deb, rpm or sbom" >&2 && exit 2 ;;
  esac
done

out=target/packages
share="$out/share"
if [ -n "$trial" ]; then
  binary="$out/ecs-audit" level=1
else
  cargo build --locked --release
  binary=target/release/ecs-audit level=9
fi
rm -rf "$out"
mkdir -p "$share/man" "$share/completions"
[ -z "$trial" ] || strip -o "$binary" "$trial"

version=$("$binary" --version | awk '{ print $2 }')
target=$(rustc -vV | awk '/^host:/ { print $2 }')
case "$target" in
  # The newest symbol of the C library that the binary uses is the oldest C library that it runs with.
  *-linux-gnu) glibc=$(objdump -T "$binary" | grep -o 'GLIBC_2[0-9.]*' | cut -d_ -f2 | sort -uV | tail -n 1) ;;
esac
# Times in archives.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}

"$binary" man --out "$share/man"
"$binary" completions bash >"$share/completions/ecs-audit.bash"
"$binary" completions zsh >"$share/completions/_ecs-audit"
"$binary" completions fish >"$share/completions/ecs-audit.fish"

# `cargo binstall` finds a tarball with this name on the page of a release.
tarball() {
  local name="ecs-audit-$target-v$version"
  mkdir -p "$out/$name"
  cp -r "$binary" README.md LICENSE CHANGELOG.md "$share/man" "$share/completions" "$out/$name/"
  tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -n "-$level" >"$out/$name.tar.gz"
  rm -r "${out:?}/$name"
}

wheel() {
  local platform
  case "$target" in
    *-linux-gnu) platform="manylinux_${glibc/./_}_${target%%-*}" ;;
    # The oldest systems that the standard library of Rust supports.
    aarch64-apple-darwin) platform=macosx_11_0_arm64 ;;
    x86_64-apple-darwin) platform=macosx_10_12_x86_64 ;;
    *) echo "no wheel for $target: expected Linux with glibc, or macOS" >&2 && return 1 ;;
  esac
  python3 packaging/wheel.py "$binary" "$platform" "$level" "$out"
}

deb() {
  local root="$out/deb" architecture
  case "$target" in
    x86_64-unknown-linux-gnu) architecture=amd64 ;;
    aarch64-unknown-linux-gnu) architecture=arm64 ;;
    *) echo "no .deb for $target: expected x86_64-unknown-linux-gnu or aarch64-unknown-linux-gnu" >&2 && return 1 ;;
  esac
  local usr="$root/usr/share"
  mkdir -p "$root/DEBIAN" "$root/usr/bin" "$usr/man/man1" "$usr/doc/ecs-audit" "$usr/bash-completion/completions" \
    "$usr/zsh/vendor-completions" "$usr/fish/vendor_completions.d"
  install -m 755 "$binary" "$root/usr/bin/"
  cp "$share"/man/*.1 "$usr/man/man1/"
  gzip -9n "$usr"/man/man1/*.1
  cp README.md "$usr/doc/ecs-audit/"
  cp LICENSE "$usr/doc/ecs-audit/copyright"
  cp "$share/completions/ecs-audit.bash" "$usr/bash-completion/completions/ecs-audit"
  cp "$share/completions/_ecs-audit" "$usr/zsh/vendor-completions/"
  cp "$share/completions/ecs-audit.fish" "$usr/fish/vendor_completions.d/"
  # Before `~`, a version sorts as older: 1.0.0~rc.1 is a candidate of 1.0.0.
  cat >"$root/DEBIAN/control" <<CONTROL
Package: ecs-audit
Version: ${version/-/\~}-1
Architecture: $architecture
Maintainer: The ecs-audit authors
Section: admin
Priority: optional
Installed-Size: $(du -sk "$root/usr" | cut -f 1)
Depends: libc6 (>= $glibc), libgcc-s1
Description: offline analyzer for failures on Amazon ECS and dstack
 Loads exported CloudTrail logs, Amazon ECS events and dstack run records, and answers what failed, why, and what to do.
CONTROL
  # xz, because the dpkg of Debian 11 cannot read zstd.
  dpkg-deb --root-owner-group -Zxz "-z$level" --build "$root" "$out/ecs-audit_${version/-/\~}-1_$architecture.deb" >/dev/null
  rm -r "$root"
}

rpm() {
  [ -z "$trial" ] || { echo "no trial of an .rpm: cargo-generate-rpm takes the binary from target/release" >&2 && return; }
  cargo generate-rpm --output "$out/"
}

sbom() { python3 packaging/sbom.py "$target" >"$out/ecs-audit-v$version.cdx.json"; }

for kind in "${kinds[@]}"; do "$kind"; done
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS ! -name ecs-audit -printf '%P\n' | sort | xargs sha256sum >SHA256SUMS)
cat "$out/SHA256SUMS"
