// For tests of the group coordinator and its handlers: a coordinator of 4 partitions on a log in memory, metadata with
// topic "t" (2 partitions, with an id), and requests run one after the other on a TestLoop.
#pragma once

#include <gtest/gtest.h>

#include <atomic>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "broker/background.h"
#include "broker/group_coordinator.h"
#include "broker/groups/internal_topics.h"
#include "broker/groups/memory_offsets_log.h"
#include "broker/metadata_cache.h"
#include "broker/test_support.h"
#include "protocol/clock.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/sync_group.h"
#include "protocol/messages/update_metadata.h"

namespace broker {

constexpr std::int32_t test_partition_count = 4;

inline Uuid test_topic_id() {
  Uuid id;
  id.bytes[0] = std::byte{7};
  return id;
}

// The system's clock, and what a test adds.
class ShiftedClock final : public protocol::Clock {
 public:
  protocol::TimestampMs now_ms() const override { return system_.now_ms() + shift_ms_; }
  std::int64_t monotonic_ms() const override { return system_.monotonic_ms() + shift_ms_; }
  void advance_ms(std::int64_t by) { shift_ms_ += by; }

 private:
  protocol::SystemClock system_;
  std::atomic<std::int64_t> shift_ms_{0};
};

struct GroupTestEnvironment {
  explicit GroupTestEnvironment(std::int32_t initial_delay_ms = 0)
      : log(new MemoryOffsetsLog),
        groups(options(initial_delay_ms), std::unique_ptr<coordination::group::OffsetsLog>(log), metadata, background,
               loop.executor(), clock, 1) {
    protocol::UpdateMetadataRequest update;
    add_topic(update, "t", test_topic_id(), 2);
    add_topic(update, "__consumer_offsets", Uuid(), test_partition_count);
    auto& known = update.live_brokers.emplace_back();
    known.id = 1;
    auto& endpoint = known.endpoints.emplace_back();
    endpoint.host = "broker-1";
    endpoint.port = 9092;
    endpoint.listener = "PLAINTEXT";
    metadata.update(update);
    for (std::int32_t partition = 0; partition < test_partition_count; ++partition) lead(partition);
  }
  ~GroupTestEnvironment() { groups.stop(); }

  static GroupCoordinatorOptions options(std::int32_t initial_delay_ms) {
    GroupCoordinatorOptions options;
    options.groups.initial_rebalance_delay_ms = initial_delay_ms;
    return options;
  }
  static void add_topic(protocol::UpdateMetadataRequest& update, const std::string& name, Uuid id,
                        std::int32_t partitions) {
    auto& topic = update.topic_states.emplace_back();
    topic.topic_name = name;
    topic.topic_id = id;
    for (std::int32_t index = 0; index < partitions; ++index) {
      auto& state = topic.partition_states.emplace_back();
      state.partition_index = index;
      state.leader = 1;
      state.replicas = {1};
      state.isr = {1};
    }
  }
  void lead(std::int32_t partition, protocol::LeaderEpoch epoch = 0) { groups.became_leader(partition, epoch); }
  void resign(std::int32_t partition) { groups.resigned({"__consumer_offsets", partition}, 0); }

  template <typename H>
  typename H::Response ask(const H& handler, const typename H::Request& request, protocol::ApiVersion version) {
    return loop.handle(handler, request, {.version = version});
  }

  // Starts a request and lets it run until it waits. `answer` gets its response.
  template <typename H>
  void start(const H& handler, typename H::Request request, protocol::ApiVersion version,
             std::optional<typename H::Response>& answer) {
    boost::asio::co_spawn(loop.executor(), run(this, &handler, std::move(request), version, &answer),
                          boost::asio::detached);
    pump();
  }
  // Runs what is ready.
  void pump() {
    loop.io().restart();
    loop.io().poll();
  }
  template <typename T>
  void pump_until(const std::optional<T>& answer) {
    const auto keep_running = boost::asio::make_work_guard(loop.io());
    while (!answer) loop.io().run_one();
  }

  TestLoop loop;
  ShiftedClock clock;
  BackgroundPool background{"test", 2};
  MetadataCache metadata;
  MemoryOffsetsLog* log;
  GroupCoordinator groups;

 private:
  template <typename H>
  static awaitable<void> run(GroupTestEnvironment* self, const H* handler, typename H::Request request,
                             protocol::ApiVersion version, std::optional<typename H::Response>* answer) {
    RequestContext context(self->loop.executor(), self->loop.connection(),
                           {.api_key = static_cast<std::int16_t>(H::Request::api_key),
                            .api_version = version,
                            .correlation_id = 1,
                            .client_id = "test-client"},
                           {}, nullptr, &self->loop.cancel_list());
    auto response = co_await handler->handle(context, request);
    answer->emplace(std::move(response));
  }
};

inline protocol::JoinGroupRequest join_request(const std::string& group, const std::string& member = "") {
  protocol::JoinGroupRequest request;
  request.group_id = group;
  request.member_id = member;
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 60'000;
  request.protocol_type = "consumer";
  auto& protocol = request.protocols.emplace_back();
  protocol.name = "range";
  protocol.metadata = protocol::ByteString::copy_of("metadata");
  return request;
}

inline protocol::SyncGroupRequest sync_request(const std::string& group, const std::string& member,
                                               std::int32_t generation, const std::string& assignment = "") {
  protocol::SyncGroupRequest request;
  request.group_id = group;
  request.member_id = member;
  request.generation_id = generation;
  request.protocol_type = protocol::String("consumer");
  request.protocol_name = protocol::String("range");
  if (!assignment.empty()) {
    auto& part = request.assignments.emplace_back();
    part.member_id = member;
    part.assignment = protocol::ByteString::copy_of(assignment);
  }
  return request;
}

}  // namespace broker
