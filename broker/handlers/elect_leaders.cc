// ElectLeaders (API key 43, v0-v2; KIP-183, KIP-460).
//   v1 election type, error code   v2 flexible
// Follows KafkaApis.handleElectLeaders and DelayedElectLeader.
#include "broker/handlers/elect_leaders.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "broker/answer.h"
#include "broker/metadata_cache.h"
#include "broker/waiter.h"

namespace broker {

using coordination::cluster::ElectionResults;
using coordination::cluster::ElectionType;
using protocol::ElectLeadersRequest;
using protocol::ElectLeadersResponse;
using protocol::ErrorCode;
using protocol::fail;

namespace {

std::set<TopicPartition> wanted_by(const ElectLeadersRequest& request, const MetadataSnapshot& metadata) {
  std::set<TopicPartition> partitions;
  if (!request.topic_partitions) {
    metadata.for_each_topic([&](const TopicMetadata& topic) {
      for (const PartitionMetadata& partition : topic.partitions) partitions.insert({topic.name, partition.index});
    });
    return partitions;
  }
  for (const auto& topic : *request.topic_partitions) {
    for (const protocol::PartitionIndex index : topic.partitions) partitions.insert({topic.topic.str(), index});
  }
  return partitions;
}

ElectionResults all_failed(const std::set<TopicPartition>& partitions, ErrorCode code) {
  ElectionResults results;
  for (const TopicPartition& tp : partitions) results.emplace(tp, fail(code));
  return results;
}

bool knows_leaders(const MetadataSnapshot& metadata, const std::map<TopicPartition, BrokerId>& elected) {
  return std::ranges::all_of(elected, [&](const auto& entry) {
    const PartitionMetadata* known = metadata.partition(entry.first.topic, entry.first.partition);
    return known && known->leader == entry.second;
  });
}

// Of errors that the controller's checks found Kafka always has a sentence, of the others none.
std::optional<protocol::String> message_of(const protocol::Error& error) {
  const bool bare = error.code == ErrorCode::not_controller || error.code == ErrorCode::request_timed_out ||
                    error.code == ErrorCode::unknown_server_error;
  return bare ? std::nullopt : std::optional(protocol::String(error.text()));
}

void fill(ElectLeadersResponse& response, const ElectionResults& results, bool all_partitions) {
  for (const auto& [tp, result] : results) {
    // Who asks for all wants to hear only of those where something was to be done.
    if (all_partitions && result.code() == ErrorCode::election_not_needed) continue;
    auto& topics = response.replica_election_results;
    if (topics.empty() || topics.back().topic.view() != tp.topic)
      topics.emplace_back().topic = protocol::String(tp.topic);
    auto& answer = topics.back().partition_result.emplace_back();
    answer.partition_id = tp.partition;
    answer.error_code = result.code();
    answer.error_message = result ? std::nullopt : message_of(result.error());
  }
}

}  // namespace

awaitable<ElectLeadersResponse> ElectLeadersHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  const auto type = static_cast<ElectionType>(request.election_type);
  if (type != ElectionType::preferred && type != ElectionType::unclean) {
    response.error_code = ErrorCode::unknown_server_error;
    if (request.topic_partitions) {
      const auto partitions = wanted_by(request, *metadata_.snapshot());
      fill(response, all_failed(partitions, ErrorCode::unknown_server_error), false);
    }
    co_return response;
  }
  const std::set<TopicPartition> partitions = wanted_by(request, *metadata_.snapshot());
  const auto ask = [&](auto done) { controller_.elect_leaders(partitions, type, std::move(done)); };
  std::optional<ElectionResults> results = co_await answer_of<ElectionResults>(context, ask);
  if (!results) results = all_failed(partitions, ErrorCode::not_controller);
  co_await wait_for_leaders(context, *results, request.timeout_ms);
  fill(response, *results, !request.topic_partitions);
  co_return response;
}

// Until this broker knows the new leaders; those that it doesn't hear of in time are request_timed_out.
awaitable<void> ElectLeadersHandler::wait_for_leaders(RequestContext& context, Results& results,
                                                      std::int64_t timeout_ms) const {
  auto elected = std::make_shared<std::map<TopicPartition, BrokerId>>();
  std::vector<std::string> topics;
  for (const auto& [tp, leader] : results) {
    if (!leader) continue;
    elected->emplace(tp, *leader);
    topics.push_back(tp.topic);
  }
  if (elected->empty()) co_return;
  Waiter waiter(context);
  const auto condition = [elected](const MetadataSnapshot& now) { return knows_leaders(now, *elected); };
  const auto id = metadata_.wait(topics, condition, [handle = waiter.handle()] { handle.notify(); });
  if (id == 0) co_return;
  co_await waiter.wait_for(timeout_ms);
  metadata_.cancel(id);
  const MetadataCache::Snapshot now = metadata_.snapshot();
  for (const auto& [tp, leader] : *elected) {
    if (!knows_leaders(*now, {{tp, leader}})) results.at(tp) = fail(ErrorCode::request_timed_out);
  }
}

}  // namespace broker
