// Produce (API key 0, v0-v13): acks 0, 1 and all.
//   v3 transactional id, batches of magic 2 only   v5 log start offset      v7 zstd (KIP-110)
//   v8 record errors (KIP-467)                     v10 current leader (KIP-951)   v13 topic ids (KIP-516)
// Follows KafkaApis.handleProduceRequest and ReplicaManager.appendRecords of Kafka 3.9, v13 as in 4.x.
//
// Transactions don't exist yet: batches of a transaction are answered as by a broker that can't reach the transaction
// coordinator (not_enough_replicas, which producers retry). A transactional producer doesn't get that far, because
// InitProducerId already answers coordinator_not_available.
#include "broker/handlers/produce.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "broker/background.h"
#include "broker/handlers/current_leader.h"
#include "broker/handlers/produce_request.h"
#include "broker/metadata_cache.h"
#include "broker/replication/replica_manager.h"

namespace broker {

using protocol::ApiVersion, protocol::Bytes, protocol::Error, protocol::ErrorCode, protocol::Result;

// What isn't done yet for a partition, and where its answer stands in the response.
struct ProduceHandler::Unfinished {
  Step step;
  std::size_t topic = 0;
  std::size_t index = 0;
  std::string_view topic_name;  // the request's, or the metadata's for a topic id
  const Request::PartitionProduceData* data = nullptr;
};

namespace {

constexpr ApiVersion first_with_leaders = 10, first_with_topic_ids = 13;
constexpr std::int16_t acks_none = 0, acks_leader = 1, acks_all = -1;
// Kafka's own tools may write to internal topics under this client id.
constexpr std::string_view admin_client_id = "__admin_client";

bool is_valid_acks(std::int16_t acks) { return acks == acks_none || acks == acks_leader || acks == acks_all; }

protocol::ProduceResponse::PartitionProduceResponse refused(std::int32_t index, ErrorCode code) {
  return {.index = index, .error_code = code, .base_offset = -1};
}

bool is_unknown(ErrorCode code) {
  return code == ErrorCode::unknown_topic_or_partition || code == ErrorCode::unknown_topic_id;
}

// Kafka reports the log start offset with errors that a batch caused by its contents, and -1 with the others.
bool reports_log_start(ErrorCode code) {
  switch (code) {
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::not_leader_or_follower:
    case ErrorCode::message_too_large:
    case ErrorCode::record_list_too_large:
    case ErrorCode::corrupt_message:
    case ErrorCode::kafka_storage_error:
      return false;
    default:
      return true;
  }
}

protocol::ProduceResponse::PartitionProduceResponse failed(std::int32_t index, const Error& error, Partition& partition,
                                                           std::vector<storage::RecordError> record_errors) {
  auto answer = refused(index, error.code);
  if (reports_log_start(error.code)) {
    if (const auto log_start = partition.low_watermark()) answer.log_start_offset = *log_start;
  }
  if (record_errors.empty()) return answer;
  answer.error_message = error.text();
  for (storage::RecordError& record_error : record_errors) {
    auto& entry = answer.record_errors.emplace_back();
    entry.batch_index = record_error.batch_index;
    entry.batch_index_error_message = std::move(record_error.message);
  }
  return answer;
}

bool any_error(const protocol::ProduceResponse& response) {
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      if (partition.error_code != ErrorCode::none) return true;
    }
  }
  return false;
}

// The whole request is refused for one reason.
protocol::ProduceResponse refuse_all(const protocol::ProduceRequest& request, const Error& error) {
  protocol::ProduceResponse response;
  for (const auto& topic : request.topic_data) {
    if (topic.partition_data.empty()) continue;
    auto& answers = response.responses.emplace_back();
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    for (const auto& partition : topic.partition_data) {
      auto& answer = answers.partition_responses.emplace_back(refused(partition.index, error.code));
      if (!error.message.empty()) answer.error_message = protocol::String(error.message);
    }
  }
  return response;
}

}  // namespace

ProduceHandler::PartitionAnswer ProduceHandler::append(const RequestContext& context, const Request& request,
                                                       std::string_view topic,
                                                       const Request::PartitionProduceData& data, Step& step) const {
  const Bytes records = bytes_of(data);
  auto partition = replicas_.find(topic, data.index);
  if (!partition && partition.code() == ErrorCode::unknown_topic_or_partition) {
    return refused(data.index, partition.code());
  }
  if (const auto sound = check_format(records, context.api_version()); !sound) return refused(data.index, sound.code());
  if (!is_valid_acks(request.acks)) return refused(data.index, ErrorCode::invalid_required_acks);
  if (is_internal_topic(topic) && context.client_id() != admin_client_id) {
    return refused(data.index, ErrorCode::invalid_topic_exception);
  }
  if (request.transactional_id && is_transactional(records)) {
    auto answer = refused(data.index, ErrorCode::not_enough_replicas);
    answer.error_message =
        "Unable to verify the partition has been added to the transaction. Underlying error: "
        "COORDINATOR_NOT_AVAILABLE";
    return answer;
  }
  if (!partition) return refused(data.index, partition.code());
  if (!(*partition)->is_open()) {
    step.to_open = std::move(*partition);
    return {};
  }

  (*partition)->count(&TopicMetrics::total_produce_requests);
  std::vector<storage::RecordError> record_errors;
  const auto appended =
      (*partition)->append_as_leader(records, request.acks, storage::no_verification_guard, &record_errors);
  if (!appended) {
    if (reports_log_start(appended.code())) (*partition)->count(&TopicMetrics::failed_produce_requests);
    return failed(data.index, appended.error(), **partition, std::move(record_errors));
  }
  step.flush = appended->info.flush_due;
  step.replicate = request.acks == acks_all && !appended->replicated;
  if (step.flush || step.replicate) {
    step.unfinished = std::move(*partition);
    step.append = {.required = appended->info.last_offset + 1,
                   .leader_epoch = appended->leader_epoch,
                   .deadline_ms = clock_.monotonic_ms() + request.timeout_ms};
  }
  return {.index = data.index,
          .base_offset = appended->info.first_offset,
          .log_append_time_ms = appended->info.log_append_time,
          .log_start_offset = appended->info.log_start_offset};
}

// After the appends: what an acknowledgement stands for. The requests behind this one go on meanwhile.
awaitable<void> ProduceHandler::finish(RequestContext& context, std::vector<Unfinished>& pending,
                                       Response& response) const {
  context.ordered_part_done();
  for (const Unfinished& unfinished : pending) {
    const Step& step = unfinished.step;
    ErrorCode outcome = ErrorCode::none;
    if (step.flush) {
      const auto flush = [&step] { return step.unfinished->flush(); };
      const Result<void> flushed = co_await background_.run(flush);
      outcome = flushed.code();
    }
    if (step.replicate && outcome == ErrorCode::none) {
      outcome = co_await wait_for_replication(step.unfinished, step.append, clock_, context.executor(),
                                              context.cancel_list());
    }
    response.responses[unfinished.topic].partition_responses[unfinished.index].error_code = outcome;
  }
}

void ProduceHandler::add_leaders(const RequestContext& context, Response& response) const {
  const bool by_id = context.api_version() >= first_with_topic_ids;
  const MetadataCache::Snapshot metadata = metadata_.snapshot();
  for (auto& topic : response.responses) {
    const TopicMetadata* known = by_id ? metadata->topic(topic.topic_id) : metadata->topic(topic.name.view());
    for (auto& partition : topic.partition_responses) {
      if (partition.error_code != ErrorCode::not_leader_or_follower || known == nullptr) continue;
      const LeaderHint hint = current_leader(*metadata, known->name, partition.index);
      partition.current_leader.leader_id = hint.leader;
      partition.current_leader.leader_epoch = hint.epoch;
      add_endpoint(response.node_endpoints, *metadata, hint.leader, context.listener_name());
    }
  }
}

// The client gets no answer, so a failure is shown by closing the connection.
void ProduceHandler::finish_without_answer(RequestContext& context, const Response& response) const {
  if (!any_error(response)) return context.suppress_response();
  spdlog::info("Connection of {} closed: a produce request with acks=0 failed, and this is how its client learns it",
               context.client_address());
  context.close_connection();
}

// Appends what there is, partition by partition. `pending` gets those whose log is to be opened first, and those that
// can't be acknowledged yet.
protocol::ProduceResponse ProduceHandler::append_all(const RequestContext& context, const Request& request,
                                                     const MetadataSnapshot* ids,
                                                     std::vector<Unfinished>& pending) const {
  Response response;
  response.responses.reserve(request.topic_data.size());
  for (const TopicProduceData& topic : request.topic_data) {
    if (topic.partition_data.empty()) continue;
    auto& answers = response.responses.emplace_back();
    answers.name = topic.name;
    answers.topic_id = topic.topic_id;
    answers.partition_responses.reserve(topic.partition_data.size());
    const TopicMetadata* known = ids != nullptr ? ids->topic(topic.topic_id) : nullptr;
    for (const auto& data : topic.partition_data) {
      if (ids != nullptr && known == nullptr) {
        answers.partition_responses.push_back(refused(data.index, ErrorCode::unknown_topic_id));
        continue;
      }
      Unfinished entry{.topic = response.responses.size() - 1,
                       .index = answers.partition_responses.size(),
                       .topic_name = ids != nullptr ? std::string_view(known->name) : topic.name.view(),
                       .data = &data};
      answers.partition_responses.push_back(append(context, request, entry.topic_name, data, entry.step));
      if (entry.step.to_open != nullptr || entry.step.unfinished != nullptr) pending.push_back(std::move(entry));
    }
  }
  return response;
}

// A log is opened when somebody asks for it the first time.
awaitable<void> ProduceHandler::open_and_append(const RequestContext& context, const Request& request,
                                                std::vector<Unfinished>& pending, Response& response) const {
  for (Unfinished& entry : pending) {
    PartitionAnswer& answer = response.responses[entry.topic].partition_responses[entry.index];
    while (entry.step.to_open != nullptr) {
      const Result<void> opened = co_await open_on_background(std::move(entry.step.to_open), background_);
      answer = opened ? append(context, request, entry.topic_name, *entry.data, entry.step)
                      : refused(entry.data->index, opened.code());
    }
  }
  std::erase_if(pending, [](const Unfinished& entry) { return entry.step.unfinished == nullptr; });
}

// `sent` views the frame, which dispatch keeps until the response is encoded.
awaitable<protocol::ProduceResponse> ProduceHandler::handle(RequestContext& context, const Request& sent) const {
  const std::optional<MergedRequest> merged = merge_repeated(sent, context.api_version());
  const Request& request = merged ? merged->request : sent;
  if (const auto checked = check_request(sent, request, context.api_version(), replicas_); !checked) {
    Response response = refuse_all(request, checked.error());
    if (request.acks == acks_none) finish_without_answer(context, response);
    co_return response;
  }
  const MetadataCache::Snapshot ids =
      context.api_version() >= first_with_topic_ids ? metadata_.snapshot() : MetadataCache::Snapshot();
  std::vector<Unfinished> pending;
  Response response = append_all(context, request, ids.get(), pending);
  if (std::ranges::any_of(pending, [](const Unfinished& entry) { return entry.step.to_open != nullptr; })) {
    co_await open_and_append(context, request, pending, response);
  }
  // Before the wait: what comes next on this connection may have to wait for it.
  if (RequestQuotas* quotas = context.quotas()) quotas->charge_produce(context.request_bytes());
  if (!pending.empty()) co_await finish(context, pending, response);
  if (merged) {
    for (const auto& [topic, partition, code] : merged->refused) {
      PartitionAnswer& answer = response.responses[topic].partition_responses[partition];
      if (!is_unknown(answer.error_code)) answer = refused(answer.index, code);
    }
  }
  if (request.acks == acks_none) {
    finish_without_answer(context, response);
  } else if (context.api_version() >= first_with_leaders && any_error(response)) {
    add_leaders(context, response);
  }
  co_return response;
}

}  // namespace broker
