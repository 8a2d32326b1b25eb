# Consumer groups: reset in every way, describe in every form, deletion. Sourced by ./run.

# Prints the committed offset of partition 0 of $topic in group g-$topic.
committed() { tool consumer-groups --describe --group "g-$topic" --offsets 2>/dev/null | awk -v topic="$topic" '$2 == topic && $3 == 0 {print $4}'; }
committed_is() {
  local found
  found=$(committed)
  [ "$found" = "$1" ] || { echo "committed is '$found', not '$1'"; return 1; }
}
reset() { tool consumer-groups --reset-offsets --group "g-$topic" --topic "$topic" "$@"; }
# resets_to OFFSET how…: by the plan that is printed (3.9 prints it all on one line).
resets_to() {
  local wanted=$1
  shift
  reset "$@" --execute >"$scratch/reset" 2>&1 || { cat "$scratch/reset"; return 1; }
  grep -qE " $topic +0 +$wanted( |$)" "$scratch/reset" || { echo "reset $*: not $wanted"; cat "$scratch/reset"; return 1; }
}

resets_to_positions() {
  in_release "$1" reset
  makes_two_hundred_records && resets_to 0 --to-earliest && committed_is 0 && resets_to 200 --to-latest && committed_is 200 &&
    resets_to 50 --to-offset 50 && resets_to 50 --to-current && resets_to 20 --shift-by -30 && resets_to 200 --shift-by 1000 &&
    resets_to 0 --shift-by -1000 && resets_to 200 --to-offset 500 && committed_is 200
}

resets_to_times() {
  in_release "$1" reset
  resets_to 100 --to-datetime "$(date -u -d "@$((moment / 1000))" +%Y-%m-%dT%H:%M:%S).$(printf %03d $((moment % 1000)))" && committed_is 100 &&
    resets_to 0 --by-duration P1D && resets_to 200 --by-duration PT0S && committed_is 200
}

plans_exports_and_imports() {
  in_release "$1" reset
  resets_to 30 --to-offset 30 && says ' 70' reset --to-offset 70 --dry-run && committed_is 30 &&
    reset --to-offset 70 --dry-run --export 2>/dev/null | grep "$topic" >"$scratch/plan.csv" && cat "$scratch/plan.csv" && grep -qxE "\"?$topic\"?,0,70" "$scratch/plan.csv" &&
    tool consumer-groups --reset-offsets --group "g-$topic" --from-file "$scratch/plan.csv" --execute && committed_is 70 &&
    tool consumer-groups --reset-offsets --group "g-$topic" --topic "$topic:0" --to-earliest --execute && committed_is 0 &&
    tool consumer-groups --reset-offsets --group "g-$topic" --all-topics --to-latest --execute && committed_is 200
}

# A group with two members in the background; ends after the function that it calls.
with_members() {
  local pids=() member status
  # More records than the topic holds, so that the members stay until they are ended.
  for member in one two; do
    timeout 120 "$compat/kafka/tool" "$release" console-consumer --bootstrap-server "$bootstrap" --topic "$topic" --group "live-$topic" \
      --consumer-property "client.id=$member" >/dev/null 2>&1 &
    pids+=($!)
  done
  wait_for 60 has_members 2 && "$@"
  status=$?
  kill "${pids[@]}" 2>/dev/null
  wait "${pids[@]}" 2>/dev/null
  return $status
}
# has_members N: that many, and no rebalance under way.
has_members() {
  tool consumer-groups --describe --group "live-$topic" --members >"$scratch/live" 2>&1
  [ "$(grep -c "^live-$topic" "$scratch/live")" -eq "$1" ] && ! grep -q 'is rebalancing' "$scratch/live"
}
describes_the_live_group() {
  tool consumer-groups --describe --group "live-$topic" --members --verbose >"$scratch/members" && cat "$scratch/members" &&
    grep -qE "[(:]0\)?" "$scratch/members" && grep -q '/127.0.0.1' "$scratch/members" && grep -q 'one-' "$scratch/members" &&
    says 'Stable' tool consumer-groups --describe --group "live-$topic" --state && grep -qE ' range .* 2$|range +Stable +2' "$scratch/says" &&
    says 'Stable' tool consumer-groups --list --state stable && grep -q "live-$topic" "$scratch/says" &&
    tool consumer-groups --describe --all-groups --members | grep -q "live-$topic" &&
    says 'inactive' tool consumer-groups --reset-offsets --group "live-$topic" --topic "$topic" --to-earliest --execute &&
    says 'GroupNotEmptyException' tool consumer-groups --delete --group "live-$topic"
}
describes_and_protects_members() {
  in_release "$1" live
  tool topics --create --topic "$topic" --partitions 2 && with_members describes_the_live_group &&
    wait_for 60 has_members 0 && says 'Empty' tool consumer-groups --describe --group "live-$topic" --state
}

deletes_offsets() {
  in_release "$1" reset
  resets_to 40 --to-offset 40 && says "$topic" tool consumer-groups --delete-offsets --group "g-$topic" --topic "$topic" &&
    grep -q 'Successful' "$scratch/says" && committed_is ""
}

describes_all_groups() {
  in_release "$1" reset
  resets_to 40 --to-offset 40 && tool consumer-groups --describe --all-groups --offsets >"$scratch/out" && grep -q "g-$topic" "$scratch/out" &&
    tool consumer-groups --describe --all-groups --state >"$scratch/out" && cat "$scratch/out" && grep -q "g-$topic" "$scratch/out"
}

tells_that_a_group_is_missing() {
  in_release "$1" reset
  says 'no-such-group' tool consumer-groups --describe --group no-such-group && grep -qE 'does not exist|not found' "$scratch/says" &&
    says 'no-such-group' tool consumer-groups --delete --group no-such-group && grep -qE 'GroupIdNotFound|does not exist' "$scratch/says"
}

deletes_all_groups() {
  in_release "$1" reset
  tool consumer-groups --delete --all-groups | tee "$scratch/out" && grep -q "g-$topic" "$scratch/out" && [ -z "$(tool consumer-groups --list)" ]
}

reads_the_offsets_topic() {
  in_release "$1" reset
  resets_to 60 --to-offset 60 || return 1
  local formatter=org.apache.kafka.tools.consumer.OffsetsMessageFormatter
  timeout 60 "$compat/kafka/tool" "$release" console-consumer --bootstrap-server "$bootstrap" --topic __consumer_offsets --from-beginning --timeout-ms 8000 \
    --formatter "$formatter" >"$scratch/offsets" 2>/dev/null
  grep "g-$topic" "$scratch/offsets" | tail -2
  grep "g-$topic" "$scratch/offsets" | tail -1 | grep -q '"offset":60'
}

groups=(resets_to_positions resets_to_times plans_exports_and_imports describes_and_protects_members deletes_offsets describes_all_groups
  tells_that_a_group_is_missing reads_the_offsets_topic deletes_all_groups)
