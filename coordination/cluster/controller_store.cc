#include "coordination/cluster/controller_store.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace coordination::cluster {

using metadata_store::CreateMode, metadata_store::Operation, metadata_store::StoreError, metadata_store::Transaction,
    metadata_store::TransactionResult;

template <typename Result>
void ControllerStore::note_failure(const Result& result, const std::string& what) {
  if (result || result.error() == StoreError::no_node) return;
  spdlog::warn("Controller: {} can't be read: {}.", what, name(result.error()));
  read_failed_ = true;
}

std::optional<ControllerStore::Election> ControllerStore::elect(BrokerId id, std::int64_t now_ms) {
  // "0" is where the epochs start: the first controller has 1.
  const auto created = store_.create(path::controller_epoch, "0", CreateMode::persistent);
  if (!created && created.error() != StoreError::node_exists) return std::nullopt;
  const auto node = store_.get(path::controller_epoch);
  const auto epoch = node ? decode_controller_epoch(node->data) : protocol::fail(protocol::ErrorCode::none);
  if (!epoch) return std::nullopt;
  const std::int32_t next = *epoch + 1;
  const auto elected =
      store_.multi({Operation::create(path::controller, encode_controller(id, now_ms), CreateMode::ephemeral),
                    Operation::set(path::controller_epoch, std::to_string(next), node->stat.version)});
  if (!elected) {
    const StoreError error = elected.error().error;
    if (error != StoreError::node_exists && error != StoreError::bad_version) {
      spdlog::warn("The election of a controller failed: {}.", name(error));
    }
    return std::nullopt;
  }
  deposed_ = false;
  begin_event();
  epoch_version_ = (*elected)[1].stat.version;
  return Election{.epoch = next, .epoch_version = epoch_version_};
}

BrokerId ControllerStore::controller_id(Watch watch) {
  if (watch) (void)store_.exists(path::controller, std::move(watch));
  const auto node = store_.get(path::controller);
  const auto id = node ? decode_controller(node->data) : protocol::fail(protocol::ErrorCode::none);
  return id ? *id : -1;
}

std::int32_t ControllerStore::controller_epoch() {
  const auto node = store_.get(path::controller_epoch);
  const auto epoch = node ? decode_controller_epoch(node->data) : protocol::fail(protocol::ErrorCode::none);
  return epoch ? *epoch : 0;
}

void ControllerStore::resign() { write({{Operation::remove(path::controller)}}); }

bool ControllerStore::abandon() {
  const auto node = store_.get(path::controller);
  if (!node || node->stat.ephemeral_owner != store_.session_id()) return false;
  return store_.remove(path::controller, node->stat.version).has_value();
}

std::vector<BrokerRegistration> ControllerStore::brokers(Watch watch) {
  auto brokers = read_brokers(store_, std::move(watch));
  note_failure(brokers, "the registered brokers");
  return brokers ? std::move(*brokers) : std::vector<BrokerRegistration>();
}

std::optional<BrokerRegistration> ControllerStore::broker(BrokerId id, Watch watch) {
  const auto node = store_.get(path::broker_id(id), std::move(watch));
  note_failure(node, path::broker_id(id));
  return node ? to_registration(id, *node) : std::nullopt;
}

std::set<std::string> ControllerStore::children(const std::string& path, Watch watch) {
  const auto names = store_.children(path, std::move(watch));
  if (!names) {
    note_failure(names, path);
    return {};
  }
  return {names->begin(), names->end()};
}

std::optional<TopicAssignment> ControllerStore::topic(const std::string& name, Watch watch) {
  const auto node = store_.get(path::topic(name), std::move(watch));
  if (!node) {
    note_failure(node, path::topic(name));
    return std::nullopt;
  }
  auto assignment = decode_topic_assignment(name, node->data);
  if (assignment) return std::move(*assignment);
  spdlog::error("{}", assignment.error().text());
  return std::nullopt;
}

std::optional<PartitionStateNode> ControllerStore::partition_state(const TopicPartition& partition, Watch watch) {
  const std::string path = path::partition_state(partition.topic, partition.partition);
  const auto node = store_.get(path, std::move(watch));
  note_failure(node, path);
  if (!node) return std::nullopt;
  auto state = decode_partition_state(partition, node->data, node->stat.version);
  if (state) return std::move(*state);
  spdlog::error("{}", state.error().text());
  return std::nullopt;
}

std::map<TopicPartition, PartitionStateNode> ControllerStore::partition_states(
    const std::vector<TopicPartition>& partitions) {
  std::vector<std::string> paths;
  for (const TopicPartition& tp : partitions) paths.push_back(path::partition_state(tp.topic, tp.partition));
  const auto nodes = store_.get_each(paths);
  std::map<TopicPartition, PartitionStateNode> states;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if (!nodes[i]) {
      note_failure(nodes[i], paths[i]);
      continue;
    }
    auto state = decode_partition_state(partitions[i], nodes[i]->data, nodes[i]->stat.version);
    if (state) {
      states.emplace(partitions[i], std::move(*state));
    } else {
      spdlog::error("{}", state.error().text());
    }
  }
  return states;
}

std::map<std::string, std::string> ControllerStore::topic_config(const std::string& topic) {
  const std::string path = path::config("topics", topic);
  const auto node = store_.get(path);
  if (!node) return {};
  const auto config = decode_config(path, node->data);
  return config ? *config : std::map<std::string, std::string>();
}

std::optional<BrokerId> ControllerStore::log_dir_event(const std::string& name) {
  const auto node = store_.get(std::string(path::log_dir_events) + "/" + name);
  if (!node) return std::nullopt;
  const auto broker = decode_log_dir_event(node->data);
  return broker ? std::optional(*broker) : std::nullopt;
}

Transaction ControllerStore::guarded(Transaction steps) const {
  steps.insert(steps.begin(), Operation::check(path::controller_epoch, epoch_version_));
  return steps;
}

std::vector<TransactionResult> ControllerStore::write(std::vector<Transaction> transactions) {
  std::vector<TransactionResult> results;
  if (deposed_ || transactions.empty()) {
    results.assign(transactions.size(),
                   std::unexpected(metadata_store::TransactionFailure{StoreError::session_expired, 0}));
    return results;
  }
  for (Transaction& steps : transactions) steps = guarded(std::move(steps));
  results = store_.multi_each(transactions);
  for (const TransactionResult& result : results) {
    if (result || result.error().step != 0) continue;
    const StoreError error = result.error().error;
    if (error == StoreError::bad_version || error == StoreError::no_node) {
      deposed_ = true;
    } else {
      spdlog::error("Controller: a write to the metadata store failed: {}.", name(error));
    }
  }
  return results;
}

ControllerStore::Written ControllerStore::create_states(const std::vector<LeaderChange>& changes) {
  // For each topic its "partitions" node, then each partition's node with its state. What exists already is fine; a
  // partition whose node is there without a state gets only that.
  std::vector<Transaction> transactions;
  std::string last_topic;
  for (const LeaderChange& change : changes) {
    if (change.partition.topic == last_topic) continue;
    last_topic = change.partition.topic;
    transactions.push_back({Operation::create(path::topic_partitions(last_topic), {})});
  }
  const std::size_t first = transactions.size();
  const auto state_node = [](const LeaderChange& change) {
    return Operation::create(path::partition_state(change.partition.topic, change.partition.partition),
                             encode(change.state));
  };
  for (const LeaderChange& change : changes) {
    const std::string partition = path::partition(change.partition.topic, change.partition.partition);
    transactions.push_back({Operation::create(partition, {}), state_node(change)});
  }
  auto results = write(std::move(transactions));
  std::vector<Transaction> again;
  std::vector<std::size_t> retried;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const TransactionResult& result = results[first + i];
    if (result || result.error().error != StoreError::node_exists || result.error().step != 1) continue;
    again.push_back({state_node(changes[i])});
    retried.push_back(i);
  }
  auto second = write(std::move(again));
  for (std::size_t i = 0; i < retried.size(); ++i) results[first + retried[i]] = std::move(second[i]);

  Written written;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (results[first + i]) {
      written.versions.emplace(changes[i].partition, 0);
    } else if (!deposed_) {
      spdlog::error("Controller: the state of {} can't be created: {}.", changes[i].partition.text(),
                    name(results[first + i].error().error));
    }
  }
  return written;
}

ControllerStore::Written ControllerStore::set_states(const std::vector<LeaderChange>& changes) {
  std::vector<Transaction> transactions;
  for (const LeaderChange& change : changes) {
    transactions.push_back({Operation::set(path::partition_state(change.partition.topic, change.partition.partition),
                                           encode(change.state), change.state.leader_and_isr.partition_epoch)});
  }
  const auto results = write(std::move(transactions));
  Written written;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (results[i]) {
      written.versions.emplace(changes[i].partition, (*results[i])[1].stat.version);
    } else if (results[i].error().step == 1 && results[i].error().error == StoreError::bad_version) {
      written.conflicts.push_back(changes[i].partition);
    } else if (!deposed_) {
      spdlog::error("Controller: the state of {} can't be written: {}.", changes[i].partition.text(),
                    name(results[i].error().error));
    }
  }
  return written;
}

bool ControllerStore::set_topics(const std::map<std::string, TopicAssignment>& topics) {
  std::vector<Transaction> transactions;
  for (const auto& [topic, assignment] : topics) {
    transactions.push_back({Operation::set(path::topic(topic), encode(assignment))});
  }
  return std::ranges::all_of(write(std::move(transactions)), [](const auto& result) { return result.has_value(); });
}

void ControllerStore::create_features_node() {
  const auto exists = store_.exists(path::features);
  if (exists && !*exists) write({{Operation::create(path::features, encode_no_features())}});
}

// What there is of the topic, leaf first; its own node, its configuration and its mark last.
Transaction ControllerStore::deletion_of(const std::string& topic) {
  Transaction steps;
  const std::string partitions = path::topic_partitions(topic);
  std::vector<std::string> nodes, states;
  for (const std::string& partition : children(partitions)) {
    nodes.push_back(partitions + "/" + partition);
    states.push_back(nodes.back() + "/state");
  }
  const auto found = store_.get_each(states);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (found[i]) steps.push_back(Operation::remove(states[i]));
    steps.push_back(Operation::remove(nodes[i]));
  }
  for (const std::string& node :
       {partitions, path::topic(topic), path::config("topics", topic), path::delete_topic(topic)}) {
    const auto exists = store_.exists(node);
    if (exists && *exists) steps.push_back(Operation::remove(node));
  }
  return steps;
}

std::set<std::string> ControllerStore::delete_topics(const std::set<std::string>& topics) {
  constexpr std::size_t steps_at_once = 1000;  // what a server takes in one message
  std::vector<Transaction> transactions;
  std::vector<std::string> owners;
  for (const std::string& topic : topics) {
    Transaction steps = deletion_of(topic);
    for (auto first = steps.begin(); first != steps.end();) {
      const auto last = first + std::min<std::ptrdiff_t>(steps_at_once, steps.end() - first);
      transactions.emplace_back(first, last);
      owners.push_back(topic);
      first = last;
    }
  }
  const auto results = write(std::move(transactions));
  std::set<std::string> gone = topics;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) gone.erase(owners[i]);
  }
  return gone;
}

void ControllerStore::remove_deletion_marks(const std::set<std::string>& topics) {
  remove_children(path::delete_topics, topics);
}

void ControllerStore::remove_children(const std::string& path, const std::set<std::string>& names) {
  std::vector<Transaction> transactions;
  for (const std::string& name : names) transactions.push_back({Operation::remove(path + "/" + name)});
  write(std::move(transactions));
}

}  // namespace coordination::cluster
