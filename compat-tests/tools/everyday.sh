# What people use every day: topics, console clients, groups, configurations, offsets, the perf tools. Sourced by ./run.

creates_and_describes_topics() {
  in_release "$1" tooled
  tool topics --create --topic "$topic" --partitions 3 --replication-factor 1 --config retention.ms=3600000 &&
    tool topics --describe --topic "$topic" >"$scratch/out" && cat "$scratch/out" &&
    grep -q 'PartitionCount: 3' "$scratch/out" && grep -q 'retention.ms=3600000' "$scratch/out" &&
    [ "$(grep -c 'Leader: 0' "$scratch/out")" -eq 3 ] && tool topics --list | grep -qx "$topic"
}

refuses_a_second_topic_of_that_name() {
  in_release "$1" tooled
  ! tool topics --create --topic "$topic" && tool topics --create --topic "$topic" --if-not-exists
}

adds_partitions() {
  in_release "$1" tooled
  tool topics --alter --topic "$topic" --partitions 5 && tool topics --describe --topic "$topic" | grep -q 'PartitionCount: 5'
}

produces_and_consumes() {
  in_release "$1" console
  seq 500 | tool console-producer --topic "$topic" &&
    tool console-consumer --topic "$topic" --from-beginning --max-messages 500 --timeout-ms 20000 | sort -n | cmp - <(seq 500)
}

consumes_in_a_group() {
  in_release "$1" console
  tool console-consumer --topic "$topic" --group "g-$topic" --from-beginning --max-messages 500 --timeout-ms 30000 \
    --consumer-property auto.commit.interval.ms=100 >"$scratch/group" && [ "$(grep -cE '^[0-9]+$' "$scratch/group")" -eq 500 ] &&
    tool consumer-groups --describe --group "g-$topic" | tee "$scratch/lag" && grep -q "$topic" "$scratch/lag" &&
    tool consumer-groups --list | grep -qx "g-$topic"
}

resets_and_deletes_the_group() {
  in_release "$1" console
  tool consumer-groups --reset-offsets --group "g-$topic" --topic "$topic" --to-earliest --execute | grep -q "$topic" &&
    tool consumer-groups --delete --group "g-$topic" && ! tool consumer-groups --list | grep -qx "g-$topic"
}

changes_configs() {
  in_release "$1" tooled
  tool configs --alter --entity-type topics --entity-name "$topic" --add-config max.message.bytes=2000000,cleanup.policy=compact &&
    tool configs --describe --entity-type topics --entity-name "$topic" | tee "$scratch/configs" && grep -q 'max.message.bytes=2000000' "$scratch/configs" &&
    tool configs --alter --entity-type topics --entity-name "$topic" --delete-config max.message.bytes &&
    ! tool configs --describe --entity-type topics --entity-name "$topic" | grep -q 'max.message.bytes=2000000'
}

describes_broker_configs() {
  in_release "$1" none
  tool configs --describe --entity-type brokers --entity-name 0 --all | grep -q 'log.retention.hours=168'
}

changes_a_broker_config() {
  in_release "$1" none
  tool configs --alter --entity-type brokers --entity-default --add-config log.cleaner.threads=2 &&
    tool configs --describe --entity-type brokers --entity-default | grep -q 'log.cleaner.threads=2' &&
    tool configs --alter --entity-type brokers --entity-default --delete-config log.cleaner.threads
}

gets_offsets() {
  in_release "$1" console
  [ "$(tool get-offsets --topic "$topic" --time -1)" = "$topic:0:500" ] && [ "$(tool get-offsets --topic "$topic" --time earliest)" = "$topic:0:0" ]
}

deletes_records() {
  in_release "$1" console
  printf '{"partitions":[{"topic":"%s","partition":0,"offset":100}],"version":1}' "$topic" >"$scratch/delete.json"
  tool delete-records --offset-json-file "$scratch/delete.json" && [ "$(tool get-offsets --topic "$topic" --time earliest)" = "$topic:0:100" ]
}

describes_log_dirs() {
  in_release "$1" console
  tool log-dirs --describe --topic-list "$topic" | tail -1 | python3 -c '
import json, sys
brokers = json.load(sys.stdin)["brokers"]
partitions = [p for b in brokers for d in b["logDirs"] for p in d["partitions"]]
assert len(partitions) == 1 and partitions[0]["size"] > 0, brokers'
}

perf_tools() {
  in_release "$1" perf
  timeout 90 "$compat/kafka/tool" "$release" producer-perf-test --topic "$topic" --num-records 50000 --record-size 100 --throughput -1 \
    --producer-props "bootstrap.servers=$bootstrap" | tail -1 | grep -q '^50000 records sent' &&
    tool consumer-perf-test --topic "$topic" --messages 50000 --timeout 20000 | tail -1 | grep -q ', 50000,'
}

verifiable_clients() {
  in_release "$1" verifiable
  tool verifiable-producer --topic "$topic" --max-messages 1000 | grep -q '"sent":1000' &&
    tool verifiable-consumer --topic "$topic" --group-id "g-$topic" --max-messages 1000 --reset-policy earliest | grep -q records_consumed
}

lists_api_versions() {
  in_release "$1" none
  tool broker-api-versions | tee "$scratch/apis" && grep -q 'Produce(0)' "$scratch/apis" && ! grep -q UNSUPPORTED.*Produce "$scratch/apis"
}

deletes_topics() {
  in_release "$1" tooled
  tool topics --delete --topic "$topic" && ! tool topics --list | grep -qx "$topic" &&
    tool topics --create --topic "$topic" --partitions 1 && tool topics --describe --topic "$topic" | grep -q 'PartitionCount: 1'
}

everyday=(creates_and_describes_topics refuses_a_second_topic_of_that_name adds_partitions produces_and_consumes consumes_in_a_group
  resets_and_deletes_the_group changes_configs describes_broker_configs changes_a_broker_config gets_offsets deletes_records
  describes_log_dirs perf_tools verifiable_clients lists_api_versions deletes_topics)
