# Shared by the scenario scripts: targets (ours or Apache Kafka), ports, clean-up, and counting. Source it, don't run it.
#
#   start_target barnabas|kafka   sets $bootstrap and $target_dir; everything started is ended when the script exits
#   start_target_with TARGET k=v… the same with broker settings
#   check NAME command…           runs a check, prints ok/FAILED with its output, counts it
#   finish                        prints "N passed, N failed" and exits accordingly
#
# A Barnabas that ends other than cleanly when it is told to stop (a crash, a sanitizer's report) fails the run, whether
# a check looked at it or not.

set -uo pipefail
compat=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$compat")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/barnabas-compat.XXXXXX")
passed=0 failed=0 skipped=0
started_pids=()
declare -A barnabas_pids=()  # those whose end nobody has looked at yet
bad_ends=0

# ended_well PID: waits for a process that was told to stop. Apache Kafka's exit status says nothing.
ended_well() {
  local status=0
  wait "$1" 2>/dev/null || status=$?
  [ "${barnabas_pids[$1]:-}" ] || return 0
  unset "barnabas_pids[$1]"
  case $status in
    0 | 127) return 0 ;;  # 127: not this shell's to wait for
    137) [ "${2:-}" = killed ] && return 0 ;;
  esac
  echo "FAILED  the broker ended with exit status $status"
  tail -n 25 "$scratch/barnabas.log" | cut -c1-300 | sed 's/^/        /'
  bad_ends=$((bad_ends + 1))
  return 1
}

end_everything() {
  local status=${1:-$?} pid
  for pid in "${started_pids[@]:-}"; do
    [ -n "$pid" ] && kill "$pid" 2>/dev/null
  done
  for pid in "${started_pids[@]:-}"; do
    [ -n "$pid" ] || continue
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null && [ "${barnabas_pids[$pid]:-}" ] && echo "the broker did not stop in 10 s"
    ended_well "$pid" killed || status=1
  done
  [ "${KEEP:-}" ] && echo "kept: $scratch" || rm -rf "$scratch"
  exit "$status"
}
trap end_everything EXIT
trap 'exit 130' INT TERM

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

# wait_for SECONDS command…: until the command succeeds.
wait_for() {
  local tries=$(($1 * 10))
  shift
  for _ in $(seq "$tries"); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  return 1
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
kafka_tool() { "$compat/kafka/tool" "$@"; }

# start_barnabas [options of `barnabas start`]: on a fresh directory unless $target_dir is set.
start_barnabas() {
  target_dir=${target_dir:-$(mktemp -d "$scratch/data.XXXXXX")}
  local port=${target_port:-$(free_port)}
  bootstrap=127.0.0.1:$port
  "${BARNABAS:-$root/build/barnabas}" start --data-dir "$target_dir" \
    --override broker.id=0 --override "listeners=PLAINTEXT://127.0.0.1:$port" "$@" >"$scratch/barnabas.log" 2>&1 &
  target_pid=$!
  started_pids+=("$target_pid")
  barnabas_pids[$target_pid]=1
  wait_for 20 port_answers "$port" || { echo "barnabas did not start:"; tail -20 "$scratch/barnabas.log"; exit 1; }
}

start_zookeeper() {
  zookeeper_port=$(free_port)
  local dir=$scratch/zookeeper.$zookeeper_port
  mkdir -p "$dir"
  printf 'tickTime=2000\ndataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\nmaxClientCnxns=0\n' \
    "$dir" "$zookeeper_port" >"$dir/zoo.cfg"
  "$compat/kafka/tool" 3.9 zookeeper "$dir/zoo.cfg" >"$dir/log" 2>&1 &
  started_pids+=("$!")
  wait_for 30 port_answers "$zookeeper_port" || { echo "ZooKeeper did not start"; tail -20 "$dir/log"; exit 1; }
}

# start_kafka [key=value …]: Apache Kafka 3.9 on ZooKeeper, in $target_dir or a fresh one.
start_kafka() {
  [ -n "${zookeeper_port:-}" ] || start_zookeeper
  target_dir=${target_dir:-$(mktemp -d "$scratch/data.XXXXXX")}
  local port=${target_port:-$(free_port)} file=$scratch/kafka.properties pair
  bootstrap=127.0.0.1:$port
  {
    echo "broker.id=${target_broker_id:-0}"
    echo "listeners=PLAINTEXT://127.0.0.1:$port"
    echo "log.dirs=$target_dir"
    echo "zookeeper.connect=127.0.0.1:$zookeeper_port"
    echo "offsets.topic.replication.factor=1"
    echo "transaction.state.log.replication.factor=1"
    echo "transaction.state.log.min.isr=1"
    echo "group.initial.rebalance.delay.ms=0"
    for pair in "$@"; do echo "$pair"; done
  } >"$file"
  BARNABAS_JAVA_OPTS="-XX:+UseSerialGC -Xmx1g" "$compat/kafka/tool" 3.9 broker "$file" >"$scratch/kafka.log" 2>&1 &
  target_pid=$!
  started_pids+=("$target_pid")
  wait_for 60 port_answers "$port" || { echo "Kafka did not start"; tail -20 "$scratch/kafka.log"; exit 1; }
}

start_target() {
  local kind=$1
  shift
  case $kind in
    barnabas) start_barnabas "$@" ;;
    kafka) start_kafka "$@" ;;
    *:*) bootstrap=$kind ;;
    *) echo "unknown target '$kind': barnabas, kafka or host:port" >&2; exit 2 ;;
  esac
}

# start_target_with TARGET key=value…: with these broker settings, where it is ours to start.
start_target_with() {
  local kind=$1 setting options=()
  shift
  case $kind in
    barnabas)
      for setting in "$@"; do options+=(--override "$setting"); done
      start_barnabas "${options[@]}"
      ;;
    *) start_target "$kind" "$@" ;;
  esac
}

# stop_target: SIGTERM, and wait until it is gone. Fails unless it ends cleanly.
stop_target() {
  kill "$target_pid" 2>/dev/null
  for _ in $(seq 300); do
    kill -0 "$target_pid" 2>/dev/null || { ended_well "$target_pid"; return; }
    sleep 0.1
  done
  echo "the target did not stop in 30 s" >&2
  kill -9 "$target_pid"
  ended_well "$target_pid"
  return 1
}

# check NAME command…: bounded to ${CHECK_SECONDS:-120}s when it is a program; functions bound themselves.
check() {
  local name=$1 out=$scratch/check.out begin=$SECONDS
  shift
  if [ "$(type -t "$1")" = function ]; then "$@" >"$out" 2>&1; else timeout "${CHECK_SECONDS:-120}" "$@" >"$out" 2>&1; fi
  local status=$?
  if [ $status -eq 0 ]; then
    passed=$((passed + 1))
    printf 'ok      %s (%ss)\n' "$name" $((SECONDS - begin))
  else
    failed=$((failed + 1))
    printf 'FAILED  %s (exit %s)\n' "$name" $status
    tail -n "${CHECK_LINES:-25}" "$out" | cut -c1-300 | sed 's/^/        /'
  fi
}

# skip NAME REASON: said loudly; where nothing may be skipped (COMPAT_NO_SKIP=1), the run fails.
skip() {
  skipped=$((skipped + 1))
  printf 'SKIPPED %s: %s\n' "$1" "$2"
}

finish() {
  [ "$failed" -gt 0 ] || failed=$bad_ends
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$skipped" -gt 0 ] && [ "${COMPAT_NO_SKIP:-}" = 1 ] && { echo "nothing may be skipped here"; exit 1; }
  [ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
  exit
}
