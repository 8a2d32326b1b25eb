// DeleteRecords (API key 21, v0-v2; KIP-107). Follows ReplicaManager.deleteRecords and DelayedDeleteRecords of
// Kafka 3.9: the answer comes when every live replica has raised its log start, or at the request's timeout.
#include "broker/handlers/delete_records.h"

#include <memory>
#include <utility>
#include <vector>

#include "broker/background.h"
#include "broker/metadata_cache.h"
#include "broker/replication/replica_manager.h"
#include "broker/replication/wait.h"

namespace broker {

using protocol::ErrorCode, protocol::fail, protocol::Offset, protocol::Result;

// A partition whose followers haven't raised their log start yet, and where its answer stands in the response.
struct DeleteRecordsHandler::Unfinished {
  std::shared_ptr<Partition> partition;
  std::size_t topic = 0;
  std::size_t index = 0;
  Offset wanted = 0;
};

namespace {

Result<std::shared_ptr<Partition>> deletable(const ReplicaManager& replicas, std::string_view topic,
                                             protocol::PartitionIndex partition) {
  auto found = replicas.find(topic, partition);
  if (!found && found.code() == ErrorCode::unknown_topic_or_partition) return found;
  if (is_internal_topic(topic)) return fail(ErrorCode::invalid_topic_exception);
  return found;
}

}  // namespace

awaitable<void> DeleteRecordsHandler::await_replicas(RequestContext& context, std::int64_t deadline_ms,
                                                     std::vector<Unfinished>& waiting, Response& response) const {
  Waiter waiter(context);
  NotifyWaiter target(waiter.handle());
  for (Unfinished& unfinished : waiting) {
    auto& answer = response.topics[unfinished.topic].partitions[unfinished.index];
    bool timed_out = false;
    while (true) {
      OffsetWaiter hook(target, WatchedEnd::low_watermark, unfinished.wanted);
      waiter.rearm();
      const bool watching = unfinished.partition->watch(hook);
      const auto low = unfinished.partition->low_watermark();
      answer.low_watermark = low.value_or(-1);
      answer.error_code = low.code();
      if (!low || *low >= unfinished.wanted) break;
      answer.error_code = ErrorCode::request_timed_out;
      if (timed_out) break;
      if (!watching) continue;
      const Wake wake = co_await waiter.wait_for(deadline_ms - clock_.monotonic_ms());
      if (wake == Wake::cancelled) co_return;
      timed_out = wake == Wake::deadline;
    }
  }
}

awaitable<protocol::DeleteRecordsResponse> DeleteRecordsHandler::handle(RequestContext& context,
                                                                        const Request& request) const {
  const std::int64_t deadline_ms = clock_.monotonic_ms() + request.timeout_ms;
  std::vector<Unfinished> waiting;
  Response response;
  response.topics.reserve(request.topics.size());
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& wanted : topic.partitions) {
      const auto partition = deletable(replicas_, topic.name, wanted.partition_index);
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      answer.low_watermark = -1;
      answer.error_code = partition.code();
      if (!partition) continue;
      const auto delete_records = [&] { return (*partition)->delete_records_before(wanted.offset); };
      const auto deleted = co_await background_.run(delete_records);
      answer.error_code = deleted.code();
      if (!deleted) continue;
      answer.low_watermark = deleted->low_watermark;
      if (deleted->low_watermark >= deleted->wanted) continue;
      waiting.push_back({.partition = *partition,
                         .topic = response.topics.size() - 1,
                         .index = answers.partitions.size() - 1,
                         .wanted = deleted->wanted});
    }
  }
  if (!waiting.empty()) {
    context.ordered_part_done();
    co_await await_replicas(context, deadline_ms, waiting, response);
  }
  co_return response;
}

}  // namespace broker
