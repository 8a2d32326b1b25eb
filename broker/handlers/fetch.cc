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
#include "broker/handlers/fetch_translation.h"
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
  bool is_looked_at = false;  // later looks don't count as progress of a follower

  bool is_read() const { return partition != nullptr && error == ErrorCode::none; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(result.slice.records.size()); }
};

namespace {

constexpr ApiVersion first_soft_limit = 3, last_with_message_sets = 3, first_from_followers = 11,
                     first_with_epochs = 12, first_with_topic_ids = 13, first_with_replica_state = 15,
                     first_with_leaders = 16;
constexpr BrokerId consumer_replica = -1;

// What an answer has beside records, for quotas: about as much in all versions.
constexpr std::size_t answer_overhead = 19, topic_overhead = 18, partition_overhead = 44;

BrokerId replica_of(const protocol::FetchRequest& request, ApiVersion version) {
  return version >= first_with_replica_state ? request.replica_state.replica_id : request.replica_id;
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
  if (RequestQuotas* quotas = context.quotas()) {
    if (replica > consumer_replica) quotas->exempt();
    limits.max_bytes = std::min(limits.max_bytes, quotas->fetch_max_bytes());
  }
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

std::vector<FetchHandler::Read> FetchHandler::find_partitions(const FetchContext& fetch, bool by_id) const {
  std::vector<Read> reads(fetch.targets().size());
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const FetchTarget& target = fetch.targets()[i];
    if (by_id && target.topic.empty()) {
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
    reads[i].partition->count(&TopicMetrics::total_fetch_requests);
  }
  return reads;
}

void FetchHandler::read_one(const FetchTarget& target, const Limits& limits, bool may_block, std::int64_t bytes_left,
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
       .cached_only = !may_block,
       .follower = limits.follower,
       .follower_log_start = target.follower_log_start,
       .records_progress = !std::exchange(read.is_looked_at, true)});
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

bool FetchHandler::read_pass(const FetchContext& fetch, const Limits& limits, bool may_block,
                             std::vector<Read>& reads) const {
  std::int64_t bytes_left = limits.max_bytes;
  bool min_one_message = !limits.hard_max_bytes;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    Read& read = reads[i];
    if (read.partition == nullptr) continue;
    read.error = ErrorCode::none;
    if (!may_block && !read.partition->is_open()) return false;
    read_one(fetch.targets()[i], limits, may_block, bytes_left, min_one_message, read);
    if (read.result.slice.needs_disk) return false;
    if (may_block) storage::warm(read.result.slice.records);
    // Once there is something to return, the limits hold for the rest.
    if (read.bytes() > 0) min_one_message = false;
    bytes_left = std::max<std::int64_t>(0, bytes_left - read.bytes());
  }
  return true;
}

awaitable<void> FetchHandler::read_all(const FetchContext& fetch, const Limits& limits,
                                       std::vector<Read>& reads) const {
  if (read_pass(fetch, limits, false, reads)) co_return;
  const auto read_blocking = [&] { read_pass(fetch, limits, true, reads); };
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
    co_await read_all(fetch, limits, reads);
    if (wake == Wake::deadline) co_return;
  }
}

bool FetchHandler::is_throttled(const RequestContext& context, const FetchContext& fetch,
                                const std::vector<Read>& reads) {
  RequestQuotas* quotas = context.quotas();
  if (quotas == nullptr) return false;
  std::size_t size = answer_overhead;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const bool is_new = !reads[i].is_read() || reads[i].bytes() > 0;
    if (!is_new && fetch.is_incremental()) continue;
    const bool same_topic = i > 0 && fetch.targets()[i].topic == fetch.targets()[i - 1].topic;
    size += partition_overhead + (same_topic ? 0 : topic_overhead) + static_cast<std::size_t>(reads[i].bytes());
  }
  return quotas->charge_fetch(size);
}

FetchHandler::Answer FetchHandler::assemble(const RequestContext& context, FetchContext& fetch, const Limits& limits,
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
  Answer answer;
  Response& response = answer.response;
  response.error_code = outcome.error;
  response.session_id = outcome.session_id;
  if (outcome.error != ErrorCode::none) return answer;
  const FetchTarget* last = nullptr;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (!outcome.includes(i)) continue;
    const FetchTarget& target = fetch.targets()[i];
    const bool same_topic =
        last != nullptr && (by_id ? last->topic_id == target.topic_id : last->topic == target.topic);
    last = &target;
    answer.targets.push_back(&target);
    if (!same_topic) {
      auto& topic = response.responses.emplace_back();
      topic.topic_id = target.topic_id;
      if (!by_id) topic.topic = target.topic;
    }
    auto& partitions = response.responses.back().partitions;
    if (reads[i].is_read()) {
      reads[i].partition->count(limits.follower >= 0 ? &TopicMetrics::replication_bytes_out : &TopicMetrics::bytes_out,
                                reads[i].bytes());
      partitions.push_back(fetched_partition(target.partition, reads[i].result, limits.read_committed));
    } else {
      partitions.push_back(failed_partition(target.partition, reads[i].error, version));
    }
  }
  return answer;
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

awaitable<void> FetchHandler::down_convert(const RequestContext& context, const Limits& limits, Answer& answer) const {
  const FetchConversion conversion(context.api_version(), limits.follower >= 0);
  auto next_target = answer.targets.begin();
  for (auto& topic : answer.response.responses) {
    for (PartitionData& partition : topic.partitions) {
      const FetchTarget& target = **next_target++;
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
  std::vector<Read> reads = find_partitions(fetch, version >= first_with_topic_ids);
  co_await read_all(fetch, limits, reads);
  if (limits.max_wait_ms > 0 && can_wait(reads) && !is_urgent(reads) && bytes_of(reads) < limits.min_bytes) {
    // A session's requests stay in order: the next one would find a session that is not up to date. Converted answers
    // are made in memory, so a connection gets one at a time.
    if (request.session_id == no_fetch_session && version > last_with_message_sets) context.ordered_part_done();
    co_await wait_for_bytes(context, fetch, limits, reads);
  }
  if (is_throttled(context, fetch, reads)) {
    const FetchContext::Outcome outcome = fetch.finish_throttled();
    Response empty;
    empty.error_code = outcome.error;
    empty.session_id = outcome.session_id;
    co_return empty;
  }
  Answer answer = assemble(context, fetch, limits, reads);
  // Only a session that newer requests have begun knows the epochs which a log may diverge from.
  const auto diverges = [](const Read& read) { return read.result.diverging_epoch.has_value(); };
  if (version < first_with_epochs && std::ranges::any_of(reads, diverges)) {
    co_return refused_whole(request, ErrorCode::unsupported_version);
  }
  if (version >= first_with_leaders) add_leaders(context, *metadata_.snapshot(), answer.response);
  if (FetchConversion::concerns(version)) co_await down_convert(context, limits, answer);
  co_return std::move(answer.response);
}

}  // namespace broker
