// ListOffsets (API key 2, v0-v11): the offset at a timestamp, for each partition.
//   v0 several segment base offsets          v2 isolation level (KIP-98)     v4 leader-epoch fencing (KIP-320)
//   v5 OFFSET_NOT_AVAILABLE (KIP-207)        v7 timestamp -3 (KIP-734)       v8 -4 (KIP-405)   v9 -5 (KIP-1005)
//   v11 -6 (KIP-1023)
// Follows ReplicaManager.fetchOffset of Kafka 3.9. Without tiered storage -4 is -2, and -5 and -6 find nothing.
#include "broker/handlers/list_offsets.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "broker/background.h"
#include "broker/replication/replica_manager.h"
#include "broker/replication/wait.h"
#include "storage/log.h"

namespace broker {

using protocol::ApiVersion, protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::Offset, protocol::Result,
    protocol::TimestampMs;

namespace {

constexpr ApiVersion first_offset_not_available = 5, first_with_epochs = 4;
constexpr TimestampMs earliest = -2, max_timestamp = -3, earliest_local = -4, latest_tiered = -5,
                      earliest_pending_upload = -6;
constexpr BrokerId consumer_replica = -1, debugging_replica = -2;

bool is_supported(TimestampMs timestamp, ApiVersion version) {
  switch (timestamp) {
    case max_timestamp:
      return version >= 7;
    case earliest_local:
      return version >= 8;
    case latest_tiered:
      return version >= 9;
    case earliest_pending_upload:
      return version >= 11;
    default:
      return timestamp >= earliest;
  }
}

// Whether the answer is known without a look at the segments.
bool is_immediate(TimestampMs timestamp) { return timestamp < 0 && timestamp != max_timestamp; }

std::optional<IsolationLevel> isolation_of(const protocol::ListOffsetsRequest& request) {
  if (request.replica_id != consumer_replica) return std::nullopt;
  return request.isolation_level == 1 ? IsolationLevel::read_committed : IsolationLevel::read_uncommitted;
}

protocol::ListOffsetsResponse::ListOffsetsPartitionResponse to_answer(
    protocol::PartitionIndex index, const Result<std::optional<storage::TimestampAndOffset>>& found,
    ApiVersion version) {
  protocol::ListOffsetsResponse::ListOffsetsPartitionResponse answer{.partition_index = index};
  if (!found) {
    const bool too_old = version < first_offset_not_available && found.code() == ErrorCode::offset_not_available;
    answer.error_code = too_old ? ErrorCode::leader_not_available : found.code();
  } else if (*found) {
    answer.timestamp = (*found)->timestamp;
    answer.offset = (*found)->offset;
    if (version >= first_with_epochs) answer.leader_epoch = (*found)->epoch;
  }
  return answer;
}

// Partitions that a request names more than once.
std::set<std::pair<std::string_view, protocol::PartitionIndex>> duplicates_in(
    const protocol::ListOffsetsRequest& request) {
  std::set<std::pair<std::string_view, protocol::PartitionIndex>> seen;
  std::set<std::pair<std::string_view, protocol::PartitionIndex>> duplicates;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      const auto key = std::make_pair(topic.name.view(), partition.partition_index);
      if (!seen.insert(key).second) duplicates.insert(key);
    }
  }
  return duplicates;
}

// A consumer must not see beyond the high watermark: it takes the place of what lies above.
std::vector<Offset> bounded(std::vector<Offset> newest_first, Offset high_watermark) {
  const auto visible = std::ranges::find_if(newest_first, [=](Offset o) { return o <= high_watermark; });
  if (visible == newest_first.begin()) return newest_first;
  newest_first.erase(newest_first.begin(), visible);
  newest_first.insert(newest_first.begin(), high_watermark);
  return newest_first;
}

}  // namespace

awaitable<Result<ListOffsetsHandler::Found>> ListOffsetsHandler::find(std::string_view topic, const Wanted& wanted,
                                                                      const Request& request,
                                                                      ApiVersion version) const {
  if (!is_supported(wanted.timestamp, version)) co_return fail(ErrorCode::unsupported_version);
  auto partition = replicas_.find(topic, wanted.partition_index);
  if (!partition) co_return std::unexpected(partition.error());
  const std::optional<IsolationLevel> isolation = isolation_of(request);
  const bool only_leader = request.replica_id != debugging_replica;
  const auto search = [&] {
    return (*partition)->find_offset(wanted.timestamp, isolation, wanted.current_leader_epoch, only_leader);
  };
  if (is_immediate(wanted.timestamp) && (*partition)->is_open()) co_return search();
  Result<Found> found = co_await background_.run(search);
  co_return found;
}

awaitable<ListOffsetsHandler::Answer> ListOffsetsHandler::find_old_style(std::string_view topic, const Wanted& wanted,
                                                                         BrokerId replica) const {
  Answer answer{.partition_index = wanted.partition_index};
  if (wanted.timestamp < earliest) {
    answer.error_code = ErrorCode::unsupported_version;
    co_return answer;
  }
  const auto partition = replicas_.find(topic, wanted.partition_index);
  if (!partition) {
    answer.error_code = partition.code();
    co_return answer;
  }
  const auto search = [&]() -> Result<std::vector<Offset>> {
    const auto log = (*partition)->log_for(protocol::no_leader_epoch, replica != debugging_replica);
    if (!log) return std::unexpected(log.error());
    auto offsets = (*log)->legacy_offsets_before(wanted.timestamp, wanted.max_num_offsets, clock_.now_ms());
    if (replica != consumer_replica) return offsets;
    return bounded(std::move(offsets), (*log)->high_watermark());
  };
  auto found = co_await background_.run(search);
  answer.error_code = found.code();
  if (found) answer.old_style_offsets = std::move(*found);
  co_return answer;
}

// `request` views the frame, which dispatch keeps until the response is encoded.
awaitable<protocol::ListOffsetsResponse> ListOffsetsHandler::handle(RequestContext& context,
                                                                    const Request& request) const {
  const ApiVersion version = context.api_version();
  const auto duplicates = duplicates_in(request);
  Response response;
  response.topics.reserve(request.topics.size());
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    answers.partitions.reserve(topic.partitions.size());
    for (const Wanted& wanted : topic.partitions) {
      if (version == 0) {
        Answer answer = co_await find_old_style(topic.name, wanted, request.replica_id);
        answers.partitions.push_back(std::move(answer));
        continue;
      }
      Result<Found> found = fail(ErrorCode::invalid_request);
      const bool duplicate = !duplicates.empty() && duplicates.contains({topic.name.view(), wanted.partition_index});
      if (!duplicate) found = co_await find(topic.name, wanted, request, version);
      answers.partitions.push_back(to_answer(wanted.partition_index, found, version));
    }
  }
  co_return response;
}

}  // namespace broker
