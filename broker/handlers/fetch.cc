// Fetch (API key 1, v0-v18): long poll, sessions, limits per response and partition, file ranges for sendfile.
//   v3 response limit, first batch whole (KIP-74)     v4 isolation level (KIP-98)      v5 log start offset
//   v7 sessions (KIP-227)       v9 leader epochs (KIP-320)    v11 fetch from followers (KIP-392)
//   v12 divergence (KIP-595)    v13 topic ids (KIP-516)       v16 current leader (KIP-951)
// v0-v3 are down-converted to message sets (fetch_conversion.h). Follows KafkaApis.handleFetchRequest,
// ReplicaManager.fetchMessages and DelayedFetch of Kafka 3.9.
//
// Not done: a preferred read replica is never named (one broker has none to offer); the follower's high watermark of
// v18 is not used to wake it early; fetching from tiered storage.
#include "broker/handlers/fetch.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

#include "broker/background.h"
#include "broker/handlers/current_leader.h"
#include "broker/handlers/fetch_conversion.h"
#include "broker/metadata_cache.h"
#include "broker/replication/replica_manager.h"
#include "broker/replication/wait.h"
#include "storage/page_cache.h"

namespace broker {

using protocol::ApiVersion, protocol::BrokerId, protocol::ErrorCode;
using PartitionData = protocol::FetchResponse::PartitionData;

// What the request allows, resolved for its version.
struct FetchHandler::Limits {
  std::int64_t max_bytes = 0;
  std::int64_t min_bytes = 0;
  std::int64_t deadline_ms = 0;  // monotonic
  std::int64_t max_wait_ms = 0;
  bool hard_max_bytes = false;  // v0-v2: cut off even the first batch
  bool only_leader = true;
  bool read_committed = false;
  BrokerId follower = -1;
  storage::FetchIsolation isolation = storage::FetchIsolation::high_watermark;
  WatchedEnd watched = WatchedEnd::high_watermark;
};

// One target's partition and what the last pass read from it.
struct FetchHandler::Read {
  std::shared_ptr<Partition> partition;  // null: it can't be read, `error` says why
  ErrorCode error = ErrorCode::none;
  PartitionReadResult result;

  bool is_read() const { return partition != nullptr && error == ErrorCode::none; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(result.slice.records.size()); }
};

struct FetchHandler::Pass {
  bool may_block = false;   // it runs where waiting for the disk is allowed
  bool first_look = false;  // the request's own; later ones don't count as progress of a follower
};

namespace {

constexpr ApiVersion first_soft_limit = 3, last_without_storage_error = 5, first_from_followers = 11,
                     first_with_topic_ids = 13, first_with_replica_state = 15, first_with_leaders = 16;
constexpr BrokerId consumer_replica = -1;

BrokerId replica_of(const protocol::FetchRequest& request, ApiVersion version) {
  return version >= first_with_replica_state ? request.replica_state.replica_id : request.replica_id;
}

std::vector<FetchTarget> targets_of(const protocol::FetchRequest& request, bool by_id,
                                    const MetadataSnapshot& metadata) {
  std::vector<FetchTarget> targets;
  std::size_t count = 0;
  for (const auto& topic : request.topics) count += topic.partitions.size();
  targets.reserve(count);
  for (const auto& topic : request.topics) {
    const TopicMetadata* known = by_id ? metadata.topic(topic.topic_id) : nullptr;
    for (const auto& partition : topic.partitions) {
      FetchTarget& target = targets.emplace_back();
      if (!by_id) target.topic = topic.topic.view();
      if (known != nullptr) target.topic = known->name;
      target.topic_id = topic.topic_id;
      target.partition = partition.partition;
      target.max_bytes = partition.partition_max_bytes;
      target.fetch_offset = partition.fetch_offset;
      target.follower_log_start = partition.log_start_offset;
      target.current_leader_epoch = partition.current_leader_epoch;
      target.last_fetched_epoch = partition.last_fetched_epoch;
    }
  }
  return targets;
}

std::vector<FetchTarget> forgotten_of(const protocol::FetchRequest& request) {
  std::vector<FetchTarget> forgotten;
  for (const auto& topic : request.forgotten_topics_data) {
    for (const protocol::PartitionIndex partition : topic.partitions) {
      FetchTarget& target = forgotten.emplace_back();
      target.topic = topic.topic.view();
      target.topic_id = topic.topic_id;
      target.partition = partition;
    }
  }
  return forgotten;
}

// Clients before v6 don't know kafka_storage_error; this one makes them look for the leader again.
ErrorCode error_for(ErrorCode code, ApiVersion version) {
  if (code == ErrorCode::kafka_storage_error && version <= last_without_storage_error) {
    return ErrorCode::not_leader_or_follower;
  }
  return code;
}

PartitionData failed(protocol::PartitionIndex index, ErrorCode code) {
  PartitionData data;
  data.partition_index = index;
  data.error_code = code;
  data.high_watermark = -1;
  data.records.emplace();
  return data;
}

PartitionData succeeded(protocol::PartitionIndex index, PartitionReadResult& result, bool read_committed) {
  PartitionData data;
  data.partition_index = index;
  data.high_watermark = result.slice.high_watermark;
  data.last_stable_offset = result.slice.last_stable_offset;
  data.log_start_offset = result.slice.log_start_offset;
  data.records = std::move(result.slice.records);
  if (result.diverging_epoch) {
    data.diverging_epoch.epoch = result.diverging_epoch->epoch;
    data.diverging_epoch.end_offset = result.diverging_epoch->offset;
  }
  if (!read_committed) {
    data.aborted_transactions.reset();
    return data;
  }
  for (const storage::AbortedTransaction& aborted : result.slice.aborted_transactions) {
    auto& entry = data.aborted_transactions->emplace_back();
    entry.producer_id = aborted.producer_id;
    entry.first_offset = aborted.first_offset;
  }
  return data;
}

}  // namespace

FetchContext FetchHandler::begin(const RequestContext& context, const Request& request,
                                 const MetadataSnapshot& metadata) const {
  const bool by_id = context.api_version() >= first_with_topic_ids;
  const TopicNameResolver resolve = [&metadata](const protocol::Uuid& id) {
    const TopicMetadata* topic = metadata.topic(id);
    return topic == nullptr ? std::string() : topic->name;
  };
  return sessions_.begin({.session_id = request.session_id,
                          .session_epoch = request.session_epoch,
                          .uses_topic_ids = by_id,
                          .from_follower = replica_of(request, context.api_version()) > consumer_replica,
                          .targets = targets_of(request, by_id, metadata),
                          .forgotten = forgotten_of(request)},
                         resolve, clock_.monotonic_ms());
}

FetchHandler::Limits FetchHandler::limits_of(const RequestContext& context, const Request& request) const {
  const ApiVersion version = context.api_version();
  const BrokerId replica = replica_of(request, version);
  Limits limits;
  limits.max_bytes = std::min(request.max_bytes, max_bytes_);
  limits.min_bytes = std::min<std::int64_t>(request.min_bytes, limits.max_bytes);
  limits.max_wait_ms = request.max_wait_ms;
  limits.deadline_ms = clock_.monotonic_ms() + request.max_wait_ms;
  limits.hard_max_bytes = version < first_soft_limit;
  limits.only_leader = replica > consumer_replica || (replica == consumer_replica && version < first_from_followers);
  if (replica > consumer_replica) {
    limits.follower = replica;
    limits.isolation = storage::FetchIsolation::log_end;
    limits.watched = WatchedEnd::log_end;
  } else if (request.isolation_level == static_cast<std::int8_t>(IsolationLevel::read_committed)) {
    limits.read_committed = true;
    limits.isolation = storage::FetchIsolation::txn_committed;
    limits.watched = WatchedEnd::last_stable;
  }
  return limits;
}

std::vector<FetchHandler::Read> FetchHandler::find_partitions(const FetchContext& fetch) const {
  std::vector<Read> reads(fetch.targets().size());
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const FetchTarget& target = fetch.targets()[i];
    if (target.topic.empty() && !target.topic_id.is_zero()) {
      reads[i].error = ErrorCode::unknown_topic_id;
      continue;
    }
    auto found = replicas_.find(target.topic, target.partition);
    if (!found) {
      reads[i].error = found.code();
      continue;
    }
    const auto topic_id = (*found)->topic_id();
    if (!target.topic_id.is_zero() && topic_id && *topic_id != target.topic_id) {
      reads[i].error = ErrorCode::inconsistent_topic_id;
      continue;
    }
    reads[i].partition = std::move(*found);
  }
  return reads;
}

void FetchHandler::read_one(const FetchTarget& target, const Limits& limits, const Pass& pass, std::int64_t bytes_left,
                            bool min_one_message, Read& read) const {
  auto result = read.partition->read(
      {.fetch_offset = target.fetch_offset,
       .max_bytes = static_cast<std::int32_t>(std::clamp<std::int64_t>(
           std::min<std::int64_t>(target.max_bytes, bytes_left), 0, std::numeric_limits<std::int32_t>::max())),
       .current_leader_epoch = target.current_leader_epoch,
       .last_fetched_epoch = target.last_fetched_epoch,
       .isolation = limits.isolation,
       .min_one_message = min_one_message,
       .only_leader = limits.only_leader,
       .cached_only = !pass.may_block,
       .follower = limits.follower,
       .follower_log_start = target.follower_log_start,
       .records_progress = pass.first_look});
  if (pass.first_look) read.partition->count(&TopicMetrics::total_fetch_requests);
  if (!result) {
    // Errors that clients can mend aren't failures of the broker, here as in Kafka.
    if (result.code() == ErrorCode::unknown_server_error) read.partition->count(&TopicMetrics::failed_fetch_requests);
    read.error = result.code();
    read.result = {};
    return;
  }
  read.result = std::move(*result);
  if (!limits.hard_max_bytes && read.result.slice.first_entry_incomplete) read.result.slice.records = {};
}

bool FetchHandler::read_pass(const FetchContext& fetch, const Limits& limits, const Pass& pass,
                             std::vector<Read>& reads) const {
  std::int64_t bytes_left = limits.max_bytes;
  bool min_one_message = !limits.hard_max_bytes;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    Read& read = reads[i];
    if (read.partition == nullptr) continue;
    read.error = ErrorCode::none;
    if (!pass.may_block && !read.partition->is_open()) return false;
    read_one(fetch.targets()[i], limits, pass, bytes_left, min_one_message, read);
    if (read.result.slice.needs_disk) return false;
    if (pass.may_block) storage::warm(read.result.slice.records);
    // Once there is something to return, the limits hold for the rest.
    if (read.bytes() > 0) min_one_message = false;
    bytes_left = std::max<std::int64_t>(0, bytes_left - read.bytes());
  }
  return true;
}

awaitable<void> FetchHandler::read_all(const FetchContext& fetch, const Limits& limits, bool first_look,
                                       std::vector<Read>& reads) const {
  if (read_pass(fetch, limits, {.may_block = false, .first_look = first_look}, reads)) co_return;
  const auto read_blocking = [&] { read_pass(fetch, limits, {.may_block = true, .first_look = first_look}, reads); };
  co_await background_.run(read_blocking);
}

namespace {

// Whether the response must go out now, whatever min.bytes says: a partition failed or a follower must truncate.
template <typename Reads>
bool is_urgent(const Reads& reads) {
  return std::ranges::any_of(reads, [](const auto& read) {
    return read.partition != nullptr && (read.error != ErrorCode::none || read.result.diverging_epoch);
  });
}

template <typename Reads>
std::int64_t bytes_of(const Reads& reads) {
  std::int64_t bytes = 0;
  for (const auto& read : reads) bytes += read.bytes();
  return bytes;
}

// An answer about a partition that this broker doesn't have is no reason to hurry, unless there is nothing else; one
// about a partition that it should have is.
template <typename Reads>
bool can_wait(const Reads& reads) {
  bool any = false;
  for (const auto& read : reads) {
    if (read.partition != nullptr) {
      any = true;
    } else if (read.error != ErrorCode::unknown_topic_or_partition && read.error != ErrorCode::unknown_topic_id) {
      return false;
    }
  }
  return any;
}

}  // namespace

awaitable<void> FetchHandler::wait_for_bytes(RequestContext& context, const FetchContext& fetch, const Limits& limits,
                                             std::vector<Read>& reads) const {
  Waiter waiter(context);
  NotifyWaiter target(waiter.handle());
  while (true) {
    const std::int64_t missing = limits.min_bytes - bytes_of(reads);
    if (missing <= 0 || is_urgent(reads)) co_return;
    Wake wake = Wake::notified;
    {
      ByteGoal goal(target, missing);
      std::deque<FetchWaiter> hooks;
      waiter.rearm();
      bool all_watched = true;
      for (std::size_t i = 0; i < reads.size(); ++i) {
        if (reads[i].partition == nullptr) continue;
        FetchWaiter& hook =
            hooks.emplace_back(goal, limits.watched, reads[i].result.ends, fetch.targets()[i].max_bytes);
        all_watched = reads[i].partition->watch(hook) && all_watched;
      }
      if (all_watched) wake = co_await waiter.wait_for(limits.deadline_ms - clock_.monotonic_ms());
    }
    if (wake == Wake::cancelled) co_return;
    co_await read_all(fetch, limits, false, reads);
    if (wake == Wake::deadline) co_return;
  }
}

protocol::FetchResponse FetchHandler::assemble(const RequestContext& context, FetchContext& fetch, const Limits& limits,
                                               std::vector<Read>& reads) const {
  std::vector<FetchAnswerSummary> summaries(reads.size());
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const Read& read = reads[i];
    if (!read.is_read()) {
      summaries[i].must_include = summaries[i].is_error = true;
      continue;
    }
    summaries[i] = {.high_watermark = read.result.slice.high_watermark,
                    .log_start = read.result.slice.log_start_offset,
                    .has_records = read.bytes() > 0,
                    .must_include = read.result.diverging_epoch.has_value()};
  }
  const FetchContext::Outcome outcome = fetch.finish(summaries, clock_.monotonic_ms());
  const ApiVersion version = context.api_version();
  const bool by_id = version >= first_with_topic_ids;
  Response response;
  response.error_code = outcome.error;
  response.session_id = outcome.session_id;
  if (outcome.error != ErrorCode::none) return response;
  const FetchTarget* last = nullptr;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (!outcome.includes(i)) continue;
    const FetchTarget& target = fetch.targets()[i];
    const bool same_topic =
        last != nullptr && (by_id ? last->topic_id == target.topic_id : last->topic == target.topic);
    last = &target;
    if (!same_topic) {
      auto& topic = response.responses.emplace_back();
      topic.topic_id = target.topic_id;
      if (!by_id) topic.topic = target.topic;
    }
    auto& partitions = response.responses.back().partitions;
    if (reads[i].is_read()) {
      reads[i].partition->count(limits.follower >= 0 ? &TopicMetrics::replication_bytes_out : &TopicMetrics::bytes_out,
                                reads[i].bytes());
      partitions.push_back(succeeded(target.partition, reads[i].result, limits.read_committed));
    } else {
      partitions.push_back(failed(target.partition, error_for(reads[i].error, version)));
    }
  }
  return response;
}

void FetchHandler::add_leaders(const RequestContext& context, const MetadataSnapshot& metadata,
                               Response& response) const {
  for (auto& topic : response.responses) {
    for (PartitionData& partition : topic.partitions) {
      if (partition.error_code != ErrorCode::not_leader_or_follower &&
          partition.error_code != ErrorCode::fenced_leader_epoch) {
        continue;
      }
      const TopicMetadata* known = metadata.topic(topic.topic_id);
      if (known == nullptr) continue;
      const LeaderHint hint = current_leader(metadata, known->name, partition.partition_index);
      partition.current_leader.leader_id = hint.leader;
      partition.current_leader.leader_epoch = hint.epoch;
      add_endpoint(response.node_endpoints, metadata, hint.leader, context.listener_name());
    }
  }
}

awaitable<void> FetchHandler::down_convert(const RequestContext& context, const FetchContext& fetch,
                                           Response& response) const {
  const FetchConversion conversion(context.api_version());
  std::size_t next_target = 0;
  for (auto& topic : response.responses) {
    for (PartitionData& partition : topic.partitions) {
      const FetchTarget& target = fetch.targets()[next_target++];  // without a session every target is answered
      if (partition.error_code != ErrorCode::none) continue;
      const auto hosted = replicas_.find(target.topic, target.partition);
      const auto log = hosted ? (*hosted)->open_log() : nullptr;
      const auto convert = [&] { conversion.apply(log.get(), target.fetch_offset, partition); };
      if (conversion.needs_work(partition)) {
        co_await background_.run(convert);
      } else {
        convert();
      }
    }
  }
}

awaitable<protocol::FetchResponse> FetchHandler::handle(RequestContext& context, const Request& request) const {
  const ApiVersion version = context.api_version();
  const MetadataCache::Snapshot metadata = metadata_.snapshot();
  FetchContext fetch = begin(context, request, *metadata);
  if (fetch.error() != ErrorCode::none) {
    Response refused;
    refused.error_code = fetch.error();
    co_return refused;
  }
  const Limits limits = limits_of(context, request);
  std::vector<Read> reads = find_partitions(fetch);
  co_await read_all(fetch, limits, true, reads);
  if (limits.max_wait_ms > 0 && can_wait(reads) && !is_urgent(reads) && bytes_of(reads) < limits.min_bytes) {
    // A session's requests stay in order: the next one would find a session that is not up to date.
    if (request.session_id == no_fetch_session) context.ordered_part_done();
    co_await wait_for_bytes(context, fetch, limits, reads);
  }
  Response response = assemble(context, fetch, limits, reads);
  if (version >= first_with_leaders) add_leaders(context, *metadata_.snapshot(), response);
  if (FetchConversion::concerns(version)) co_await down_convert(context, fetch, response);
  co_return response;
}

}  // namespace broker
