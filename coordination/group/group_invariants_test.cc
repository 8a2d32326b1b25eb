// Random sequences of requests, timeouts, failing appends and restarts. Whatever happens:
//   - every call is answered once: at the latest when the broker unloads the group (test_support checks "once");
//   - generations only grow; a restart doesn't go back behind a generation whose assignment was handed out;
//   - in one generation, each partition is handed to one member only;
//   - a commit that was accepted is what a broker finds in the log.
#include <random>

#include "coordination/group/test_support.h"

namespace coordination::group {
namespace {

constexpr int partitions = 12;
constexpr int clients = 6;

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed), c_(config_of(seed)) {
    for (int i = 0; i < clients; ++i) {
      Client& client = clients_.emplace_back();
      client.member.client = "c" + std::to_string(i);
      client.member.session_timeout_ms = 6'000 + 1'000 * i;
      client.member.rebalance_timeout_ms = 5'000;
      client.member.requires_known_member_id = i % 2 == 0;
      client.member.supports_skip_assignment = i % 3 == 0;
      if (i >= 4) {
        client.member.instance = "instance" + std::to_string(i);
        client.member.requires_known_member_id = false;
      }
    }
  }

  // Partitions handed out, over all generations.
  std::size_t handed_out() const { return owners_.size(); }
  std::size_t commits_checked() const { return commits_checked_; }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      collect();
      check();
    }
    // Nobody waits for ever.
    restart();
    EXPECT_EQ(c_.waiting(), 0u);
  }

 private:
  struct Client {
    TestMember member;
    std::int32_t generation = -1;
    bool leads = false;
    std::vector<std::string> to_assign;  // member ids, if it leads
    std::optional<CallId> join, sync;
  };

  static GroupConfig config_of(std::uint64_t seed) {
    GroupConfig config;
    config.initial_rebalance_delay_ms = seed % 2 == 0 ? 0 : 1'000;
    config.follower_sync_wait_ms = seed % 3 == 0 ? 0 : 50;
    config.max_size = seed % 3 == 0 ? 4 : 100;
    return config;
  }

  int pick(int below) { return std::uniform_int_distribution(0, below - 1)(random_); }

  void step() {
    Client& client = clients_[static_cast<std::size_t>(pick(clients))];
    switch (pick(16)) {
      case 0:
      case 1:
      case 2:
        return join(client);
      case 3:
      case 4:
      case 5:
        return sync(client);
      case 6:
      case 7:
        return heartbeat(client);
      case 8:
      case 9:
        return commit(client);
      case 10:
        return c_.advance(pick(3'000));
      case 11:
        return forget_or_leave(client);
      case 12:
        return c_.refuse_appends(pick(3) == 0 ? ErrorCode::not_enough_replicas : ErrorCode::none);
      case 13:
        return pick(2) == 0 ? c_.hold_appends() : c_.finish_appends();
      case 14:
        return pick(10) == 0 ? restart() : c_.advance(100);
      case 15:
        return simple_commit();
    }
  }

  void join(Client& client) {
    if (pick(4) == 0) client.member.protocols = {{"range", "metadata" + std::to_string(pick(3))}};
    client.join = c_.join(client.member);
  }
  void sync(Client& client) {
    std::vector<std::pair<std::string, std::string>> assignments;
    if (client.leads) {
      // Spreads the partitions over the members it was told of.
      for (const std::string& id : client.to_assign) assignments.emplace_back(id, "");
      for (int p = 0; p < partitions && !assignments.empty(); ++p) {
        assignments[static_cast<std::size_t>(pick(static_cast<int>(assignments.size())))].second +=
            static_cast<char>('a' + p);
      }
    }
    sync_generation_[c_.sync(client.member.id, client.generation, assignments, client.member.instance)] = {
        client.member.id, client.generation};
  }
  void heartbeat(Client& client) {
    const ErrorCode code = c_.heartbeat(client.member.id, client.generation, client.member.instance);
    if (code == ErrorCode::unknown_member_id || code == ErrorCode::fenced_instance_id) client.member.id.clear();
  }
  void commit(Client& client) {
    const OffsetToCommit offset = offset_of("t", pick(partitions), ++last_offset_);
    pending_commits_.emplace_back(c_.commit(client.member.id, client.generation, {offset}), offset);
  }
  void simple_commit() {
    const OffsetToCommit offset = offset_of("t", pick(partitions), ++last_offset_);
    pending_commits_.emplace_back(c_.commit("", -1, {offset}), offset);
  }
  void forget_or_leave(Client& client) {
    if (pick(2) == 0) c_.leave(client.member.id, client.member.instance);
    client.member.id.clear();
  }
  void restart() {
    c_.finish_appends();
    collect();
    c_.restart();
    collect();
    const Group* group = c_.shard->find("group");
    highest_generation_ = group == nullptr ? 0 : group->generation();
    EXPECT_GE(highest_generation_, highest_assigned_generation_) << "the restart forgot a generation";
  }

  void collect() {
    for (Client& client : clients_) {
      if (!client.join || !c_.answered(*client.join)) continue;
      const JoinResult result = c_.joined(*std::exchange(client.join, std::nullopt));
      client.member.id = result.member_id;
      if (result.error != ErrorCode::none) continue;
      EXPECT_GE(result.generation, highest_generation_) << "an answer from the past";
      client.generation = result.generation;
      client.leads = result.leader_id == result.member_id && !result.skip_assignment;
      client.to_assign.clear();
      for (const JoinedMember& member : result.members) client.to_assign.push_back(member.member_id);
    }
    std::erase_if(sync_generation_, [&](const auto& entry) {
      if (!c_.answered(entry.first)) return false;
      const SyncResult result = c_.synced(entry.first);
      if (result.error == ErrorCode::none) hand_out(entry.second.first, entry.second.second, result.assignment);
      return true;
    });
    for (; !pending_commits_.empty() && c_.answered(pending_commits_.front().first); pending_commits_.pop_front()) {
      const auto& [call, offset] = pending_commits_.front();
      if (c_.committed(call).at(0) == ErrorCode::none) committed_[offset.partition] = offset.value.offset;
    }
  }

  // A static member keeps its assignment under a new id, so owners are told apart by instance where there is one.
  void hand_out(const std::string& member_id, std::int32_t generation, const std::string& assignment) {
    const std::string owner = member_id.starts_with("instance") ? member_id.substr(0, member_id.find('-')) : member_id;
    for (const char partition : assignment) {
      const auto [known, is_new] = owners_.try_emplace({generation, partition}, owner);
      EXPECT_EQ(known->second, owner) << "partition " << partition << " has two owners in generation " << generation;
    }
  }

  void check() {
    if (const Group* group = c_.shard->find("group")) {
      EXPECT_GE(group->generation(), highest_generation_) << "the generation went back";
      highest_generation_ = group->generation();
      EXPECT_LE(group->members().parked_joins(), group->members().size());
    }
    if (pick(20) != 0) return;
    const auto reloaded = c_.reloaded();
    const Group* group = reloaded->find("group");
    for (const auto& [partition, offset] : committed_) {
      ASSERT_NE(group, nullptr);
      const OffsetAndMetadata* found = group->offsets().find("t", partition);
      ASSERT_NE(found, nullptr);
      // Later commits may be in the log already, unanswered.
      EXPECT_GE(found->offset, offset);
      EXPECT_EQ(c_.fetch("t", partition), offset);
      ++commits_checked_;
    }
  }

  std::mt19937_64 random_;
  TestCoordinator c_;
  std::vector<Client> clients_;
  std::map<CallId, std::pair<std::string, std::int32_t>> sync_generation_;
  std::map<std::pair<std::int32_t, char>, std::string> owners_;
  std::deque<std::pair<CallId, OffsetToCommit>> pending_commits_;
  std::map<PartitionIndex, Offset> committed_;
  Offset last_offset_ = 0;
  std::size_t commits_checked_ = 0;
  std::int32_t highest_generation_ = 0;
  std::int32_t highest_assigned_generation_ = 0;
};

TEST(GroupInvariants, HoldInRandomSequences) {
  std::size_t handed_out = 0;
  std::size_t commits = 0;
  for (std::uint64_t seed = 1; seed <= 300 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Simulation simulation(seed);
    simulation.run(400);
    handed_out += simulation.handed_out();
    commits += simulation.commits_checked();
  }
  // The sequences get somewhere.
  EXPECT_GT(handed_out, 1'500u);
  EXPECT_GT(commits, 10'000u);
  RecordProperty("partitions_handed_out", static_cast<int>(handed_out));
  RecordProperty("commits_checked", static_cast<int>(commits));
}

}  // namespace
}  // namespace coordination::group
