// A shard's life: loading, moving to another broker, many groups.
#include "coordination/group/test_support.h"

namespace coordination::group {
namespace {

TEST(GroupShardTest, AnswersWhileItIsNotTheCoordinator) {
  TestCoordinator c;
  const auto check = [&](ErrorCode usual, ErrorCode heartbeat, ErrorCode sync) {
    EXPECT_EQ(c.joined(c.join({.id = "m"})).error, usual);
    EXPECT_EQ(c.synced(c.sync("m", 1)).error, sync);
    EXPECT_EQ(c.heartbeat("m", 1), heartbeat);
    EXPECT_EQ(c.leave("m").error, usual);
    EXPECT_EQ(c.committed(c.commit("m", 1, {offset_of("t", 0, 1)})), std::vector{usual});
    EXPECT_EQ(c.shard->fetch_offsets({.group_id = "group"}).error, usual);
    EXPECT_EQ(c.shard->describe("group").error, usual);
    EXPECT_EQ(c.delete_offsets("t", {0}).error, usual);
    EXPECT_EQ(c.remove(), usual);
  };
  c.carry_out(c.shard->unload(c.now));
  check(ErrorCode::not_coordinator, ErrorCode::not_coordinator, ErrorCode::not_coordinator);
  c.shard->start_loading(2);
  check(ErrorCode::coordinator_load_in_progress, ErrorCode::none, ErrorCode::rebalance_in_progress);
  c.carry_out(c.shard->finish_loading(c.now));
  EXPECT_EQ(c.heartbeat("m", 1), ErrorCode::unknown_member_id);
}

TEST(GroupShardTest, GroupsNeedANameWhereKafkaWantsOne) {
  TestCoordinator c;
  EXPECT_EQ(c.heartbeat("m", 1, std::nullopt, ""), ErrorCode::invalid_group_id);
  EXPECT_EQ(c.synced(c.sync("m", 1, {}, std::nullopt, "")).error, ErrorCode::invalid_group_id);
  EXPECT_EQ(c.leave("m", std::nullopt, "").error, ErrorCode::invalid_group_id);
  EXPECT_EQ(c.delete_offsets("t", {0}, "").error, ErrorCode::invalid_group_id);
  EXPECT_EQ(c.shard->describe("").error, ErrorCode::none);
  EXPECT_EQ(c.remove(""), ErrorCode::group_id_not_found);
}

TEST(GroupShardTest, UnloadingAnswersEverythingThatWaits) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 2);
  const CallId join = c.join({.id = ids[0]});
  c.join({}, "other");
  const std::string other = "client-uuid" + std::to_string(join + 1);
  const CallId sync = c.sync("nobody", 1, {}, std::nullopt, "other");
  EXPECT_EQ(c.synced(sync).error, ErrorCode::unknown_member_id);
  c.hold_appends();
  const CallId parked_sync = c.sync(other, 1, {{other, "a"}}, std::nullopt, "other");
  const CallId commit = c.commit("", -1, {offset_of("t", 0, 1)}, "simple");
  c.carry_out(c.shard->unload(c.now));
  EXPECT_EQ(c.joined(join).error, ErrorCode::not_coordinator);
  EXPECT_EQ(c.synced(parked_sync).error, ErrorCode::not_coordinator);
  EXPECT_EQ(c.committed(commit), std::vector{ErrorCode::not_coordinator});
  EXPECT_EQ(c.waiting(), 0u);
  c.finish_appends();  // too late for anyone
  EXPECT_EQ(c.shard->group_count(), 0u);
  EXPECT_FALSE(c.shard->wakeup_ms());
}

TEST(GroupShardTest, LoadedMembersGetFreshSessions) {
  TestCoordinator c(without_delay());
  stable_group(c);
  c.advance(9'000);
  c.restart();
  c.advance(9'999);
  EXPECT_EQ(c.state(), GroupState::stable);
  c.advance(1);
  EXPECT_EQ(c.state(), GroupState::empty);
}

TEST(GroupShardTest, ALoadedGroupIsTheGroupThatWas) {
  TestCoordinator c(without_delay());
  const std::string a = c.joined(c.join({.instance = "a"})).member_id;
  const CallId b_call = c.join({});
  c.join({.id = a, .instance = "a"});
  const std::string b = c.joined(b_call).member_id;
  c.sync(a, 2, {{a, "for a"}, {b, "for b"}}, "a");
  const GroupDescription before = c.shard->describe("group");
  c.restart();
  const GroupDescription after = c.shard->describe("group");
  EXPECT_EQ(after.state, before.state);
  EXPECT_EQ(after.protocol_type, "consumer");
  EXPECT_EQ(after.protocol, "range");
  ASSERT_EQ(after.members.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after.members[i].member_id, before.members[i].member_id);
    EXPECT_EQ(after.members[i].instance_id, before.members[i].instance_id);
    EXPECT_EQ(after.members[i].metadata, before.members[i].metadata);
    EXPECT_EQ(after.members[i].assignment, before.members[i].assignment);
  }
  EXPECT_EQ(c.group().generation(), 2);
  EXPECT_TRUE(c.group().members().is_leader(a));
}

TEST(GroupShardTest, ALoadedGroupThatIsTooLargeRebalances) {
  TestCoordinator c(without_delay());
  const auto ids = stable_group(c, 3);
  c.config.max_size = 2;
  c.restart();
  EXPECT_EQ(c.state(), GroupState::preparing_rebalance);
  const CallId first = c.join({.id = ids[0]});
  c.join({.id = ids[1]});
  EXPECT_EQ(c.joined(c.join({.id = ids[2]})).error, ErrorCode::group_max_size_reached);
  EXPECT_EQ(c.joined(first).members.size(), 2u);
}

TEST(GroupShardTest, RecordsItCannotReadAreSkipped) {
  GroupConfig config;
  GroupShard shard(config);
  const Instant now{.wall_ms = 1, .monotonic_ms = 1};
  shard.start_loading(1);
  const auto load = [&](const std::string& key, const std::optional<std::string>& value) {
    std::optional<protocol::Bytes> bytes;
    if (value) bytes = protocol::as_bytes(*value);
    shard.load_record(protocol::as_bytes(key), bytes, 0, std::nullopt, now);
  };
  load("", "x");
  load("junk", "junk");
  load(std::string("\0\x09\0\1g", 5), "later protocol");
  const Record good = offset_record("g", "t", 0, {.offset = 3});
  load(good.key, "\x7f\x7f");
  load(good.key, good.value);
  load(good.key, "");
  shard.finish_loading(now);
  EXPECT_EQ(shard.group_count(), 1u);
  EXPECT_EQ(shard.find("g")->offsets().find("t", 0)->offset, 3);
}

TEST(GroupShardTest, TransactionalOffsetsAreLoadedWithTheirMarkers) {
  GroupConfig config;
  GroupShard shard(config);
  const Instant now{.wall_ms = 1, .monotonic_ms = 1};
  shard.start_loading(1);
  const auto load = [&](ProducerId producer, Offset offset, Offset batch) {
    const Record record = offset_record("g", "t", static_cast<PartitionIndex>(producer), {.offset = offset});
    shard.load_record(protocol::as_bytes(record.key), protocol::as_bytes(*record.value), batch, producer, now);
  };
  load(1, 10, 0);
  load(2, 20, 1);
  load(3, 30, 2);
  shard.load_marker(1, true);
  shard.load_marker(2, false);
  shard.finish_loading(now);
  const auto fetch = [&](PartitionIndex partition) { return shard.find("g")->offsets().fetch("t", partition, true); };
  EXPECT_EQ(fetch(1).offset, 10);
  EXPECT_EQ(fetch(2).offset, -1);
  EXPECT_EQ(fetch(2).error, ErrorCode::none);
  EXPECT_EQ(fetch(3).error, ErrorCode::unstable_offset_commit);
}

TEST(GroupShardTest, ListsItsGroups) {
  TestCoordinator c(without_delay());
  c.join({}, "a");
  c.commit("", -1, {offset_of("t", 0, 1)}, "b");
  const auto groups = c.shard->list();
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].state, "CompletingRebalance");
  EXPECT_EQ(groups[0].protocol_type, "consumer");
  EXPECT_EQ(groups[1].state, "Empty");
  EXPECT_EQ(groups[1].protocol_type, "");
  EXPECT_EQ(c.shard->count(GroupState::empty), 1u);
}

TEST(GroupShardTest, TenThousandGroupsHaveTheirTimersInOneQueue) {
  TestCoordinator c(without_delay());
  for (int i = 0; i < 10'000; ++i) {
    c.advance(1);
    c.join({.session_timeout_ms = 100'000, .rebalance_timeout_ms = 50'000}, "group" + std::to_string(i));
  }
  EXPECT_EQ(c.shard->count(GroupState::completing_rebalance), 10'000u);
  // Each is due at its own time: nobody synced.
  c.advance(45'000);
  EXPECT_EQ(c.shard->count(GroupState::empty), 5'000u);
}

}  // namespace
}  // namespace coordination::group
