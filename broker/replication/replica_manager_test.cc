#include "broker/replication/replica_manager.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <stdexcept>

#include "broker/replication/local_broker_channel.h"
#include "broker/replication/test_replicas.h"
#include "coordination/cluster/broker_registration.h"
#include "storage/file_system.h"

namespace broker {
namespace {

using protocol::ErrorCode;
using Assignment = TestReplicas::Assignment;

constexpr protocol::BrokerId other = 2;

class RecordingListener final : public LeadershipListener {
 public:
  void became_leader(const std::shared_ptr<Partition>& partition, protocol::LeaderEpoch epoch) override {
    events.push_back("leader " + partition->id().text() + " " + std::to_string(epoch));
  }
  void resigned(const protocol::TopicPartition& partition, protocol::LeaderEpoch epoch) override {
    events.push_back("resigned " + partition.text() + " " + std::to_string(epoch));
  }
  std::vector<std::string> events;
};

class ReplicaManagerTest : public ::testing::Test {
 protected:
  ErrorCode find(std::string_view topic, protocol::PartitionIndex index = 0) {
    return env.replicas().find(topic, index).code();
  }
  TestReplicas env;
};

TEST_F(ReplicaManagerTest, ANewLeaderHasItsLogOnDisk) {
  EXPECT_EQ(env.assign("t", 3, Assignment{}), ErrorCode::none);
  EXPECT_TRUE(std::filesystem::exists(env.data_directory() + "/t-3"));
  EXPECT_TRUE(env.partition("t", 3)->is_leader());
  EXPECT_EQ(env.replicas().counts().leaders, 1u);
}

TEST_F(ReplicaManagerTest, OlderControllersAreRefusedAsAWhole) {
  ASSERT_EQ(env.assign("t", 0, {.controller_epoch = 5}), ErrorCode::none);
  EXPECT_EQ(env.assign("u", 0, {.controller_epoch = 4}), ErrorCode::stale_controller_epoch);
  EXPECT_EQ(env.stop("t", 0, -2, true, 4), ErrorCode::stale_controller_epoch);
  protocol::UpdateMetadataRequest update;
  update.controller_epoch = 4;
  EXPECT_EQ(env.replicas().update_metadata(update).code(), ErrorCode::stale_controller_epoch);
  EXPECT_EQ(env.partition("u"), nullptr);
}

TEST_F(ReplicaManagerTest, EqualAndOlderLeaderEpochsChangeNothing) {
  ASSERT_EQ(env.assign("t", 0, {.leader_epoch = 3}), ErrorCode::none);
  EXPECT_EQ(env.assign("t", 0, {.leader = other, .leader_epoch = 3, .replicas = {1, other}}),
            ErrorCode::stale_controller_epoch);
  EXPECT_EQ(env.assign("t", 0, {.leader = other, .leader_epoch = 2, .replicas = {1, other}}),
            ErrorCode::stale_controller_epoch);
  EXPECT_TRUE(env.partition("t")->is_leader());
}

TEST_F(ReplicaManagerTest, OlderPartitionEpochsAreSkippedInSilence) {
  ASSERT_EQ(env.assign("t", 0, {.leader_epoch = 3, .partition_epoch = 7}), ErrorCode::none);
  EXPECT_EQ(env.assign("t", 0, {.leader_epoch = 4, .partition_epoch = 6}), ErrorCode::none);
  EXPECT_EQ(env.partition("t")->leader_epoch(), 3);
}

TEST_F(ReplicaManagerTest, TopicIdsMustAgree) {
  ASSERT_EQ(env.assign("t", 0, Assignment{}), ErrorCode::none);
  EXPECT_EQ(env.assign("t", 0, {.leader_epoch = 1}, TestReplicas::id_of("else")), ErrorCode::inconsistent_topic_id);
}

TEST_F(ReplicaManagerTest, AnOldTopicLearnsItsIdWithoutANewEpoch) {
  ASSERT_EQ(env.assign("t", 0, Assignment{}, protocol::Uuid{}), ErrorCode::none);
  EXPECT_FALSE(env.partition("t")->topic_id());
  EXPECT_EQ(env.assign("t", 0, Assignment{}, TestReplicas::id_of("t")), ErrorCode::none);
  EXPECT_EQ(env.partition("t")->topic_id(), TestReplicas::id_of("t"));
  EXPECT_EQ(env.assign("t", 0, Assignment{}, TestReplicas::id_of("t")), ErrorCode::stale_controller_epoch);
}

TEST_F(ReplicaManagerTest, PartitionsOfOthersAreUnknown) {
  EXPECT_EQ(env.assign("t", 0, {.leader = other, .replicas = {other}}), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(env.partition("t"), nullptr);
}

TEST_F(ReplicaManagerTest, ALeaderThatIsNotAliveIsNotFollowedYet) {
  ASSERT_EQ(env.assign("t", 0, {.leader_epoch = 1}), ErrorCode::none);
  const Assignment wanted{.leader = other, .leader_epoch = 2, .partition_epoch = 1, .replicas = {1, other}};
  EXPECT_EQ(env.assign("t", 0, wanted), ErrorCode::none);
  EXPECT_EQ(env.partition("t")->leader_epoch(), 1) << "the epoch isn't adopted";
  env.tell_metadata("t", 1, other, 2, {other});
  EXPECT_EQ(env.assign("t", 0, wanted), ErrorCode::none);
  EXPECT_EQ(env.partition("t")->leader_epoch(), 2);
  EXPECT_EQ(env.partition("t")->leader(), other);
}

TEST_F(ReplicaManagerTest, LookupsTellWhyAPartitionIsNotHere) {
  EXPECT_EQ(find("t"), ErrorCode::unknown_topic_or_partition);
  env.tell_metadata("t", 1, other, 0, {other});
  EXPECT_EQ(find("t"), ErrorCode::not_leader_or_follower);
  env.lead("t");
  EXPECT_EQ(find("t"), ErrorCode::none);
  EXPECT_EQ(find("t", 1), ErrorCode::unknown_topic_or_partition);
  EXPECT_TRUE(env.replicas().find(TestReplicas::id_of("t"), 0));
  EXPECT_EQ(env.replicas().find(TestReplicas::id_of("u"), 0).code(), ErrorCode::unknown_topic_id);
}

TEST_F(ReplicaManagerTest, StopReplicaChecksTheLeaderEpoch) {
  ASSERT_EQ(env.assign("t", 0, {.leader_epoch = 3}), ErrorCode::none);
  EXPECT_EQ(env.stop("t", 0, 2, true), ErrorCode::fenced_leader_epoch);
  EXPECT_NE(env.partition("t"), nullptr);
  EXPECT_EQ(env.stop("t", 0, 3, false), ErrorCode::none);
  EXPECT_NE(env.partition("t"), nullptr) << "stopped, not deleted";
  EXPECT_EQ(env.stop("t", 0, -2, true), ErrorCode::none);
  EXPECT_EQ(env.partition("t"), nullptr);
  EXPECT_FALSE(env.logs().contains({"t", 0}));
}

TEST_F(ReplicaManagerTest, DeletingWakesThoseWhoHoldThePartition) {
  env.lead("t");
  const auto held = env.partition("t");
  EXPECT_EQ(env.stop("t", 0, -2, true), ErrorCode::none);
  EXPECT_EQ(held->append_as_leader(make_batch(), 1).code(), ErrorCode::unknown_topic_or_partition);
}

TEST_F(ReplicaManagerTest, StoppingWhatIsNotHereSucceeds) {
  EXPECT_EQ(env.stop("t", 0, 1, true), ErrorCode::none);
  EXPECT_EQ(env.stop("t", 0, 1, false), ErrorCode::none);
}

TEST_F(ReplicaManagerTest, ATopicMayBeCreatedAgainAtOnce) {
  env.lead("t");
  env.append("t");
  EXPECT_EQ(env.stop("t", 0, -2, true), ErrorCode::none);
  EXPECT_EQ(env.assign("t", 0, Assignment{}, TestReplicas::id_of("again")), ErrorCode::none);
  EXPECT_EQ(env.append("t"), 0);
}

TEST_F(ReplicaManagerTest, TheFirstPartitionOfACreatedTopicIsAnnounced) {
  env.assign("t", 0, {});
  env.assign("t", 1, {});
  env.assign("moved", 0, {.is_new = false});
  EXPECT_EQ(env.created_topics(), std::vector<std::string>{"t"});
}

TEST_F(ReplicaManagerTest, CoordinatorsHearOfLeadership) {
  RecordingListener listener;
  env.replicas().add_listener(listener);
  env.tell_metadata("t", 1, other, 0, {other});
  env.assign("t", 0, {.leader_epoch = 1});
  env.assign("t", 0, {.leader_epoch = 2, .partition_epoch = 1});
  env.assign("t", 0, {.leader = other, .leader_epoch = 3, .partition_epoch = 2, .replicas = {1, other}});
  env.assign("t", 0, {.leader_epoch = 4, .partition_epoch = 3});
  env.stop("t", 0, -2, true);
  const std::vector<std::string> expected{"leader t-0 1", "resigned t-0 3", "leader t-0 4", "resigned t-0 4"};
  EXPECT_EQ(listener.events, expected);
}

TEST_F(ReplicaManagerTest, AFailedDirectoryTakesItsPartitionsOffline) {
  env.lead("t");
  const auto held = env.partition("t");
  env.logs().fail_directory(env.data_directory(), "test");
  env.replicas().take_directory_offline(env.data_directory());
  EXPECT_EQ(find("t"), ErrorCode::kafka_storage_error);
  EXPECT_EQ(held->append_as_leader(make_batch(), 1).code(), ErrorCode::kafka_storage_error);
  EXPECT_EQ(env.assign("t", 0, {.leader_epoch = 9}), ErrorCode::kafka_storage_error);
  EXPECT_EQ(env.stop("t", 0, -2, true), ErrorCode::kafka_storage_error);
  EXPECT_EQ(env.replicas().counts().offline, 1u);
}

TEST_F(ReplicaManagerTest, ALogThatMayLieInAnOfflineDirectoryIsNotCreatedAnew) {
  env.logs().fail_directory(env.data_directory(), "test");
  EXPECT_EQ(env.assign("t", 0, {.is_new = false}), ErrorCode::kafka_storage_error);
}

TEST_F(ReplicaManagerTest, TheChannelWithinTheProcessAnswersInOrder) {
  const std::shared_ptr<ReplicaManager> replicas(std::shared_ptr<void>(), &env.replicas());
  LocalBrokerChannels channels([&](protocol::BrokerId) { return LocalBroker{.replicas = replicas}; });
  const auto channel = channels.open(coordination::cluster::BrokerRegistration{.id = TestReplicas::local});
  protocol::Mutex mutex;
  std::condition_variable_any changed;
  std::vector<int> answers;
  const auto answered = [&](int which) {
    protocol::MutexLock lock(mutex);
    answers.push_back(which);
    changed.notify_one();
  };
  protocol::LeaderAndIsrRequest leader_and_isr;
  auto& topic = leader_and_isr.topic_states.emplace_back();
  topic.topic_name = "t";
  topic.topic_id = TestReplicas::id_of("t");
  auto& state = topic.partition_states.emplace_back();
  state.leader = TestReplicas::local;
  state.replicas = state.isr = {TestReplicas::local};
  state.is_new = true;
  channel->leader_and_isr(std::move(leader_and_isr), [&](const auto&) { answered(1); });
  channel->update_metadata({}, [&](const auto&) { answered(2); });
  channel->stop_replica({}, [&](const auto&) { answered(3); });
  protocol::MutexLock lock(mutex);
  while (answers.size() < 3) changed.wait(mutex);
  EXPECT_EQ(answers, (std::vector{1, 2, 3}));
  EXPECT_NE(env.partition("t"), nullptr);
}

TEST_F(ReplicaManagerTest, TheChannelWithinTheProcessSurvivesARequestThatThrows) {
  const std::shared_ptr<ReplicaManager> replicas(std::shared_ptr<void>(), &env.replicas());
  LocalBrokerChannel channel(LocalBroker{.replicas = replicas});
  channel.update_metadata({}, [](const auto&) { throw std::runtime_error("as a test"); });
  std::promise<void> answered;
  channel.update_metadata({}, [&](const auto&) { answered.set_value(); });
  answered.get_future().wait();
}

TEST_F(ReplicaManagerTest, ListenersHearOfDeletedPartitions) {
  std::vector<protocol::TopicPartition> deleted;
  env.replicas().add_deletion_listener([&](const auto& gone) { deleted = gone; });
  env.tell_metadata("t", 2);
  EXPECT_TRUE(deleted.empty());
  protocol::UpdateMetadataRequest update;
  update.controller_epoch = 1;
  auto& topic = update.topic_states.emplace_back();
  topic.topic_name = "t";
  topic.topic_id = TestReplicas::id_of("t");
  auto& state = topic.partition_states.emplace_back();
  state.partition_index = 1;
  state.leader = -2;  // being deleted
  ASSERT_TRUE(env.replicas().update_metadata(update));
  EXPECT_EQ(deleted, (std::vector<protocol::TopicPartition>{{"t", 1}}));
}

// The controller of another broker doesn't know yet that this one stopped; its logs are closed already.
TEST_F(ReplicaManagerTest, AfterAShutdownNoRequestOfAControllerTouchesALog) {
  env.lead("t");
  env.replicas().shutdown();
  EXPECT_EQ(env.assign("new", 0, {}), ErrorCode::broker_not_available);
  EXPECT_FALSE(env.logs().contains({"new", 0}));
  EXPECT_EQ(env.stop("t", 0, 1, true), ErrorCode::broker_not_available);
  EXPECT_TRUE(env.logs().contains({"t", 0}));
  protocol::UpdateMetadataRequest update;
  update.controller_epoch = 1;
  EXPECT_EQ(env.replicas().update_metadata(update).code(), ErrorCode::broker_not_available);
}

// A disk that can be full: then no file can be created or replaced. Or the process has no descriptors left.
class FillableDisk final : public storage::FileSystem {
 public:
  storage::Io<std::shared_ptr<storage::File>> open(const std::string& path, storage::OpenMode mode) override {
    if (out_of_descriptors) return storage::io_fail(EMFILE, "open " + path);
    if (full && mode == storage::OpenMode::fresh) return storage::io_fail(ENOSPC, "create " + path);
    return storage::FileSystem::open(path, mode);
  }
  storage::Io<std::vector<storage::DirectoryEntry>> list(const std::string& path) override {
    if (out_of_descriptors) return storage::io_fail(EMFILE, "open " + path);
    return storage::FileSystem::list(path);
  }
  std::atomic<bool> full = false;
  std::atomic<bool> out_of_descriptors = false;
};

// A broker of one partition that is started again and again on its directory.
class RestartTest : public ::testing::Test {
 protected:
  void start(protocol::LeaderEpoch epoch) {
    storage::LogManagerOptions options;
    options.log_dirs = {directory.path()};
    options.file_system = &disk;
    logs = std::make_unique<storage::LogManager>(std::move(options));
    ASSERT_TRUE(logs->lock_directories());
    ASSERT_TRUE(logs->set_identity("test-cluster", 1, clock.now_ms()));
    ASSERT_TRUE(logs->load(clock.now_ms()));
    replicas = std::make_unique<ReplicaManager>(ReplicaManagerOptions{.broker_id = 1}, *logs, metadata, clock);
    lead(epoch);
    partition = replicas->online_partition("t", 0);
    ASSERT_NE(partition, nullptr);
  }

  void lead(protocol::LeaderEpoch epoch, const char* name = "t") {
    protocol::LeaderAndIsrRequest request;
    auto& topic = request.topic_states.emplace_back();
    topic.topic_name = name;
    topic.topic_id = TestReplicas::id_of(name);
    auto& state = topic.partition_states.emplace_back();
    state.leader = 1;
    state.leader_epoch = epoch;
    state.replicas = state.isr = {1};
    state.is_new = epoch == 0;
    const auto response = replicas->become_leader_or_follower(request, 7);
    ASSERT_EQ(response.topics.at(0).partition_errors.at(0).error_code, ErrorCode::none);
  }

  void stop() {
    replicas->checkpoint_high_watermarks();
    replicas->shutdown();
    logs->shutdown(clock.now_ms());
    partition.reset();
    replicas.reset();
    logs.reset();
  }

  TemporaryDirectory directory;
  FillableDisk disk;
  protocol::ManualClock clock;
  MetadataCache metadata;
  std::unique_ptr<storage::LogManager> logs;
  std::unique_ptr<ReplicaManager> replicas;
  std::shared_ptr<Partition> partition;
};

TEST_F(RestartTest, LogsAreOpenedWhenTheyAreUsed) {
  start(0);
  ASSERT_TRUE(partition->append_as_leader(make_batch({.records = 4}), 1));
  stop();
  start(1);
  EXPECT_FALSE(partition->is_open());
  EXPECT_TRUE(partition->is_leader());
  const auto appended = partition->append_as_leader(make_batch(), 1);
  ASSERT_TRUE(appended) << appended.error().text();
  EXPECT_EQ(appended->info.first_offset, 4);
  EXPECT_EQ(partition->end_offset_for_epoch(-1, 0, true)->offset, 4) << "epoch 1 began before the first write";
}

TEST_F(RestartTest, AFullDiskDoesNotKeepAPartitionFromBeingRead) {
  start(0);
  ASSERT_TRUE(partition->append_as_leader(make_batch({.records = 4}), 1));
  stop();
  start(1);
  disk.full = true;
  const auto read = partition->read({.fetch_offset = 0, .max_bytes = 1 << 20});
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->slice.high_watermark, 4);
  disk.full = false;
  ASSERT_TRUE(partition->append_as_leader(make_batch(), 1));
  EXPECT_EQ(partition->end_offset_for_epoch(-1, 0, true)->offset, 4);
}

TEST_F(RestartTest, APartitionThatWasTakenOverWithoutDescriptorsWorksOnceThereAreSome) {
  start(0);
  disk.out_of_descriptors = true;
  lead(0, "new");
  const auto made = replicas->online_partition("new", 0);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->append_as_leader(make_batch(), 1).code(), ErrorCode::kafka_storage_error);
  EXPECT_EQ(made->read({.fetch_offset = 0, .max_bytes = 1 << 20}).code(), ErrorCode::kafka_storage_error);
  disk.out_of_descriptors = false;
  EXPECT_TRUE(logs->online_directories().size() == 1);
  const auto appended = made->append_as_leader(make_batch(), 1);
  ASSERT_TRUE(appended) << appended.error().text();
  EXPECT_EQ(appended->info.first_offset, 0);
  EXPECT_EQ(replicas->counts().offline, 0U);
}

TEST_F(RestartTest, AStartThatCanNotLookForItsLogsFails) {
  start(0);
  ASSERT_TRUE(partition->append_as_leader(make_batch({.records = 4}), 1));
  stop();
  storage::LogManagerOptions options;
  options.log_dirs = {directory.path()};
  options.file_system = &disk;
  logs = std::make_unique<storage::LogManager>(std::move(options));
  ASSERT_TRUE(logs->lock_directories());
  disk.out_of_descriptors = true;
  EXPECT_EQ(logs->load(clock.now_ms()).code(), ErrorCode::kafka_storage_error);
}

}  // namespace
}  // namespace broker
