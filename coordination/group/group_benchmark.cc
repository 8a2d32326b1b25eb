// What the state machine itself costs: heartbeats, commits, and rebalances of 1, 100 and 1,000 members.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "coordination/group/group_shard.h"

namespace coordination::group {
namespace {

struct Bench {
  Bench() {
    config.initial_rebalance_delay_ms = 0;
    shard.start_loading(1);
    shard.finish_loading(now);
  }
  Effects carry_out(Effects effects) {
    for (const Append& append : effects.appends) {
      if (append.id) shard.append_finished(*append.id, ErrorCode::none, next_offset++, now);
    }
    return effects;
  }
  std::string join(const std::string& id) {
    const std::string uuid = std::to_string(++calls);
    JoinCall request{.group_id = "group",
                     .member_id = id,
                     .client_id = "client",
                     .client_host = "/127.0.0.1",
                     .session_timeout_ms = 30'000,
                     .rebalance_timeout_ms = 60'000,
                     .protocol_type = "consumer",
                     .protocols = {{"range", std::string(100, 'x')}},
                     .fresh_uuid = uuid};
    carry_out(shard.join(calls, request, now));
    return id.empty() ? "client-" + uuid : id;
  }
  void sync(const std::string& id) {
    SyncCall request{.group_id = "group", .member_id = id, .generation = shard.find("group")->generation()};
    const std::string assignment(100, 'a');
    if (shard.find("group")->members().is_leader(id)) {
      for (const Member& member : shard.find("group")->members().all()) {
        request.assignments.push_back({member.id, assignment});
      }
    }
    carry_out(shard.sync(++calls, request, now));
  }
  // All known members rejoin and sync.
  void rebalance() {
    for (const std::string& id : ids) join(id);
    for (const std::string& id : ids) sync(id);
  }
  void fill(std::int64_t members) {
    ids.push_back(join(""));
    for (std::int64_t i = 1; i < members; ++i) ids.push_back(join(""));
    rebalance();
  }

  GroupConfig config;
  GroupShard shard{config};
  Instant now{.wall_ms = 1'700'000'000'000, .monotonic_ms = 1'000};
  CallId calls = 0;
  Offset next_offset = 0;
  std::vector<std::string> ids;
};

void heartbeat(benchmark::State& state) {
  Bench bench;
  bench.fill(state.range(0));
  const std::int32_t generation = bench.shard.find("group")->generation();
  std::size_t next = 0;
  for (auto _ : state) {
    ++bench.now.monotonic_ms;
    const HeartbeatCall call{.group_id = "group", .member_id = bench.ids[next], .generation = generation};
    benchmark::DoNotOptimize(bench.shard.heartbeat(call, bench.now));
    next = (next + 1) % bench.ids.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(heartbeat)->Arg(1)->Arg(100)->Arg(1000);

void commit(benchmark::State& state) {
  Bench bench;
  for (auto _ : state) {
    CommitCall call{.group_id = "group", .generation = -1};
    for (PartitionIndex partition = 0; partition < state.range(0); ++partition) {
      call.offsets.push_back({"topic", partition, {.offset = bench.next_offset, .commit_timestamp_ms = 1}});
    }
    bench.carry_out(bench.shard.commit(++bench.calls, std::move(call), bench.now));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(commit)->Arg(1)->Arg(100);

void rebalance(benchmark::State& state) {
  Bench bench;
  bench.fill(state.range(0));
  for (auto _ : state) bench.rebalance();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(rebalance)->Arg(1)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace coordination::group
