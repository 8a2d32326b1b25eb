// A cluster of controllers on one store in memory, for tests; what the brokers host is faked. Used by one test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "coordination/cluster/controller.h"
#include "coordination/cluster/fake_brokers.h"
#include "coordination/cluster/membership.h"
#include "coordination/cluster/topic_admin.h"
#include "coordination/metadata_store/embedded_store.h"
#include "coordination/metadata_store/forwarding_store.h"

namespace coordination::cluster {

// A store whose reads of one node can be made to fail, or to be followed at once by a change. Self-locking.
class DisturbedStore final : public metadata_store::ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  // Runs `change` once, right after the next read of the node, before its reader goes on.
  void after_next_read(const std::string& path, std::function<void()> change) {
    const std::lock_guard lock(mutex_);
    changes_[path] = std::move(change);
  }

  // The next read of the node fails, after so many that don't; or the next few.
  void fail_read(const std::string& path, int after = 0, int times = 1) {
    const std::lock_guard lock(mutex_);
    failures_[path] = {.after = after, .times = times};
  }

  bool has_failures_left() {
    const std::lock_guard lock(mutex_);
    return !failures_.empty();
  }

  metadata_store::StoreResult<metadata_store::Node> get(const std::string& path, metadata_store::Watch watch) override {
    if (fails(path)) return std::unexpected(metadata_store::StoreError::failure);
    auto node = ForwardingStore::get(path, std::move(watch));
    was_read(path);
    return node;
  }

  std::vector<metadata_store::StoreResult<metadata_store::Node>> get_each(std::span<const std::string> paths) override {
    auto nodes = ForwardingStore::get_each(paths);
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (fails(paths[i])) nodes[i] = std::unexpected(metadata_store::StoreError::failure);
      was_read(paths[i]);
    }
    return nodes;
  }

 private:
  bool fails(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto found = failures_.find(path);
    if (found == failures_.end() || found->second.after-- > 0) return false;
    if (--found->second.times == 0) failures_.erase(found);
    return true;
  }

  void was_read(const std::string& path) {
    std::function<void()> change;
    {
      const std::lock_guard lock(mutex_);
      const auto found = changes_.find(path);
      if (found == changes_.end()) return;
      change = std::move(found->second);
      changes_.erase(found);
    }
    change();
  }

  std::mutex mutex_;
  std::map<std::string, std::function<void()>> changes_;
  struct Failures {
    int after = 0;
    int times = 0;
  };
  std::map<std::string, Failures> failures_;
};

// One broker of the cluster: session, controller and registration; what it hosts is faked. The controller reads through
// `seen`, where a test may disturb it.
struct Member {
  Member(metadata_store::EmbeddedStore& embedded, FakeBrokers& brokers, const protocol::Clock& clock,
         const BrokerRegistration& broker, std::chrono::milliseconds election_pause)
      : store(embedded.open_session()),
        seen(*store),
        controller({.broker_id = broker.id, .election_pause = election_pause}, seen, brokers, clock),
        membership(*store, controller, broker) {
    EXPECT_TRUE(create_permanent_nodes(*store));
    const auto joined = membership.join();
    EXPECT_TRUE(joined) << joined.error().text();
  }

  static BrokerRegistration registration(BrokerId id) {
    return {.id = id, .endpoints = {{"PLAINTEXT", "localhost", 9092 + id, SecurityProtocol::plaintext}}};
  }

  std::unique_ptr<metadata_store::MetadataStore> store;
  DisturbedStore seen;
  Controller controller;
  Membership membership;
};

class ControllerTest : public testing::Test {
 protected:
  Member& add_member(BrokerId id) { return add_member(id, Member::registration(id)); }

  Member& add_member(BrokerId id, const BrokerRegistration& registration) {
    auto& member = members_[id];
    member = std::make_unique<Member>(*embedded_, brokers_, clock_, registration, election_pause_);
    EXPECT_TRUE(eventually([&] { return member->controller.epoch() > 0; })) << "there is a controller";
    return *member;
  }

  // Ends a broker as a graceful stop without controlled shutdown does.
  void remove_member(BrokerId id) {
    members_.at(id)->controller.stop();
    members_.at(id)->store->close();
    members_.erase(id);
  }

  // Ends a broker without a word: its registration and its election go at the same time.
  void lose_member(BrokerId id) {
    members_.at(id)->store->close();
    remove_member(id);
  }

  void create_topic(const std::string& name, Assignment assignment) {
    const TopicAdmin admin(
        *session_, [] { return TopicAdminOptions(); }, [](const ConfigMap&) { return protocol::Result<void>(); });
    const NewTopic topic{.name = name, .assignment = std::move(assignment)};
    const auto created = admin.create(std::span(&topic, 1), {}, 1, false);
    ASSERT_TRUE(created.front()) << created.front().error().text();
  }

  using AddedReplicas = std::optional<std::vector<std::vector<BrokerId>>>;
  void grow_topic(const std::string& name, std::int32_t partitions, AddedReplicas assignment = {}) {
    const TopicAdmin admin(
        *session_, [] { return TopicAdminOptions(); }, [](const ConfigMap&) { return protocol::Result<void>(); });
    const NewPartitions more{.topic = name, .total_count = partitions, .assignment = std::move(assignment)};
    const auto grown = admin.add_partitions(std::span(&more, 1), false);
    ASSERT_TRUE(grown.front()) << grown.front().error().text();
  }

  void delete_topic(const std::string& name) {
    ASSERT_TRUE(session_->create(path::delete_topic(name), {}, metadata_store::CreateMode::persistent));
  }

  bool exists(const std::string& path) { return session_->exists(path)->has_value(); }

  std::optional<PartitionStateNode> state(const TopicPartition& tp) {
    const auto node = session_->get(path::partition_state(tp.topic, tp.partition));
    if (!node) return std::nullopt;
    return *decode_partition_state(tp, node->data, node->stat.version);
  }

  // Waits until the partition's state in the store has this leader.
  testing::AssertionResult led_by(const TopicPartition& tp, BrokerId leader) {
    const auto is_led = [&] {
      const auto now = state(tp);
      return now && now->leader_and_isr.leader == leader;
    };
    if (eventually(is_led)) return testing::AssertionSuccess();
    const auto now = state(tp);
    return testing::AssertionFailure() << "leader is " << (now ? now->leader_and_isr.leader : -99);
  }

  std::chrono::milliseconds election_pause_{1};
  protocol::ManualClock clock_;
  FakeBrokers brokers_;
  std::unique_ptr<metadata_store::EmbeddedStore> embedded_ = metadata_store::EmbeddedStore::in_memory(clock_);
  std::unique_ptr<metadata_store::MetadataStore> session_ = embedded_->open_session();
  std::map<BrokerId, std::unique_ptr<Member>> members_;
};

}  // namespace coordination::cluster
