#include "broker/client/cluster.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "protocol/messages/find_coordinator.h"

namespace broker::client {
namespace {

using protocol::ApiVersion, protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::MetadataRequest,
    protocol::MetadataResponse, protocol::Result;

constexpr int retry_pause_ms = 100;
constexpr int controller_patience_ms = 10'000;
constexpr int coordinator_patience_ms = 10'000;
constexpr std::int8_t group_key = 0;
constexpr ApiVersion newest_with_one_key = 3;

bool has_all_leaders(const MetadataResponse::MetadataResponseTopic& topic) {
  return !topic.partitions.empty() && std::ranges::all_of(topic.partitions, [](const auto& partition) {
    return partition.leader_id >= 0 && partition.error_code != ErrorCode::leader_not_available;
  });
}

bool may_pass(ErrorCode code, bool create_missing) {
  return code == ErrorCode::leader_not_available || (create_missing && code == ErrorCode::unknown_topic_or_partition);
}

}  // namespace

Result<Cluster> Cluster::connect(const std::vector<Address>& bootstrap, ConnectionOptions options) {
  Cluster cluster(bootstrap, std::move(options));
  auto known = cluster.metadata(std::vector<std::string>());
  if (!known) return std::unexpected(known.error());
  return cluster;
}

void Cluster::learn(const MetadataResponse& response) {
  brokers_.clear();
  for (const auto& node : response.brokers) {
    brokers_[node.node_id] = {.host = node.host.str(), .port = static_cast<std::uint16_t>(node.port)};
  }
  controller_id_ = response.controller_id;
  if (response.cluster_id) cluster_id_ = response.cluster_id->str();
}

Result<Reply<MetadataResponse>> Cluster::metadata(const std::optional<std::vector<std::string>>& topics,
                                                  bool create_missing) {
  auto connection = any();
  if (!connection) return std::unexpected(connection.error());
  const auto version = (*connection)->pick(MetadataRequest::api_key);
  if (!version) return std::unexpected(version.error());
  MetadataRequest request{.topics = std::nullopt, .allow_auto_topic_creation = create_missing || *version < 4};
  if (topics) {
    auto& wanted = request.topics.emplace();
    for (const std::string& topic : *topics) wanted.push_back({.name = std::string_view(topic)});
  } else if (*version == 0) {
    request.topics.emplace();  // version 0 says "all" with an empty list
  }
  auto reply = (*connection)->call(request, *version);
  if (reply) learn(**reply);
  return reply;
}

Result<Reply<MetadataResponse>> Cluster::topic_with_leaders(const std::string& topic, bool create_missing,
                                                            int patience_ms) {
  for (int waited_ms = 0;; waited_ms += retry_pause_ms) {
    auto reply = metadata(std::vector{topic}, create_missing);
    if (!reply) return reply;
    if ((*reply)->topics.empty()) return fail(ErrorCode::unknown_topic_or_partition);
    const auto& found = (*reply)->topics.front();
    if (found.error_code == ErrorCode::none && has_all_leaders(found)) return reply;
    if (found.error_code != ErrorCode::none && !may_pass(found.error_code, create_missing)) {
      return fail(found.error_code, fmt::format("{}: {}", topic, protocol::default_message(found.error_code)));
    }
    if (waited_ms >= patience_ms) {
      return fail(ErrorCode::leader_not_available, fmt::format("{} has partitions without a leader", topic));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(retry_pause_ms));
  }
}

Result<Connection*> Cluster::any() {
  if (first_ && first_->is_open()) return &*first_;
  Result<Connection*> last = fail(ErrorCode::network_exception, "No address was given");
  for (const Address& address : bootstrap_) {
    auto opened = Connection::open(address, options_);
    if (opened) return &first_.emplace(std::move(*opened));
    last = std::unexpected(opened.error());
  }
  return last;
}

Result<Connection*> Cluster::controller() {
  for (int waited_ms = 0; !brokers_.contains(controller_id_); waited_ms += retry_pause_ms) {
    if (waited_ms >= controller_patience_ms) {
      return fail(ErrorCode::broker_not_available, "The cluster has no controller now");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(retry_pause_ms));
    if (auto known = metadata(std::vector<std::string>()); !known) return std::unexpected(known.error());
  }
  return broker(controller_id_);
}

Result<BrokerId> Cluster::group_coordinator(const std::string& group) {
  const protocol::FindCoordinatorRequest request{.key = std::string_view(group), .key_type = group_key};
  for (int waited_ms = 0;; waited_ms += retry_pause_ms) {
    auto connection = any();
    if (!connection) return std::unexpected(connection.error());
    const auto reply = (*connection)->call(request, newest_with_one_key);
    if (!reply) return std::unexpected(reply.error());
    const ErrorCode code = (*reply)->error_code;
    if (code == ErrorCode::none && brokers_.contains((*reply)->node_id)) return (*reply)->node_id;
    if (code != ErrorCode::none && code != ErrorCode::coordinator_not_available) {
      return fail(code, (*reply)->error_message ? (*reply)->error_message->str() : std::string());
    }
    if (waited_ms >= coordinator_patience_ms) return fail(ErrorCode::coordinator_not_available);
    std::this_thread::sleep_for(std::chrono::milliseconds(retry_pause_ms));
    if (auto known = metadata(std::vector<std::string>()); !known) return std::unexpected(known.error());
  }
}

Result<Connection*> Cluster::broker(BrokerId id) {
  const auto open = connections_.find(id);
  if (open != connections_.end() && open->second.is_open()) return &open->second;
  const auto address = brokers_.find(id);
  if (address == brokers_.end()) {
    return fail(ErrorCode::broker_not_available, fmt::format("The cluster has no broker {} now", id));
  }
  auto opened = Connection::open(address->second, options_);
  if (!opened) return std::unexpected(opened.error());
  return &connections_.insert_or_assign(id, std::move(*opened)).first->second;
}

}  // namespace broker::client
