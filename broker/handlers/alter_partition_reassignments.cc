// AlterPartitionReassignments (API key 45, v0-v1; KIP-455).
//   v1 whether the replication factor may change
// Follows KafkaApis.handleAlterPartitionReassignmentsRequest. As there, the request's timeout has no meaning: the
// answer says what was begun.
#include "broker/handlers/alter_partition_reassignments.h"

#include <utility>

#include "broker/answer.h"
#include "coordination/cluster/controller.h"

namespace broker {

using coordination::cluster::ReassignmentResults;
using coordination::cluster::WantedReplicas;
using protocol::AlterPartitionReassignmentsRequest;
using protocol::AlterPartitionReassignmentsResponse;
using protocol::ErrorCode;
using protocol::Result;

namespace {

WantedReplicas wanted_by(const AlterPartitionReassignmentsRequest& request) {
  WantedReplicas wanted;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      wanted[{topic.name.str(), partition.partition_index}] = partition.replicas;  // the last of several counts
    }
  }
  return wanted;
}

void fill(AlterPartitionReassignmentsResponse& response, const ReassignmentResults& results) {
  for (const auto& [tp, result] : results) {
    auto& topics = response.responses;
    if (topics.empty() || topics.back().name.view() != tp.topic)
      topics.emplace_back().name = protocol::String(tp.topic);
    auto& answer = topics.back().partitions.emplace_back();
    answer.partition_index = tp.partition;
    answer.error_code = result.code();
    answer.error_message.reset();
    if (!result) answer.error_message = protocol::String(result.error().text());
  }
}

}  // namespace

awaitable<AlterPartitionReassignmentsResponse> AlterPartitionReassignmentsHandler::handle(
    RequestContext& context, const Request& request) const {
  Response response;  // its message is "" without an error, as Kafka's
  response.allow_replication_factor_change = request.allow_replication_factor_change;
  const auto ask = [&](auto done) {
    controller_.alter_reassignments(wanted_by(request), request.allow_replication_factor_change, std::move(done));
  };
  const auto results = co_await answer_of<Result<ReassignmentResults>>(context, ask);
  if (results && *results) {
    fill(response, **results);
  } else {
    response.error_code = ErrorCode::not_controller;
    response.error_message = protocol::String(protocol::default_message(ErrorCode::not_controller));
  }
  co_return response;
}

}  // namespace broker
