// ListPartitionReassignments (API key 46, v0; KIP-455). Follows KafkaApis.handleListPartitionReassignmentsRequest.
#include "broker/handlers/list_partition_reassignments.h"

#include <optional>
#include <set>
#include <utility>

#include "broker/answer.h"
#include "coordination/cluster/controller.h"

namespace broker {

using coordination::cluster::Reassignments;
using protocol::ErrorCode;
using protocol::ListPartitionReassignmentsRequest;
using protocol::ListPartitionReassignmentsResponse;
using protocol::Result;
using protocol::TopicPartition;

namespace {

// None: all.
std::optional<std::set<TopicPartition>> wanted_by(const ListPartitionReassignmentsRequest& request) {
  if (!request.topics) return std::nullopt;
  std::set<TopicPartition> wanted;
  for (const auto& topic : *request.topics) {
    for (const protocol::PartitionIndex index : topic.partition_indexes) wanted.insert({topic.name.str(), index});
  }
  return wanted;
}

void fill(ListPartitionReassignmentsResponse& response, const Reassignments& found) {
  for (const auto& [tp, assignment] : found) {
    auto& topics = response.topics;
    if (topics.empty() || topics.back().name.view() != tp.topic)
      topics.emplace_back().name = protocol::String(tp.topic);
    auto& partition = topics.back().partitions.emplace_back();
    partition.partition_index = tp.partition;
    partition.replicas = assignment.replicas;
    partition.adding_replicas = assignment.adding;
    partition.removing_replicas = assignment.removing;
  }
}

}  // namespace

awaitable<ListPartitionReassignmentsResponse> ListPartitionReassignmentsHandler::handle(RequestContext& context,
                                                                                        const Request& request) const {
  Response response;  // its message is "" without an error, as Kafka's
  const auto ask = [&](auto done) { controller_.list_reassignments(wanted_by(request), std::move(done)); };
  const auto found = co_await answer_of<Result<Reassignments>>(context, ask);
  if (found && *found) {
    fill(response, **found);
  } else {
    response.error_code = ErrorCode::not_controller;
    response.error_message = protocol::String(protocol::default_message(ErrorCode::not_controller));
  }
  co_return response;
}

}  // namespace broker
