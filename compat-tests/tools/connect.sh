# Kafka Connect with the file connectors, alone and distributed, and a word count on Kafka Streams. Sourced by ./run.

# The worker's settings that both modes share.
worker_settings() {
  cat <<TXT
bootstrap.servers=$bootstrap
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.flush.interval.ms=1000
plugin.discovery=only_scan
plugin.path=$scratch
listeners=http://127.0.0.1:$1
TXT
}
file_source() { printf '"connector.class":"FileStreamSource","tasks.max":"1","file":"%s","topic":"%s"' "$1" "$topic"; }
file_sink() { printf '"connector.class":"FileStreamSink","tasks.max":"1","file":"%s","topics":"%s"' "$1" "$topic"; }
as_properties() { printf 'name=%s\n' "$1"; python3 -c 'import json,sys; [print(f"{k}={v}") for k, v in json.loads("{"+sys.stdin.read()+"}").items()]'; }
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# worker NAME command…: runs a Connect worker in the background ($worker_pid).
start_worker() {
  BARNABAS_JAVA_OPTS="-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m" "$compat/kafka/tool" "$release" "$@" >"$scratch/worker.log" 2>&1 &
  worker_pid=$!
  started_pids+=("$worker_pid")
}
stop_worker() {
  kill "$worker_pid" 2>/dev/null
  for _ in $(seq 300); do kill -0 "$worker_pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$worker_pid"
}

connects_files_alone() {
  in_release "$1" connect-alone
  local port folder=$scratch/$topic status
  port=$(free_port)
  mkdir -p "$folder"
  seq 100 >"$folder/in"
  { worker_settings "$port"; echo "offset.storage.file.filename=$folder/offsets"; } >"$folder/worker.properties"
  file_source "$folder/in" | as_properties source >"$folder/source.properties"
  file_sink "$folder/out" | as_properties sink >"$folder/sink.properties"
  touch "$folder/out"
  start_worker connect-standalone "$folder/worker.properties" "$folder/source.properties" "$folder/sink.properties"
  wait_for 90 has_lines "$folder/out" 100 && seq 101 200 >>"$folder/in" && wait_for 30 has_lines "$folder/out" 200
  status=$?
  stop_worker
  [ $status -eq 0 ] && seq 200 | cmp - "$folder/out" || { tail -20 "$scratch/worker.log"; return 1; }
}

put_connector() { curl -sf -X PUT -H 'Content-Type: application/json' "http://127.0.0.1:$port/connectors/$1/config" -d "{$2}"; }
start_distributed() { start_worker connect-distributed "$folder/worker.properties"; wait_for 90 curl -sf "http://127.0.0.1:$port/connectors"; }
connects_files_distributed() {
  in_release "$1" connect-group
  local port folder=$scratch/$topic internal
  port=$(free_port)
  mkdir -p "$folder"
  seq 100 >"$folder/in"
  touch "$folder/out"
  {
    worker_settings "$port"
    echo "group.id=$topic"
    for internal in config offset status; do
      echo "$internal.storage.topic=$topic-$internal"
      echo "$internal.storage.replication.factor=1"
    done
    echo "offset.storage.partitions=5"
    echo "status.storage.partitions=2"
  } >"$folder/worker.properties"
  start_distributed && put_connector source "$(file_source "$folder/in")" && put_connector sink "$(file_sink "$folder/out")" &&
    wait_for 60 has_lines "$folder/out" 100 || { tail -20 "$scratch/worker.log"; stop_worker; return 1; }
  # A second worker's life goes on where the first one's ended.
  stop_worker
  seq 101 200 >>"$folder/in"
  start_distributed && wait_for 60 has_lines "$folder/out" 200 && curl -sf "http://127.0.0.1:$port/connectors/source/status" | tee "$scratch/out" &&
    grep -q '"state":"RUNNING"' "$scratch/out" && curl -sf -X DELETE "http://127.0.0.1:$port/connectors/sink"
  local status=$?
  stop_worker
  [ $status -eq 0 ] && seq 200 | cmp - "$folder/out" || { tail -20 "$scratch/worker.log"; return 1; }
  for internal in config offset status; do
    tool configs --describe --topic "$topic-$internal" | grep -q 'cleanup.policy=compact' || return 1
  done
}

counts_words_with_streams() {
  in_release "$1" streams
  local classes=$here/target/$release
  mkdir -p "$classes"
  javac -nowarn -d "$classes" -cp "$("$compat/kafka/classpath" "$release")" "$here/WordCount.java" || return 1
  tool topics --create --topic "$topic-lines" --partitions 2 && tool topics --create --topic "$topic-counts" --partitions 2 || return 1
  seq 300 | sed 's/.*/all words of line & go on/' | tool console-producer --topic "$topic-lines" || return 1
  EXTRA_CLASSPATH=$classes program WordCount "$bootstrap" "$topic" "$scratch/$topic" 300 || return 1
  # The application's tool: its internal topics go, its offsets start again.
  program streams-application-reset --bootstrap-server "$bootstrap" --application-id "$topic" --input-topics "$topic-lines" --force >"$scratch/out" 2>&1 || {
    cat "$scratch/out"
    return 1
  }
  ! tool topics --list | grep -q "$topic-.*changelog" && rm -rf "${scratch:?}/$topic" && EXTRA_CLASSPATH=$classes program WordCount "$bootstrap" "$topic" "$scratch/$topic" 300
}

connect=(connects_files_alone connects_files_distributed counts_words_with_streams)
