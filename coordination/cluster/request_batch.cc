#include "coordination/cluster/request_batch.h"

#include <algorithm>
#include <utility>

namespace coordination::cluster {
namespace {

protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState to_leader_and_isr(const TopicPartition& tp,
                                                                            const PartitionEntry& partition,
                                                                            bool is_new) {
  const LeaderAndIsr& leadership = partition.leadership->leader_and_isr;
  protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState state;
  state.partition_index = tp.partition;
  state.controller_epoch = partition.leadership->controller_epoch;
  state.leader = leadership.leader;
  state.leader_epoch = leadership.leader_epoch;
  state.isr = leadership.isr;
  state.partition_epoch = leadership.partition_epoch;
  state.replicas = partition.assignment.replicas;
  state.adding_replicas = partition.assignment.adding;
  state.removing_replicas = partition.assignment.removing;
  state.is_new = is_new;
  state.leader_recovery_state = static_cast<std::int8_t>(leadership.recovery);
  return state;
}

protocol::UpdateMetadataRequest::UpdateMetadataPartitionState to_metadata(const ControllerContext& context,
                                                                          const TopicPartition& tp,
                                                                          const PartitionEntry& partition) {
  const LeaderAndIsr& leadership = partition.leadership->leader_and_isr;
  const bool deleting = context.is_queued_for_deletion(tp.topic);
  protocol::UpdateMetadataRequest::UpdateMetadataPartitionState state;
  state.partition_index = tp.partition;
  state.controller_epoch = partition.leadership->controller_epoch;
  state.leader = deleting ? leader_during_delete : leadership.leader;
  state.leader_epoch = deleting ? 0 : leadership.leader_epoch;
  state.isr = leadership.isr;
  state.zk_version = deleting ? 0 : leadership.partition_epoch;
  state.replicas = partition.assignment.replicas;
  for (const BrokerId replica : partition.assignment.replicas) {
    if (!context.is_online(replica, tp)) state.offline_replicas.push_back(replica);
  }
  return state;
}

protocol::UpdateMetadataRequest::UpdateMetadataBroker to_metadata(const BrokerRegistration& broker) {
  protocol::UpdateMetadataRequest::UpdateMetadataBroker state;
  state.id = broker.id;
  for (const BrokerEndpoint& endpoint : broker.endpoints) {
    auto& added = state.endpoints.emplace_back();
    added.port = endpoint.port;
    added.host = endpoint.host;
    added.listener = endpoint.listener;
    added.security_protocol = static_cast<std::int16_t>(endpoint.security_protocol);
  }
  state.rack.reset();
  if (broker.rack) state.rack = protocol::String(*broker.rack);
  return state;
}

// Where the topic's next partition belongs. The partitions of a batch are sorted, so those of a topic follow each
// other.
template <typename Request>
auto& states_of(const std::string& topic, Request& request, const ControllerContext& context) {
  if (request.topic_states.empty() || request.topic_states.back().topic_name.view() != topic) {
    auto& begun = request.topic_states.emplace_back();
    begun.topic_name = topic;
    if constexpr (requires { begun.topic_id; }) {
      if (const TopicEntry* entry = context.topic(topic)) begun.topic_id = entry->id;
    }
  }
  return request.topic_states.back().partition_states;
}

}  // namespace

void RequestBatch::leader_and_isr(const std::vector<BrokerId>& brokers, const TopicPartition& partition, bool is_new) {
  for (const BrokerId broker : brokers) {
    if (broker < 0) continue;
    bool& known_new = leader_and_isr_[broker][partition];
    known_new = known_new || is_new;
  }
  update_metadata(partition);
}

void RequestBatch::stop_replica(BrokerId broker, const TopicPartition& partition, bool delete_partition) {
  if (broker < 0) return;
  bool& deleting = stop_replica_[broker][partition];
  deleting = deleting || delete_partition;
}

bool RequestBatch::empty() const {
  return leader_and_isr_.empty() && stop_replica_.empty() && metadata_partitions_.empty() &&
         metadata_brokers_.empty() && !to_all_;
}

protocol::LeaderAndIsrRequest RequestBatch::leader_and_isr_request(const ControllerContext& context, BrokerId broker,
                                                                   const std::string& inter_broker_listener) const {
  protocol::LeaderAndIsrRequest request;
  std::set<BrokerId> leaders;
  for (const auto& [tp, is_new] : leader_and_isr_.at(broker)) {
    const PartitionEntry* partition = context.partition(tp);
    if (!partition || !partition->leadership) continue;
    states_of(tp.topic, request, context).push_back(to_leader_and_isr(tp, *partition, is_new));
    leaders.insert(partition->leadership->leader_and_isr.leader);
  }
  for (const BrokerId leader : leaders) {
    const BrokerRegistration* known = context.broker(leader);
    const BrokerEndpoint* endpoint = known ? known->endpoint(inter_broker_listener) : nullptr;
    if (!endpoint) continue;
    auto& live = request.live_leaders.emplace_back();
    live.broker_id = leader;
    live.host_name = endpoint->host;
    live.port = endpoint->port;
  }
  return request;
}

protocol::UpdateMetadataRequest RequestBatch::update_metadata_request(const ControllerContext& context) const {
  protocol::UpdateMetadataRequest request;
  for (const TopicPartition& tp : metadata_partitions_) {
    const PartitionEntry* partition = context.partition(tp);
    if (!partition || !partition->leadership) continue;
    states_of(tp.topic, request, context).push_back(to_metadata(context, tp, *partition));
  }
  for (const auto& [id, broker] : context.brokers()) request.live_brokers.push_back(to_metadata(broker));
  return request;
}

RequestBatch::Requests RequestBatch::take(const ControllerContext& context, BrokerId controller_id,
                                          const std::string& inter_broker_listener) {
  Requests requests;
  const auto address = [&](auto& request, BrokerId broker) {
    request.controller_id = controller_id;
    request.controller_epoch = context.epoch;
    request.broker_epoch = context.broker(broker)->epoch;
  };
  for (const auto& [broker, partitions] : leader_and_isr_) {
    if (!context.broker(broker)) continue;
    auto request = leader_and_isr_request(context, broker, inter_broker_listener);
    address(request, broker);
    requests.leader_and_isr.emplace(broker, std::move(request));
  }
  if (to_all_ || !metadata_brokers_.empty()) {
    const protocol::UpdateMetadataRequest shared = update_metadata_request(context);
    for (const auto& [broker, registration] : context.brokers()) {
      if (!to_all_ && !metadata_brokers_.contains(broker)) continue;
      auto& request = requests.update_metadata.emplace(broker, shared).first->second;
      address(request, broker);
    }
  }
  for (const auto& [broker, partitions] : stop_replica_) {
    if (!context.broker(broker)) continue;
    protocol::StopReplicaRequest& request = requests.stop_replica[broker];
    address(request, broker);
    for (const auto& [tp, delete_partition] : partitions) {
      auto& state = states_of(tp.topic, request, context).emplace_back();
      state.partition_index = tp.partition;
      state.leader_epoch = context.leader_epoch(tp);
      state.delete_partition = delete_partition;
    }
  }
  *this = RequestBatch();
  return requests;
}

}  // namespace coordination::cluster
