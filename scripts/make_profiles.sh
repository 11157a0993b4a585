#!/usr/bin/env bash
# Makes the shipped profiles of kernel times again from the measured rows in validate/reference/kernels, and from
# those in validate/measured what kernels take that only move rows. Needs the
# release build. The seed is the first with which every library and precision has shapes on both sides of the split.
#
# H800 is the H100 with slower NVLink: no kernel here uses NVLink, and the data sheets agree on everything else.
set -euo pipefail
cd "$(dirname "$0")/.."

rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

fit() {  # profile, rows' device
  build/release/bin/moesim calibrate import validate/measured/"$2".json -o - --device "$2" --quiet 2>/dev/null |
    grep -E '^(#|kernel,|copy,|triad,|swiglu,|permute,|unpermute,)' >"$rows"
  build/release/bin/moesim calibrate fit validate/reference/kernels/"$2"-{gemm,experts,attention}.csv "$rows" \
    --gpu "$1" --seed 3 -o "models/kernels/profiles/$1.json"
}
for profile in h100 h200; do fit $profile $profile; done
fit h800 h100
