// The state machines by table, and by random event sequences against their invariants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "coordination/cluster/partition_transitions.h"
#include "coordination/cluster/replica_transitions.h"

namespace coordination::cluster {
namespace {

using testing::ElementsAre, testing::IsEmpty;

const TopicPartition tp{"t", 0};

BrokerRegistration live(BrokerId id) {
  return {.id = id, .endpoints = {{"PLAINTEXT", "localhost", 9092 + id, SecurityProtocol::plaintext}}, .epoch = id};
}

bool never(const std::string&) { return false; }
bool always(const std::string&) { return true; }

// A partition with a leader, and brokers that live.
ControllerContext context_with(std::vector<BrokerId> replicas, std::vector<BrokerId> alive,
                               PartitionState state = PartitionState::offline) {
  ControllerContext context;
  context.epoch = 5;
  for (const BrokerId id : alive) context.set_broker(live(id));
  context.add_partition(tp, {.replicas = std::move(replicas)}).state = state;
  return context;
}

PartitionStateNode led(BrokerId leader, std::vector<BrokerId> isr, std::int32_t epoch = 3) {
  return {.leader_and_isr = {.leader = leader, .leader_epoch = epoch, .isr = std::move(isr), .partition_epoch = 7},
          .controller_epoch = 4};
}

TEST(PartitionTransitions, TheTableOfStepsIsKafkas) {
  using enum PartitionState;
  const std::map<PartitionState, std::vector<PartitionState>> allowed_from = {
      {created, {non_existent}},
      {online, {created, online, offline}},
      {offline, {created, online, offline}},
      {non_existent, {offline}},
  };
  for (const auto& [to, sources] : allowed_from) {
    for (const PartitionState from : {non_existent, created, online, offline}) {
      const bool allowed = std::ranges::find(sources, from) != sources.end();
      EXPECT_EQ(is_valid_step(from, to), allowed) << name(from) << " to " << name(to);
    }
  }
}

TEST(ReplicaTransitions, TheTableOfStepsIsKafkas) {
  using enum ReplicaState;
  const std::map<ReplicaState, std::vector<ReplicaState>> allowed_from = {
      {created, {non_existent}},
      {online, {created, online, offline, deletion_ineligible}},
      {offline, {created, online, offline, deletion_ineligible}},
      {deletion_started, {offline}},
      {deletion_successful, {deletion_started}},
      {deletion_ineligible, {offline, deletion_started}},
      {non_existent, {deletion_successful}},
  };
  for (const auto& [to, sources] : allowed_from) {
    for (int from = 0; from <= static_cast<int>(deletion_ineligible); ++from) {
      const auto state = static_cast<ReplicaState>(from);
      const bool allowed = std::ranges::find(sources, state) != sources.end();
      EXPECT_EQ(is_valid_step(state, to), allowed) << name(state) << " to " << name(to);
    }
  }
}

TEST(PartitionTransitions, TheFirstLiveReplicaLeadsANewPartition) {
  auto context = context_with({3, 1, 2}, {1, 2}, PartitionState::created);
  const auto plan = plan_first_leaders(context, {tp});
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_TRUE(plan.changes[0].first);
  EXPECT_EQ(plan.changes[0].state.leader_and_isr.leader, 1);
  EXPECT_THAT(plan.changes[0].state.leader_and_isr.isr, ElementsAre(1, 2));
  EXPECT_EQ(plan.changes[0].state.leader_and_isr.leader_epoch, 0);
  EXPECT_EQ(plan.changes[0].state.controller_epoch, 5);
  EXPECT_THAT(plan.changes[0].recipients, ElementsAre(1, 2));
}

TEST(PartitionTransitions, ANewPartitionWithoutLiveReplicasHasNoLeader) {
  auto context = context_with({3}, {1}, PartitionState::created);
  const auto plan = plan_first_leaders(context, {tp});
  EXPECT_THAT(plan.changes, IsEmpty());
  EXPECT_THAT(plan.without_leader, ElementsAre(tp));
}

struct ElectionCase {
  std::string name;
  ElectionStrategy strategy;
  bool unclean_allowed;
  std::vector<BrokerId> replicas, alive, isr;
  BrokerId leader;  // -1: none
  std::vector<BrokerId> new_isr;
  bool recovering = false;
};

class Elections : public testing::TestWithParam<ElectionCase> {};

TEST_P(Elections, ChooseLeaderAndIsr) {
  const ElectionCase& the_case = GetParam();
  const auto context = context_with(the_case.replicas, the_case.alive);
  const auto plan = plan_elections(context, {{tp, led(9, the_case.isr)}}, the_case.strategy,
                                   the_case.unclean_allowed ? always : never);
  if (the_case.leader < 0) {
    EXPECT_THAT(plan.without_leader, ElementsAre(tp));
    return;
  }
  ASSERT_EQ(plan.changes.size(), 1U);
  const LeaderAndIsr& elected = plan.changes[0].state.leader_and_isr;
  EXPECT_EQ(elected.leader, the_case.leader);
  EXPECT_EQ(elected.isr, the_case.new_isr);
  EXPECT_EQ(elected.leader_epoch, 4) << "one more, always";
  EXPECT_EQ(elected.partition_epoch, 7) << "the version to replace";
  EXPECT_EQ(elected.recovery == LeaderRecoveryState::recovering, the_case.recovering);
  EXPECT_EQ(plan.changes[0].state.controller_epoch, 5);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Elections,
    testing::Values(
        ElectionCase{"FirstAssignedInSync", ElectionStrategy::offline, false, {1, 2, 3}, {2, 3}, {3, 2, 1}, 2, {3, 2}},
        ElectionCase{"NobodyInSyncAlive", ElectionStrategy::offline, false, {1, 2}, {2}, {1}, -1, {}},
        ElectionCase{"UncleanByConfiguration", ElectionStrategy::offline, true, {1, 2, 3}, {3, 2}, {1}, 2, {2}, true},
        ElectionCase{"UncleanNotNeeded", ElectionStrategy::offline, true, {1, 2}, {1, 2}, {2}, 2, {2}},
        ElectionCase{"UncleanOnDemand", ElectionStrategy::offline_unclean, false, {1, 2}, {2}, {1}, 2, {2}, true},
        ElectionCase{"UncleanWithoutAnybody", ElectionStrategy::offline, true, {1, 2}, {3}, {1}, -1, {}},
        ElectionCase{"PreferredInSync", ElectionStrategy::preferred, false, {1, 2}, {1, 2}, {2, 1}, 1, {2, 1}},
        ElectionCase{"PreferredNotInSync", ElectionStrategy::preferred, true, {1, 2}, {1, 2}, {2}, -1, {}},
        ElectionCase{"PreferredDead", ElectionStrategy::preferred, true, {1, 2}, {2}, {1, 2}, -1, {}},
        ElectionCase{"ReassignKeepsTheIsr", ElectionStrategy::reassign, false, {1, 2}, {2}, {1, 2}, 2, {1, 2}}),
    [](const auto& info) { return info.param.name; });

TEST(PartitionTransitions, AStateOfALaterControllerIsLeftAlone) {
  const auto context = context_with({1}, {1});
  auto later = led(1, {1});
  later.controller_epoch = 6;
  const auto plan = plan_elections(context, {{tp, later}}, ElectionStrategy::offline, never);
  EXPECT_THAT(plan.changes, IsEmpty());
  EXPECT_THAT(plan.without_leader, IsEmpty());
}

TEST(PartitionTransitions, AnAppliedChangeIsSentToItsRecipientsAndAsMetadataToAll) {
  auto context = context_with({1, 2}, {1, 2, 3}, PartitionState::created);
  RequestBatch batch;
  const auto plan = plan_first_leaders(context, {tp});
  apply(context, batch, plan.changes[0], 0);
  EXPECT_EQ(context.partition(tp)->state, PartitionState::online);
  const auto requests = batch.take(context, 9, "PLAINTEXT");
  EXPECT_EQ(requests.leader_and_isr.size(), 2U);
  EXPECT_EQ(requests.update_metadata.size(), 3U);
  EXPECT_TRUE(batch.empty());
  const auto& request = requests.leader_and_isr.at(2);
  EXPECT_EQ(request.controller_id, 9);
  EXPECT_EQ(request.broker_epoch, 2);
  ASSERT_EQ(request.live_leaders.size(), 1U);
  EXPECT_EQ(request.live_leaders[0].port, 9093);
  EXPECT_TRUE(request.topic_states.at(0).partition_states.at(0).is_new);
}

TEST(ReplicaTransitions, AReplicaThatLeavesTheIsrRaisesTheLeaderEpoch) {
  auto context = context_with({1, 2}, {2}, PartitionState::online);
  const auto changes = plan_isr_removals(context, 1, {{tp, led(1, {1, 2})}});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].state.leader_and_isr.leader, -1);
  EXPECT_THAT(changes[0].state.leader_and_isr.isr, ElementsAre(2));
  EXPECT_EQ(changes[0].state.leader_and_isr.leader_epoch, 4);
}

TEST(ReplicaTransitions, TheLastReplicaInSyncStaysInTheIsr) {
  auto context = context_with({1}, {}, PartitionState::online);
  const auto changes = plan_isr_removals(context, 1, {{tp, led(1, {1})}});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].state.leader_and_isr.leader, -1);
  EXPECT_THAT(changes[0].state.leader_and_isr.isr, ElementsAre(1));
}

TEST(ReplicaTransitions, AReplicaOutsideTheIsrChangesNothing) {
  auto context = context_with({1, 2}, {2}, PartitionState::online);
  EXPECT_THAT(plan_isr_removals(context, 1, {{tp, led(2, {2})}}), IsEmpty());
}

TEST(ReplicaTransitions, GoingOfflineStopsTheReplicaAndTellsTheOthers) {
  auto context = context_with({1, 2}, {1, 2}, PartitionState::online);
  context.partition(tp)->leadership = led(2, {1, 2});
  context.set_replica_state({tp, 1}, ReplicaState::online);
  RequestBatch batch;
  const auto in_isr = begin_offline(context, batch, {{tp, 1}});
  EXPECT_THAT(in_isr, ElementsAre(PartitionAndReplica{tp, 1}));
  EXPECT_EQ(context.replica_state({tp, 1}), ReplicaState::online) << "not before the store knows";
  apply_offline(context, batch, {tp, 1}, led(2, {2}, 4));
  EXPECT_EQ(context.replica_state({tp, 1}), ReplicaState::offline);
  const auto requests = batch.take(context, 0, "PLAINTEXT");
  EXPECT_TRUE(requests.stop_replica.contains(1));
  EXPECT_TRUE(requests.leader_and_isr.contains(2));
  EXPECT_FALSE(requests.leader_and_isr.contains(1));
}

// A little cluster in which brokers come and go, topics are created and every decision is applied at once, as if the
// metadata store always agreed.
class RandomCluster {
 public:
  explicit RandomCluster(unsigned seed) : random_(seed) { context_.epoch = 1; }

  void step() {
    switch (random_() % 6) {
      case 0:
        create_topic();
        break;
      case 1:
      case 2:
        start_broker(static_cast<BrokerId>(random_() % 5));
        break;
      case 3:
        stop_broker(static_cast<BrokerId>(random_() % 5));
        break;
      case 4:
        shrink_isr();
        break;
      case 5:
        grow_isr();
        break;
    }
    elect();
    check();
  }

 private:
  void create_topic() {
    if (topics_ == 8) return;
    const std::string topic = "t" + std::to_string(topics_++);
    std::vector<BrokerId> replicas = {0, 1, 2, 3, 4};
    std::ranges::shuffle(replicas, random_);
    replicas.resize(1 + random_() % 3);
    std::vector<PartitionAndReplica> all;
    for (const BrokerId replica : replicas) all.push_back({{topic, 0}, replica});
    context_.add_partition({topic, 0}, {.replicas = replicas});
    move_partitions(context_, {{topic, 0}}, PartitionState::created);
    move_replicas(context_, batch_, all, ReplicaState::created);
    for (const auto& change : plan_first_leaders(context_, {{topic, 0}}).changes) accept(change);
    move_replicas(context_, batch_, all, ReplicaState::online);
  }

  void start_broker(BrokerId id) {
    if (context_.broker(id)) return;
    context_.set_broker(live(id));
    move_replicas(context_, batch_, context_.replicas_on(id), ReplicaState::online);
  }

  void stop_broker(BrokerId id) {
    if (!context_.broker(id)) return;
    context_.remove_broker(id);
    move_partitions(context_, partitions_with_offline_leader(context_), PartitionState::offline);
    elect();
    for (const auto& replica : begin_offline(context_, batch_, context_.replicas_on(id))) {
      const auto changes = plan_isr_removals(context_, id, {{replica.partition, states_.at(replica.partition)}});
      for (const auto& change : changes) write(change);
      apply_offline(context_, batch_, replica, states_.at(replica.partition));
    }
  }

  // What a leader does with its followers.
  void shrink_isr() {
    for (auto& [partition, state] : states_) {
      if (state.leader_and_isr.leader < 0 || state.leader_and_isr.isr.size() < 2) continue;
      state.leader_and_isr.isr = {state.leader_and_isr.leader};
      ++state.leader_and_isr.partition_epoch;
      context_.partition(partition)->leadership = state;
      return;
    }
  }

  void grow_isr() {
    for (auto& [partition, state] : states_) {
      if (state.leader_and_isr.leader < 0) continue;
      for (const BrokerId replica : context_.partition(partition)->assignment.replicas) {
        if (!context_.broker(replica) || contains(state.leader_and_isr.isr, replica)) continue;
        state.leader_and_isr.isr.push_back(replica);
        ++state.leader_and_isr.partition_epoch;
        context_.partition(partition)->leadership = state;
        return;
      }
    }
  }

  void elect() {
    const auto partitions = partitions_without_leader(context_);
    for (const auto& change : plan_first_leaders(context_, partitions).changes) accept(change);
    std::map<TopicPartition, PartitionStateNode> offline;
    for (const auto& partition : partitions) {
      if (context_.partition(partition)->state == PartitionState::offline) {
        offline.emplace(partition, states_.at(partition));
      }
    }
    for (const auto& change : plan_elections(context_, offline, ElectionStrategy::offline, never).changes) {
      accept(change);
    }
  }

  void accept(const LeaderChange& change) {
    write(change);
    apply(context_, batch_, change, states_.at(change.partition).leader_and_isr.partition_epoch);
  }

  void write(const LeaderChange& change) {
    const auto before = states_.find(change.partition);
    if (before != states_.end()) {
      EXPECT_EQ(change.state.leader_and_isr.leader_epoch, before->second.leader_and_isr.leader_epoch + 1);
      for (const BrokerId member : change.state.leader_and_isr.isr) {
        EXPECT_TRUE(contains(before->second.leader_and_isr.isr, member)) << "nobody joins the ISR in an election";
      }
    }
    PartitionStateNode state = change.state;
    state.leader_and_isr.partition_epoch =
        before == states_.end() ? 0 : change.state.leader_and_isr.partition_epoch + 1;
    states_[change.partition] = state;
  }

  void check() {
    for (const auto& [partition, state] : states_) {
      const PartitionEntry& entry = *context_.partition(partition);
      ASSERT_TRUE(entry.leadership);
      EXPECT_EQ(*entry.leadership, state) << "the controller knows what the store has";
      const LeaderAndIsr& leadership = state.leader_and_isr;
      ASSERT_FALSE(leadership.isr.empty());
      if (leadership.leader >= 0) EXPECT_TRUE(contains(leadership.isr, leadership.leader));
      const bool somebody_may_lead =
          std::ranges::any_of(leadership.isr, [&](BrokerId member) { return context_.is_online(member, partition); });
      EXPECT_EQ(context_.is_online(leadership.leader, partition), somebody_may_lead) << partition.text();
    }
    const auto requests = batch_.take(context_, 0, "PLAINTEXT");
    for (const auto& [broker, request] : requests.leader_and_isr) EXPECT_TRUE(context_.broker(broker));
  }

  std::mt19937 random_;
  ControllerContext context_;
  RequestBatch batch_;
  std::map<TopicPartition, PartitionStateNode> states_;  // the metadata store
  int topics_ = 0;
};

TEST(StateMachines, HoldTheirInvariantsUnderRandomEvents) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    RandomCluster cluster(seed);
    for (int i = 0; i < 100 && !testing::Test::HasFailure(); ++i) cluster.step();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace coordination::cluster
