// CreatePartitions (API key 37, v0-v3). v2 flexible, v3 strict controller_mutation_rate (KIP-599).
// Follows KafkaApis.handleCreatePartitionsRequest and ZkAdminManager.createPartitions.
#include "broker/handlers/create_partitions.h"

#include <map>

#include "broker/handlers/error_message.h"
#include "coordination/cluster/controller.h"

namespace broker {

using coordination::cluster::NewPartitions;
using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;
using protocol::ErrorCode;
using protocol::Result;

namespace {

constexpr protocol::ApiVersion first_strict_quota = 3;

NewPartitions to_new_partitions(const CreatePartitionsRequest::CreatePartitionsTopic& wanted) {
  NewPartitions partitions{.topic = wanted.name.str(), .total_count = wanted.count};
  if (!wanted.assignments) return partitions;
  partitions.assignment.emplace();
  for (const auto& assignment : *wanted.assignments) partitions.assignment->push_back(assignment.broker_ids);
  return partitions;
}

void add_result(CreatePartitionsResponse& response, const std::string& topic, ErrorCode code,
                std::optional<protocol::String> message) {
  auto& result = response.results.emplace_back();
  result.name = topic;
  result.error_code = code;
  result.error_message = std::move(message);
}

}  // namespace

awaitable<CreatePartitionsResponse> CreatePartitionsHandler::handle(RequestContext& context,
                                                                    const Request& request) const {
  Response response;
  std::map<std::string, std::vector<const CreatePartitionsRequest::CreatePartitionsTopic*>> by_name;
  for (const auto& topic : request.topics) by_name[topic.name.str()].push_back(&topic);
  const bool active = controller_.is_active();
  std::vector<NewPartitions> wanted;
  for (const auto& [name, entries] : by_name) {
    if (!active) {
      add_result(response, name, ErrorCode::not_controller, std::nullopt);
    } else if (entries.size() > 1) {
      add_result(response, name, ErrorCode::invalid_request, "Duplicate topic in request.");
    } else {
      wanted.push_back(to_new_partitions(*entries.front()));
    }
  }
  if (wanted.empty()) co_return response;
  MutationQuota quota(context.quotas(), context.api_version() >= first_strict_quota);
  const auto admit = [&quota](std::int64_t partitions) { return quota.take(partitions); };
  const std::vector<Result<std::int32_t>> added =
      co_await changes_.add_partitions(context, wanted, request.timeout_ms, request.validate_only, admit);
  quota.settle();
  for (std::size_t i = 0; i < added.size(); ++i) {
    add_result(response, wanted[i].topic, added[i].code(),
               added[i] ? std::optional<protocol::String>() : error_message(added[i].error()));
  }
  co_return response;
}

}  // namespace broker
