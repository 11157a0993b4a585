#!/usr/bin/env bash
# Installs what moesim needs to build and test on Debian 12+ or Ubuntu 24.04+. Idempotent: a machine that has
# everything is left alone, without touching the network. `--dev` adds what only the checks of .ci/run need.
set -euo pipefail

packages=(
  ca-certificates git
  g++ cmake ninja-build                  # the build
  libeigen3-dev libfmt-dev nlohmann-json3-dev libcli11-dev   # libraries
  catch2 libbenchmark-dev                # tests and benchmarks
  python3 python3-jsonschema             # tests of the command line and of the published schemas
)
if [[ ${1:-} == --dev ]]; then
  packages+=(clang-format-14)            # pinned: versions disagree about the same file
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "setup: these packages are missing, and there is no sudo; as root, run:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 2
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
