// Metadata (API key 3, v0-v13): what clients ask first, and again whenever something moved.
//   v1 rack, controller, internal topics   v4 allow_auto_topic_creation   v5 offline replicas
//   v6 LISTENER_NOT_FOUND   v7 leader epochs   v8 authorised operations (KIP-430)   v10, v12 topic ids (KIP-516)
//   v13 REBOOTSTRAP_REQUIRED (never sent)
// Follows KafkaApis.handleTopicMetadataRequest and ZkMetadataCache, with one difference: where Kafka answers a topic it
// just created with LEADER_NOT_AVAILABLE, this waits a moment and names the leader. Not so to the client that deleted a
// topic of that name: it wants to see that it is gone, and gets what Kafka says.
#include "broker/handlers/metadata.h"

#include <algorithm>
#include <set>

#include "broker/config/dynamic_config.h"
#include "broker/handlers/auto_topics.h"
#include "protocol/topic_name.h"

namespace broker {

using protocol::check_topic_name;
using protocol::ErrorCode;
using protocol::MetadataRequest;
using protocol::MetadataResponse;

namespace {

using Topic = MetadataResponse::MetadataResponseTopic;
using Partition = MetadataResponse::MetadataResponsePartition;

// How long an answer waits for the leaders of topics that it created.
constexpr std::int64_t auto_create_wait_ms = 5000;

bool is_all_topics(const MetadataRequest& request, protocol::ApiVersion version) {
  return !request.topics || (version == 0 && request.topics->empty());
}

Topic without_partitions(ErrorCode error, const std::string& name, Uuid id = {}) {
  Topic topic;
  topic.error_code = error;
  topic.name = protocol::String(name);
  topic.topic_id = id;
  topic.is_internal = is_internal_topic(name);
  return topic;
}

// Names came with topic ids before they meant anything, or neither came.
bool is_malformed(const MetadataRequest& request, protocol::ApiVersion version) {
  if (!request.topics || version >= 12) return false;
  return std::ranges::any_of(*request.topics, [](const auto& t) { return !t.name || !t.topic_id.is_zero(); });
}

MetadataResponse refuse(const MetadataRequest& request) {
  MetadataResponse response;
  for (const auto& topic : *request.topics) {
    response.topics.push_back(
        without_partitions(ErrorCode::invalid_request, topic.name ? topic.name->str() : std::string(), topic.topic_id));
  }
  return response;
}

Partition to_partition(const PartitionMetadata& known) {
  Partition partition;
  partition.partition_index = known.index;
  partition.leader_id = known.leader;
  partition.leader_epoch = known.leader_epoch;
  partition.replica_nodes = known.replicas;
  partition.isr_nodes = known.isr;
  partition.offline_replicas = known.offline_replicas;
  return partition;
}

// Version 0 says so when a replica can't be reached; later versions leave that to the list of brokers.
template <typename F>
void keep_reachable(Partition& partition, const F& reachable) {
  const auto unreachable = [&](protocol::BrokerId id) { return !reachable(id); };
  const auto dropped =
      std::erase_if(partition.replica_nodes, unreachable) + std::erase_if(partition.isr_nodes, unreachable);
  if (dropped > 0 && partition.error_code == ErrorCode::none) partition.error_code = ErrorCode::replica_not_available;
}

// The names the request asks for, each once: those of known ids, or the names themselves. Unknown ids are answered.
std::vector<std::string> wanted_names(const MetadataRequest& request, const MetadataSnapshot& now,
                                      std::vector<Topic>& answered) {
  std::vector<std::string> names;
  std::set<std::string, std::less<>> seen;
  std::set<Uuid> seen_ids;
  const bool by_id = std::ranges::any_of(*request.topics, [](const auto& t) { return !t.topic_id.is_zero(); });
  for (const auto& topic : *request.topics) {
    if (!by_id) {
      if (topic.name && seen.insert(topic.name->str()).second) names.push_back(topic.name->str());
      continue;
    }
    if (topic.topic_id.is_zero() || !seen_ids.insert(topic.topic_id).second) continue;
    if (const TopicMetadata* known = now.topic(topic.topic_id)) {
      names.push_back(known->name);
    } else {
      Topic unknown;
      unknown.error_code = ErrorCode::unknown_topic_id;
      unknown.name.reset();
      unknown.topic_id = topic.topic_id;
      answered.push_back(std::move(unknown));
    }
  }
  return names;
}

}  // namespace

Topic MetadataHandler::describe(const RequestContext& context, const TopicMetadata& topic, const Reachable& reachable,
                                const MetadataSnapshot& now) const {
  Topic answer = without_partitions(ErrorCode::none, topic.name, topic.id);
  answer.partitions.reserve(topic.partitions.size());
  for (const PartitionMetadata& known : topic.partitions) {
    Partition& partition = answer.partitions.emplace_back(to_partition(known));
    if (!reachable(known.leader)) {
      const bool alive = now.broker(known.leader) != nullptr;
      partition.error_code =
          alive && context.api_version() >= 6 ? ErrorCode::listener_not_found : ErrorCode::leader_not_available;
      partition.leader_id = -1;
    }
    if (context.api_version() == 0) keep_reachable(partition, reachable);
  }
  return answer;
}

// Creates the topics that don't exist yet, if that is allowed, and says why not otherwise.
awaitable<std::vector<Topic>> MetadataHandler::create_missing(RequestContext& context, const Request& request,
                                                              std::vector<std::string> names) const {
  const BrokerConfigSnapshot config = config_.snapshot();
  const bool allowed = config->auto_create_topics_enable && request.allow_auto_topic_creation;
  const std::size_t brokers = metadata_.snapshot()->brokers().size();
  std::vector<Topic> failed;
  std::vector<coordination::cluster::NewTopic> topics;
  for (const std::string& name : names) {
    const auto valid = check_topic_name(name);
    if (!valid) {
      failed.push_back(without_partitions(ErrorCode::invalid_topic_exception, name));
    } else if (!allowed) {
      failed.push_back(without_partitions(ErrorCode::unknown_topic_or_partition, name));
    } else {
      topics.push_back(auto_created_topic(name, *config, brokers));
    }
  }
  if (topics.empty()) co_return failed;
  MutationQuota quota(context.quotas(), false);
  const auto count = [&quota](std::int64_t partitions) { return quota.take(partitions); };
  const auto created = co_await changes_.create(context, topics, auto_create_wait_ms, false, count);
  const MetadataCache::Snapshot now = metadata_.snapshot();
  for (std::size_t i = 0; i < created.size(); ++i) {
    const bool deleted_here = std::erase(context.connection().deleted_topics, topics[i].name) > 0;
    if (now->contains(topics[i].name) && !deleted_here) continue;  // described from the metadata
    const ErrorCode code = created[i].code();
    const bool on_its_way =
        created[i].has_value() || code == ErrorCode::topic_already_exists || code == ErrorCode::request_timed_out;
    failed.push_back(without_partitions(on_its_way ? ErrorCode::leader_not_available : code, topics[i].name));
  }
  co_return failed;
}

awaitable<MetadataResponse> MetadataHandler::handle(RequestContext& context, const Request& request) const {
  const protocol::ApiVersion version = context.api_version();
  if (is_malformed(request, version)) co_return refuse(request);
  Response response;
  MetadataCache::Snapshot now = metadata_.snapshot();
  const bool all = is_all_topics(request, version);
  std::vector<std::string> names;
  if (!all) names = wanted_names(request, *now, response.topics);
  std::vector<std::string> missing;
  std::ranges::copy_if(names, std::back_inserter(missing), [&](const auto& name) { return !now->contains(name); });
  if (!missing.empty()) {
    std::vector<Topic> failed = co_await create_missing(context, request, std::move(missing));
    now = metadata_.snapshot();
    for (const Topic& topic : failed) {
      if (now->contains(topic.name->view())) std::erase(names, topic.name->str());
    }
    std::ranges::move(failed, std::back_inserter(response.topics));
  }

  std::set<protocol::BrokerId> reachable_ids;
  for (const auto& [id, known] : now->brokers()) {
    const auto address = address_of_(context, known);
    if (!address) continue;
    reachable_ids.insert(id);
    auto& broker = response.brokers.emplace_back();
    broker.node_id = id;
    broker.host = address->host;
    broker.port = address->port;
    broker.rack.reset();
    if (known.rack) broker.rack = protocol::String(*known.rack);
  }
  if (address_told_ && !names.empty() && response.brokers.size() == 1) {
    address_told_(context, response.brokers.front().host.view(), response.brokers.front().port);
  }
  const Reachable reachable = [&](protocol::BrokerId id) { return reachable_ids.contains(id); };
  const auto add = [&](const TopicMetadata& topic) {
    response.topics.push_back(describe(context, topic, reachable, *now));
  };
  if (all) {
    response.topics.reserve(now->topic_count());
    now->for_each_topic(add);
  }
  for (const std::string& name : names) {
    if (const TopicMetadata* topic = now->topic(name)) add(*topic);
  }
  response.cluster_id = protocol::String(cluster_id_);
  response.controller_id = now->controller_id();
  if (request.include_topic_authorized_operations) {
    for (Topic& topic : response.topics) {
      if (topic.name) topic.topic_authorized_operations = all_topic_operations;  // also of topics that don't exist
    }
  }
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = all_cluster_operations;
  co_return response;
}

}  // namespace broker
