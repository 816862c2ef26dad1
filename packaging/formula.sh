#!/usr/bin/env bash
# Prints a Homebrew formula for a release: packaging/formula.sh REPOSITORY VERSION FOLDER
#
# REPOSITORY is owner/name on GitHub; FOLDER holds the tarballs of the release.
set -euo pipefail
[ $# -eq 3 ] || { echo "usage: packaging/formula.sh OWNER/NAME VERSION FOLDER" >&2 && exit 2; }
repository=$1 version=$2 folder=$3

source_of() {
  local name="ecs-audit-$1-v$version.tar.gz"
  echo "      url \"https://github.com/$repository/releases/download/v$version/$name\""
  echo "      sha256 \"$(sha256sum "$folder/$name" | cut -d' ' -f1)\""
}

cat <<FORMULA
class EcsAudit < Formula
  desc "Offline analyzer for failures on Amazon ECS and dstack"
  homepage "https://github.com/$repository"
  version "$version"
  license "Apache-2.0"

  on_macos do
    on_arm do
$(source_of aarch64-apple-darwin)
    end
    on_intel do
$(source_of x86_64-apple-darwin)
    end
  end
  on_linux do
    on_intel do
$(source_of x86_64-unknown-linux-gnu)
    end
  end

  def install
    bin.install "ecs-audit"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/ecs-audit.bash" => "ecs-audit"
    zsh_completion.install "completions/_ecs-audit"
    fish_completion.install "completions/ecs-audit.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/ecs-audit --version")
  end
end
FORMULA
