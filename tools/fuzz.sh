#!/usr/bin/env bash
# Runs every libFuzzer target of a build folder for some seconds: tools/fuzz.sh BUILD SECONDS [target…]
# A corpus grows in BUILD/corpus/<target>; what crashes a target is left in BUILD/crashes.
set -euo pipefail
build=${1:?"usage: fuzz.sh BUILD SECONDS [target…]"} seconds=${2:?}
shift 2
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(find "$build" -name '*_fuzzer' -type f -perm -u+x | sort)
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz targets in $build" >&2; exit 1; }
passed=0 failed=0
mkdir -p "$build/crashes"
for target in "${targets[@]}"; do
  name=$(basename "$target")
  mkdir -p "$build/corpus/$name"
  if "$target" -max_total_time="$seconds" -rss_limit_mb=1024 -malloc_limit_mb=512 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$build/crashes/$name-" "$build/corpus/$name" >"$build/crashes/$name.log" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %s: %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/crashes/$name.log")"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$name"
    tail -n 15 "$build/crashes/$name.log"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
