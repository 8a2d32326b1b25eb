// For tests: a replica manager over real logs in a temporary directory, a metadata cache, and the controller's requests
// in one line each. The clock is manual; coroutines run on a TestLoop. Single-threaded but for the background pool.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "broker/background.h"
#include "broker/metadata_cache.h"
#include "broker/replication/replica_manager.h"
#include "broker/test_support.h"
#include "protocol/clock.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"
#include "protocol/records/record_batch_builder.h"
#include "storage/log.h"
#include "storage/log_manager.h"

namespace broker {

// A directory that is gone when the test is over.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "barnabas-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct TestBatch {
  int records = 1;
  std::size_t value_size = 10;
  std::int64_t timestamp = 1'000'000;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  bool transactional = false;
  std::int8_t magic = 2;
  protocol::CompressionType compression = protocol::CompressionType::none;
};

inline std::vector<std::byte> make_batch(const TestBatch& wanted = {}) {
  protocol::BatchOptions options;
  options.magic = wanted.magic;
  options.compression.type = wanted.compression;
  options.producer_id = wanted.producer_id;
  options.producer_epoch = wanted.producer_epoch;
  options.base_sequence = wanted.base_sequence;
  options.transactional = wanted.transactional;
  protocol::RecordBatchBuilder builder(options);
  const std::string value(wanted.value_size, 'v');
  for (int i = 0; i < wanted.records; ++i) {
    builder.append(wanted.timestamp + i, protocol::as_bytes("key"), protocol::as_bytes(value));
  }
  return *builder.build();
}

class TestReplicas {
 public:
  static constexpr protocol::BrokerId local = 1;

  // With one log directory, data_directory(), or several, directory(0) and so on.
  explicit TestReplicas(storage::LogConfig config = {}, std::size_t directories = 1) : config_(config) {
    log_dirs_ = {directory_.path()};
    if (directories > 1) log_dirs_.clear();
    while (log_dirs_.size() < directories) {
      log_dirs_.push_back(directory_.path() + "/" + std::to_string(log_dirs_.size()));
    }
    start();
  }

  // As after kill -9. REQUIRES: nobody holds a partition or a log.
  void start_again() {
    replicas_.reset();
    logs_.reset();
    start();
  }

  void start() {
    storage::LogManagerOptions options;
    options.log_dirs = log_dirs_;
    options.default_config = config_;
    logs_ = std::make_unique<storage::LogManager>(std::move(options));
    EXPECT_TRUE(logs_->lock_directories());
    EXPECT_TRUE(logs_->set_identity("test-cluster", local, clock_.now_ms()));
    EXPECT_TRUE(logs_->load(clock_.now_ms()));
    ReplicaManagerOptions replica_options{.broker_id = local};
    replica_options.metrics = {
        .totals = &totals_, .of_topic = [this](std::string_view) { return topic_metrics_; }, .forget = {}};
    replica_options.topic_created = [this](const std::string& topic) { created_topics_.push_back(topic); };
    replicas_ = std::make_unique<ReplicaManager>(std::move(replica_options), *logs_, metadata_, clock_);
  }

  ReplicaManager& replicas() { return *replicas_; }
  MetadataCache& metadata() { return metadata_; }
  storage::LogManager& logs() { return *logs_; }
  BackgroundPool& background() { return background_; }
  protocol::ManualClock& clock() { return clock_; }
  TestLoop& loop() { return loop_; }
  const std::string& data_directory() const { return directory_.path(); }
  const std::string& directory(std::size_t index) const { return log_dirs_.at(index); }
  const std::vector<std::string>& created_topics() const { return created_topics_; }
  const TopicMetrics& totals() const { return totals_; }
  const TopicMetrics& topic_metrics() const { return *topic_metrics_; }  // of all topics

  struct Assignment {
    protocol::BrokerId leader = local;
    protocol::LeaderEpoch leader_epoch = 0;
    std::int32_t partition_epoch = 0;
    std::vector<protocol::BrokerId> isr = {local};
    std::vector<protocol::BrokerId> replicas = {local};
    bool is_new = true;
    std::int32_t controller_epoch = 1;
  };

  static protocol::Uuid id_of(std::string_view topic) {
    protocol::Uuid id;
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
      id.bytes[i] = static_cast<std::byte>(topic.empty() ? 1 : topic[i % topic.size()]);
    }
    return id;
  }

  // LeaderAndIsr for one partition; the partition's answer, or the top-level one.
  protocol::ErrorCode assign(const std::string& topic, protocol::PartitionIndex index, const Assignment& wanted,
                             std::optional<protocol::Uuid> topic_id = std::nullopt) {
    protocol::LeaderAndIsrRequest request;
    request.controller_id = local;
    request.controller_epoch = wanted.controller_epoch;
    auto& state_of_topic = request.topic_states.emplace_back();
    state_of_topic.topic_name = topic;
    state_of_topic.topic_id = topic_id.value_or(id_of(topic));
    auto& state = state_of_topic.partition_states.emplace_back();
    state.partition_index = index;
    state.controller_epoch = wanted.controller_epoch;
    state.leader = wanted.leader;
    state.leader_epoch = wanted.leader_epoch;
    state.partition_epoch = wanted.partition_epoch;
    state.isr = wanted.isr;
    state.replicas = wanted.replicas;
    state.is_new = wanted.is_new;
    const auto response = replicas_->become_leader_or_follower(request, 7);
    if (response.error_code != protocol::ErrorCode::none) return response.error_code;
    return response.topics.at(0).partition_errors.at(0).error_code;
  }

  // UpdateMetadata: this broker and `others` are alive; the topic's partitions, if it names one, have this leader.
  void tell_metadata(const std::string& topic, std::int32_t partitions, protocol::BrokerId leader = local,
                     protocol::LeaderEpoch leader_epoch = 0, std::vector<protocol::BrokerId> others = {}) {
    protocol::UpdateMetadataRequest request;
    request.controller_id = local;
    request.controller_epoch = 1;
    others.push_back(local);
    for (const protocol::BrokerId id : others) {
      auto& broker = request.live_brokers.emplace_back();
      broker.id = id;
      auto& endpoint = broker.endpoints.emplace_back();
      endpoint.host = "host" + std::to_string(id);
      endpoint.port = 9092;
      endpoint.listener = "PLAINTEXT";
    }
    auto& state_of_topic = request.topic_states.emplace_back();
    state_of_topic.topic_name = topic;
    state_of_topic.topic_id = id_of(topic);
    for (std::int32_t i = 0; i < partitions; ++i) {
      auto& state = state_of_topic.partition_states.emplace_back();
      state.partition_index = i;
      state.controller_epoch = 1;
      state.leader = leader;
      state.leader_epoch = leader_epoch;
      state.isr = {leader};
      state.replicas = {leader};
    }
    EXPECT_TRUE(replicas_->update_metadata(request));
  }

  // A topic that this broker leads, as metadata and controller would have it.
  void lead(const std::string& topic, std::int32_t partitions = 1) {
    tell_metadata(topic, partitions);
    for (std::int32_t i = 0; i < partitions; ++i) {
      EXPECT_EQ(assign(topic, i, Assignment{}), protocol::ErrorCode::none);
    }
  }

  protocol::ErrorCode stop(const std::string& topic, protocol::PartitionIndex index, protocol::LeaderEpoch epoch,
                           bool remove, std::int32_t controller_epoch = 1) {
    protocol::StopReplicaRequest request;
    request.controller_epoch = controller_epoch;
    auto& state_of_topic = request.topic_states.emplace_back();
    state_of_topic.topic_name = topic;
    auto& state = state_of_topic.partition_states.emplace_back();
    state.partition_index = index;
    state.leader_epoch = epoch;
    state.delete_partition = remove;
    const auto response = replicas_->stop_replicas(request, 4);
    if (response.error_code != protocol::ErrorCode::none) return response.error_code;
    return response.partition_errors.at(0).error_code;
  }

  std::shared_ptr<Partition> partition(std::string_view topic, protocol::PartitionIndex index = 0) {
    return replicas_->online_partition(topic, index);
  }

  // Appends to a partition that this broker leads; the base offset.
  protocol::Offset append(std::string_view topic, protocol::PartitionIndex index = 0, const TestBatch& batch = {}) {
    const auto records = make_batch(batch);
    const auto appended = partition(topic, index)->append_as_leader(records, 1);
    EXPECT_TRUE(appended) << appended.error().text();
    return appended ? appended->info.first_offset : -1;
  }

 private:
  const storage::LogConfig config_;
  std::vector<std::string> created_topics_;
  TemporaryDirectory directory_;
  std::vector<std::string> log_dirs_;
  protocol::ManualClock clock_;
  MetadataCache metadata_;
  TopicMetrics totals_;
  const std::shared_ptr<TopicMetrics> topic_metrics_ = std::make_shared<TopicMetrics>();
  std::unique_ptr<storage::LogManager> logs_;
  std::unique_ptr<ReplicaManager> replicas_;
  TestLoop loop_;
  BackgroundPool background_{"test-background", 2};  // last: its threads may still be posting to the loop
};

}  // namespace broker
