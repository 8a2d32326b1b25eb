#include "coordination/cluster/znodes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "coordination/cluster/json_fields.h"

namespace coordination::cluster {

using protocol::ErrorCode, protocol::fail, protocol::Result;

namespace {

std::unexpected<protocol::Error> undecodable(std::string_view path, std::string_view json) {
  constexpr std::size_t shown = 200;
  return fail(ErrorCode::unknown_server_error,
              fmt::format("The metadata node {} isn't what Kafka writes there: {}", path, json.substr(0, shown)));
}

std::string list(const std::vector<BrokerId>& ids) { return fmt::format("[{}]", fmt::join(ids, ",")); }

// {"0":[1,2],…} of the partitions for which `replicas` isn't empty, or of all.
template <typename F>
std::string by_partition(const TopicAssignment& topic, F replicas, bool with_empty) {
  std::string text = "{";
  for (const auto& [index, assignment] : topic.partitions) {
    const std::vector<BrokerId>& ids = replicas(assignment);
    if (ids.empty() && !with_empty) continue;
    if (text.size() > 1) text += ',';
    text += fmt::format("\"{}\":{}", index, list(ids));
  }
  return text + "}";
}

}  // namespace

namespace path {

std::string broker_id(BrokerId id) { return fmt::format("{}/{}", broker_ids, id); }
std::string topic(std::string_view topic) { return fmt::format("{}/{}", topics, topic); }
std::string topic_partitions(std::string_view topic) { return fmt::format("{}/{}/partitions", topics, topic); }
std::string partition(std::string_view topic, PartitionIndex partition) {
  return fmt::format("{}/{}/partitions/{}", topics, topic, partition);
}
std::string partition_state(std::string_view topic, PartitionIndex partition) {
  return fmt::format("{}/{}/partitions/{}/state", topics, topic, partition);
}
std::string delete_topic(std::string_view topic) { return fmt::format("{}/{}", delete_topics, topic); }
std::string config(std::string_view type, std::string_view entity) {
  return fmt::format("/config/{}/{}", type, entity);
}

}  // namespace path

namespace {

std::vector<BrokerId> without(std::vector<BrokerId> brokers, const std::vector<BrokerId>& others) {
  std::erase_if(brokers, [&](BrokerId broker) { return std::ranges::find(others, broker) != others.end(); });
  return brokers;
}

}  // namespace

std::vector<BrokerId> ReplicaAssignment::origin() const { return without(replicas, adding); }

std::vector<BrokerId> ReplicaAssignment::target() const { return without(replicas, removing); }

ReplicaAssignment ReplicaAssignment::reassigned_to(const std::vector<BrokerId>& target) const {
  const std::vector<BrokerId> before = origin();
  ReplicaAssignment assignment{.replicas = target};
  for (const BrokerId replica : without(before, target)) assignment.replicas.push_back(replica);
  assignment.adding = without(assignment.replicas, before);
  assignment.removing = without(assignment.replicas, target);
  return assignment;
}

// The order of the keys is the one that Kafka's maps happen to give.
std::string encode(const TopicAssignment& topic) {
  std::string text = "{\"partitions\":";
  text += by_partition(topic, [](const auto& a) -> auto& { return a.replicas; }, true);
  if (topic.topic_id) text += fmt::format(",\"topic_id\":\"{}\"", topic.topic_id->to_string());
  text += ",\"adding_replicas\":";
  text += by_partition(topic, [](const auto& a) -> auto& { return a.adding; }, false);
  text += ",\"removing_replicas\":";
  text += by_partition(topic, [](const auto& a) -> auto& { return a.removing; }, false);
  return text + ",\"version\":3}";
}

Result<TopicAssignment> decode_topic_assignment(std::string_view topic, std::string_view text) {
  const auto bad = [&] { return undecodable(path::topic(topic), text); };
  const auto object = json::parse_object(text);
  if (!object) return bad();
  TopicAssignment assignment;
  if (object->contains("topic_id")) {
    const auto id = json::string_field(*object, "topic_id");
    assignment.topic_id = id ? protocol::Uuid::parse(*id) : std::nullopt;
    if (!assignment.topic_id) return bad();
  }
  const boost::json::object* adding = json::object_field(*object, "adding_replicas");
  const boost::json::object* removing = json::object_field(*object, "removing_replicas");
  const boost::json::object* partitions = json::object_field(*object, "partitions");
  if (!partitions) return assignment;
  for (const auto& [key, value] : *partitions) {
    const auto index = json::parse_number<PartitionIndex>(key);
    auto replicas = json::to_ints(value);
    if (!index || !replicas) return bad();
    ReplicaAssignment& partition = assignment.partitions[*index];
    partition.replicas = std::move(*replicas);
    for (auto [source, target] : {std::pair(adding, &partition.adding), std::pair(removing, &partition.removing)}) {
      const boost::json::value* listed = source ? source->if_contains(key) : nullptr;
      if (!listed) continue;
      auto ids = json::to_ints(*listed);
      if (!ids) return bad();
      *target = std::move(*ids);
    }
  }
  return assignment;
}

std::string encode(const PartitionStateNode& state) {
  const LeaderAndIsr& leadership = state.leader_and_isr;
  const char* recovering = leadership.recovery == LeaderRecoveryState::recovering ? ",\"leader_recovery_state\":1" : "";
  return fmt::format(R"({{"controller_epoch":{},"leader":{},"version":1,"leader_epoch":{},"isr":{}{}}})",
                     state.controller_epoch, leadership.leader, leadership.leader_epoch, list(leadership.isr),
                     recovering);
}

Result<PartitionStateNode> decode_partition_state(const TopicPartition& partition, std::string_view text,
                                                  std::int32_t data_version) {
  const auto bad = [&] { return undecodable(path::partition_state(partition.topic, partition.partition), text); };
  const auto object = json::parse_object(text);
  if (!object) return bad();
  const auto leader = json::int_field(*object, "leader");
  const auto leader_epoch = json::int_field(*object, "leader_epoch");
  const auto controller_epoch = json::int_field(*object, "controller_epoch");
  const boost::json::value* isr_value = object->if_contains("isr");
  auto isr = isr_value ? json::to_ints(*isr_value) : std::nullopt;
  if (!leader || !leader_epoch || !controller_epoch || !isr) return bad();
  const int recovery = json::int_field(*object, "leader_recovery_state").value_or(0);
  if (recovery != 0 && recovery != 1) return bad();
  return PartitionStateNode{.leader_and_isr = {.leader = *leader,
                                               .leader_epoch = *leader_epoch,
                                               .isr = std::move(*isr),
                                               .recovery = static_cast<LeaderRecoveryState>(recovery),
                                               .partition_epoch = data_version},
                            .controller_epoch = *controller_epoch};
}

std::string encode_controller(BrokerId id, std::int64_t timestamp_ms) {
  return fmt::format(R"({{"version":2,"brokerid":{},"timestamp":"{}","kraftControllerEpoch":-1}})", id, timestamp_ms);
}

Result<BrokerId> decode_controller(std::string_view text) {
  const auto object = json::parse_object(text);
  const auto id = object ? json::int_field(*object, "brokerid") : std::nullopt;
  if (!id) return undecodable(path::controller, text);
  return *id;
}

Result<std::int32_t> decode_controller_epoch(std::string_view text) {
  const auto epoch = json::parse_number<std::int32_t>(text);
  if (!epoch) return undecodable(path::controller_epoch, text);
  return *epoch;
}

std::string encode_cluster_id(std::string_view id) {
  return fmt::format(R"({{"version":"1","id":{}}})", json::quoted(id));
}

Result<std::string> decode_cluster_id(std::string_view text) {
  const auto object = json::parse_object(text);
  auto id = object ? json::string_field(*object, "id") : std::nullopt;
  if (!id) return undecodable(path::cluster_id, text);
  return std::move(*id);
}

std::string encode_config(const std::map<std::string, std::string>& config) {
  std::string text = R"({"version":1,"config":{)";
  bool first = true;
  for (const auto& [key, value] : config) {
    if (!first) text += ',';
    first = false;
    text += fmt::format("{}:{}", json::quoted(key), json::quoted(value));
  }
  return text + "}}";
}

Result<std::map<std::string, std::string>> decode_config(std::string_view path, std::string_view text) {
  std::map<std::string, std::string> config;
  if (text.empty()) return config;
  const auto object = json::parse_object(text);
  if (!object) return undecodable(path, text);
  const boost::json::object* entries = json::object_field(*object, "config");
  if (!entries) return config;
  for (const auto& [key, value] : *entries) {
    if (!value.is_string()) return undecodable(path, text);
    config.emplace(std::string(std::string_view(key)), std::string(std::string_view(value.get_string())));
  }
  return config;
}

std::string encode_config_change(std::string_view entity_path) {
  return fmt::format(R"({{"version":2,"entity_path":{}}})", json::quoted(entity_path));
}

Result<std::string> decode_config_change(std::string_view text) {
  const auto object = json::parse_object(text);
  if (!object) return undecodable(path::config_changes, text);
  if (auto entity_path = json::string_field(*object, "entity_path")) return std::move(*entity_path);
  // Version 1, written by brokers before Kafka 0.10.1.
  const auto type = json::string_field(*object, "entity_type");
  const auto entity = json::string_field(*object, "entity_name");
  if (!type || !entity) return undecodable(path::config_changes, text);
  return *type + "/" + *entity;
}

std::string encode(const ProducerIdBlockNode& block) {
  return fmt::format(R"({{"version":1,"broker":{},"block_start":"{}","block_end":"{}"}})", block.broker, block.first,
                     block.last);
}

Result<ProducerIdBlockNode> decode_producer_id_block(std::string_view text) {
  const auto object = json::parse_object(text);
  if (!object) return undecodable(path::producer_id_block, text);
  const auto broker = json::int_field(*object, "broker");
  const auto first_text = json::string_field(*object, "block_start");
  const auto last_text = json::string_field(*object, "block_end");
  const auto first = first_text ? json::parse_number<std::int64_t>(*first_text) : std::nullopt;
  const auto last = last_text ? json::parse_number<std::int64_t>(*last_text) : std::nullopt;
  if (!broker || !first || !last) return undecodable(path::producer_id_block, text);
  return ProducerIdBlockNode{.broker = *broker, .first = *first, .last = *last};
}

std::string encode_log_dir_event(BrokerId broker) {
  return fmt::format(R"({{"version":1,"broker":{},"event":1}})", broker);
}

Result<BrokerId> decode_log_dir_event(std::string_view text) {
  const auto object = json::parse_object(text);
  const auto broker = object ? json::int_field(*object, "broker") : std::nullopt;
  if (!broker) return undecodable(path::log_dir_events, text);
  return *broker;
}

std::string encode_no_features() { return R"({"features":{},"version":2,"status":1})"; }

}  // namespace coordination::cluster
