# Topics, configurations, offsets, records, log directories in all their options. Sourced by ./run.

describes_topics_in_every_way() {
  in_release "$1" described
  tool topics --create --topic "$topic" --replica-assignment 0,0 --config cleanup.policy=compact &&
    tool topics --describe --topic "$topic" >"$scratch/out" && cat "$scratch/out" && grep -q 'PartitionCount: 2' "$scratch/out" &&
    [ -z "$(tool topics --describe --topic "$topic" --under-replicated-partitions)" ] &&
    [ -z "$(tool topics --describe --topic "$topic" --unavailable-partitions)" ] &&
    [ -z "$(tool topics --describe --topic "$topic" --under-min-isr-partitions)" ] &&
    [ "$(tool topics --describe --topic "$topic" --at-min-isr-partitions | grep -c "Topic: $topic")" -eq 2 ] &&
    tool topics --describe --topics-with-overrides | grep -q "Topic: $topic" || return 1
  local id
  id=$(grep -oE 'TopicId: [A-Za-z0-9_-]{22}' "$scratch/out" | cut -d' ' -f2)
  tool topics --describe --topic-id "$id" | grep -q "Topic: $topic" && ! tool topics --list --exclude-internal | grep -q '^__'
}

refuses_wrong_topics() {
  in_release "$1" wrong
  fails_saying 'Replication factor: 3 larger than available brokers: 1' tool topics --create --topic "$topic" --replication-factor 3 &&
    fails_saying 'contains one or more characters other than ASCII alphanumerics' tool topics --create --topic 'no spaces' --partitions 1 &&
    fails_saying 'must be greater than 0' tool topics --create --topic "$topic" --partitions 0 &&
    fails_saying 'nvalid' tool topics --create --topic "$topic" --config retention.ms=-5 &&
    fails_saying 'does not exist' tool topics --describe --topic "$topic" &&
    fails_saying 'does not exist' tool topics --delete --topic "$topic" && tool topics --delete --topic "$topic" --if-exists &&
    tool topics --create --topic "$topic" --partitions 3 &&
    fails_saying 'Topic currently has 3 partitions, which is higher than the requested 2' tool topics --alter --topic "$topic" --partitions 2
}

deletes_by_pattern() {
  in_release "$1" pattern
  tool topics --create --topic "$topic-a" && tool topics --create --topic "$topic-b" && tool topics --delete --topic "$topic-.*" &&
    ! tool topics --list | grep "^$topic-"
}

describes_all_configs() {
  in_release "$1" described
  tool configs --describe --entity-type topics --entity-name "$topic" --all >"$scratch/out" && cat "$scratch/out" &&
    [ "$(grep -c '=' "$scratch/out")" -ge 28 ] && grep -q 'cleanup.policy=compact' "$scratch/out" && grep -q 'DEFAULT_CONFIG' "$scratch/out" &&
    tool configs --describe --broker 0 --all | grep -q 'sensitive=false'
}

refuses_wrong_configs() {
  in_release "$1" described
  fails_saying 'nvalid' tool configs --alter --topic "$topic" --add-config retention.ms=abc &&
    fails_saying 'nvalid' tool configs --alter --topic "$topic" --add-config cleanup.policy=shred &&
    fails_saying 'nknown' tool configs --alter --topic "$topic" --add-config no.such.config=1 &&
    fails_saying 'nvalid' tool configs --alter --broker 0 --add-config log.cleaner.threads=0 &&
    fails_saying 'annot' tool configs --alter --broker 0 --add-config broker.id=7
}

appends_to_list_configs() {
  in_release "$1" described
  tool configs --alter --topic "$topic" --add-config 'cleanup.policy=[compact,delete],leader.replication.throttled.replicas=[0:0,1:0]' &&
    tool configs --describe --topic "$topic" | tee "$scratch/out" && grep -q 'cleanup.policy=compact,delete' "$scratch/out" &&
    grep -q 'throttled.replicas=0:0,1:0' "$scratch/out" &&
    printf 'retention.ms=7200000\nsegment.bytes=2000000\n' >"$scratch/properties" &&
    tool configs --alter --topic "$topic" --add-config-file "$scratch/properties" &&
    tool configs --describe --topic "$topic" | grep -q 'segment.bytes=2000000'
}

changes_log_levels() {
  in_release "$1" none
  tool configs --describe --broker-logger 0 | tee "$scratch/out" && grep -q "^ *root=[A-Z]* sensitive=false" "$scratch/out"
}

lists_groups_of_configs() {
  in_release "$1" described
  tool configs --describe --entity-type topics >"$scratch/out" && cat "$scratch/out" && grep -q "for topic $topic are" "$scratch/out" &&
    tool configs --describe --entity-type brokers
}

# A topic with 100 records before and 100 after the moment in $moment.
makes_two_hundred_records() {
  tool topics --create --topic "$topic" && seq 100 | tool console-producer --topic "$topic" || return 1
  sleep 1
  moment=$(date +%s%3N)
  sleep 1
  seq 101 200 | tool console-producer --topic "$topic"
}

gets_offsets_for_every_time() {
  in_release "$1" timed
  makes_two_hundred_records || return 1
  local wanted
  for wanted in latest=200 -1=200 earliest=0 -2=0 "$moment=100" "$((moment + 3600000))=" earliest-local=0; do
    [ "$(tool get-offsets --topic "$topic" --time "${wanted%=*}")" = "$topic:0:${wanted#*=}" ] && continue
    # A moment after the last record: some releases print the partition without an offset, some print nothing.
    [ "${wanted#*=}" = "" ] && [ -z "$(tool get-offsets --topic "$topic" --time "${wanted%=*}")" ] && continue
    echo "for $wanted: $(tool get-offsets --topic "$topic" --time "${wanted%=*}")"
    return 1
  done
  # The newest timestamp is that of one of the records of the last batch.
  tool get-offsets --topic "$topic" --time max-timestamp | grep -qE "^$topic:0:1[0-9][0-9]$" &&
    [ "$(tool get-offsets --topic-partitions "$topic:0-1" --exclude-internal-topics)" = "$topic:0:200" ] &&
    fails_saying 'Could not match any topic-partitions' tool get-offsets --topic no-such-topic
}

deletes_records_and_refuses_wrong_offsets() {
  in_release "$1" timed
  printf '{"partitions":[{"topic":"%s","partition":0,"offset":50}],"version":1}' "$topic" >"$scratch/delete.json"
  says 'low_watermark: 50' tool delete-records --offset-json-file "$scratch/delete.json" || return 1
  printf '{"partitions":[{"topic":"%s","partition":0,"offset":5000}],"version":1}' "$topic" >"$scratch/delete.json"
  says 'OffsetOutOfRange' tool delete-records --offset-json-file "$scratch/delete.json" || return 1
  printf '{"partitions":[{"topic":"%s","partition":0,"offset":-1}],"version":1}' "$topic" >"$scratch/delete.json"
  says 'low_watermark: 200' tool delete-records --offset-json-file "$scratch/delete.json"
}

describes_every_log_dir() {
  in_release "$1" none
  tool log-dirs --describe --broker-list 0 | tail -1 | python3 -c '
import json, sys
dirs = json.load(sys.stdin)["brokers"][0]["logDirs"]
assert len(dirs) == 1 and dirs[0]["error"] is None and len(dirs[0]["partitions"]) > 2, dirs'
}

# A partition of one replica is led by it already, and is moved as soon as it is asked for.
elects_leaders() {
  in_release "$1" elected
  tool topics --create --topic "$topic" --partitions 2 &&
    says 'Valid replica already elected for partitions' tool leader-election --election-type preferred --topic "$topic" --partition 1 &&
    tool leader-election --election-type preferred --all-topic-partitions &&
    tool leader-election --election-type unclean --all-topic-partitions &&
    fails_saying 'The partition does not exist.' tool leader-election --election-type unclean --topic "$topic" --partition 7
}

reassigns_partitions() {
  in_release "$1" elected
  local plan=$scratch/plan.json
  printf '{"topics":[{"topic":"%s"}],"version":1}' "$topic" >"$scratch/topics.json"
  says 'Proposed partition reassignment configuration' tool reassign-partitions --generate --topics-to-move-json-file "$scratch/topics.json" --broker-list 0 || return 1
  printf '{"version":1,"partitions":[{"topic":"%s","partition":0,"replicas":[0],"log_dirs":["any"]}]}' "$topic" >"$plan"
  says "Successfully started partition reassignment for $topic-0" tool reassign-partitions --execute --reassignment-json-file "$plan" &&
    says "Reassignment of partition $topic-0 is completed." tool reassign-partitions --verify --reassignment-json-file "$plan" &&
    says 'No partition reassignments found.' tool reassign-partitions --list &&
    says 'None of the specified partition reassignments are active.' tool reassign-partitions --cancel --reassignment-json-file "$plan" || return 1
  printf '{"version":1,"partitions":[{"topic":"%s","partition":0,"replicas":[0,9]}]}' "$topic" >"$plan"
  fails_saying 'Unknown broker id 9' tool reassign-partitions --execute --reassignment-json-file "$plan" || return 1
  tool topics --describe --topic "$topic" | grep -q 'Replicas: 0[[:space:]]Isr: 0'
}

names_the_cluster() {
  in_release "$1" none
  program cluster cluster-id --bootstrap-server "$bootstrap" | grep -qE 'Cluster ID: [A-Za-z0-9_-]{22}'
}

topics_and_configs=(describes_topics_in_every_way refuses_wrong_topics deletes_by_pattern describes_all_configs refuses_wrong_configs
  appends_to_list_configs changes_log_levels lists_groups_of_configs gets_offsets_for_every_time deletes_records_and_refuses_wrong_offsets
  describes_every_log_dir elects_leaders reassigns_partitions names_the_cluster)
