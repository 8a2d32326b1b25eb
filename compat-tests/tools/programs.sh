# Console clients with their properties, verifiable clients, and the programs that measure. Sourced by ./run.

produces_with_keys_and_headers() {
  in_release "$1" keyed
  tool topics --create --topic "$topic" --partitions 2 || return 1
  printf 'h1:v1,h2:v2\tkey1\tvalue1\nh3:v3\tkey2\tvalue2\n' |
    tool console-producer --topic "$topic" --property parse.key=true --property parse.headers=true --compression-codec zstd || return 1
  tool console-consumer --topic "$topic" --from-beginning --max-messages 2 --timeout-ms 20000 --property print.key=true --property print.headers=true \
    --property print.timestamp=true --property print.offset=true --property print.partition=true >"$scratch/out" && cat "$scratch/out" &&
    grep -qE 'CreateTime:[0-9]{13}.Partition:[01].Offset:0.h1:v1,h2:v2.key1.value1' "$scratch/out" && grep -q 'h3:v3.key2.value2' "$scratch/out"
}

produces_with_every_codec() {
  in_release "$1" codecs
  local codec
  for codec in none gzip snappy lz4 zstd; do
    seq 100 | sed "s/^/$codec /" | tool console-producer --topic "$topic" --compression-codec "$codec" --producer-property acks=all || return 1
  done
  tool console-consumer --topic "$topic" --from-beginning --max-messages 500 --timeout-ms 20000 --isolation-level read_committed >"$scratch/out"
  for codec in none gzip snappy lz4 zstd; do [ "$(grep -c "^$codec" "$scratch/out")" -eq 100 ] || return 1; done
}

consumes_from_an_offset() {
  in_release "$1" codecs
  [ "$(tool console-consumer --topic "$topic" --partition 0 --offset 498 --timeout-ms 5000 2>/dev/null | paste -sd,)" = 'zstd 99,zstd 100' ] &&
    [ "$(tool console-consumer --topic "$topic" --partition 0 --offset earliest --max-messages 1 --timeout-ms 9000)" = 'none 1' ]
}

verifies_every_record() {
  in_release "$1" verified
  tool topics --create --topic "$topic" --partitions 3 &&
    tool verifiable-producer --topic "$topic" --max-messages 3000 --throughput -1 --acks -1 --value-prefix 7 >"$scratch/produced" &&
    [ "$(grep -c producer_send_success "$scratch/produced")" -eq 3000 ] &&
    tool verifiable-consumer --topic "$topic" --group-id "v-$topic" --max-messages 3000 --reset-policy earliest --enable-autocommit \
      --assignment-strategy org.apache.kafka.clients.consumer.CooperativeStickyAssignor >"$scratch/consumed" &&
    python3 - "$scratch/consumed" <<'PY'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]
consumed = sum(event["count"] for event in events if event["name"] == "records_consumed")
commits = [event for event in events if event["name"] == "offsets_committed"]
print(consumed, "consumed,", len(commits), "commits")
assert consumed == 3000 and all(commit["success"] for commit in commits)
PY
}

measures_with_options() {
  in_release "$1" measured
  seq -f 'payload %g' 1000 >"$scratch/payload"
  program producer-perf-test --topic "$topic" --num-records 20000 --payload-file "$scratch/payload" --throughput 20000 --print-metrics \
    --producer-props "bootstrap.servers=$bootstrap" acks=1 compression.type=lz4 linger.ms=5 | tee "$scratch/out" | tail -1
  grep -q '^20000 records sent' "$scratch/out" && grep -q 'producer-metrics:record-send-total' "$scratch/out" &&
    tool consumer-perf-test --topic "$topic" --messages 20000 --timeout 20000 --show-detailed-stats --reporting-interval 500 --group "m-$topic"
}

measures_end_to_end() {
  in_release "$1" latency
  local arguments=("$bootstrap" "$topic" 300 1 100)
  # The newest release takes options.
  [ "$release" = 4 ] && arguments=(--bootstrap-server "$bootstrap" --topic "$topic" --num-records 300 --producer-acks 1 --record-size 100)
  program end-to-end-latency "${arguments[@]}" | tee "$scratch/out"
  grep -q 'Avg latency' "$scratch/out"
}

# What the client expects of a broker of our version. Acls wait for the authorizer: a broker without them can't say that they are off.
passes_the_client_compatibility_test() {
  in_release "$1" compatibility
  tool topics --delete --if-exists --topic newtopic # which the test creates, and the other release's test has left
  tool client-compatibility-test --topic "$topic" --cluster-id-supported True --create-topics-supported True --describe-acls-supported True \
    --describe-configs-supported True --expect-record-too-large-exception False --idempotent-producer-supported True --num-cluster-nodes 1 \
    --offsets-for-times-supported True >"$scratch/out" 2>&1
  local status=$?
  tail -15 "$scratch/out"
  return $status
}

programs=(produces_with_keys_and_headers produces_with_every_codec consumes_from_an_offset verifies_every_record measures_with_options
  measures_end_to_end passes_the_client_compatibility_test)
