#include "coordination/cluster/topic_admin.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "coordination/cluster/topic_id.h"
#include "coordination/cluster/znodes.h"
#include "protocol/topic_name.h"

namespace coordination::cluster {

using metadata_store::MetadataStore, metadata_store::Operation, metadata_store::StoreError, metadata_store::Transaction;
using protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::PartitionIndex, protocol::Result,
    protocol::Uuid;

namespace {

std::unexpected<protocol::Error> colliding(const std::string& name, const std::vector<std::string>& others) {
  return fail(ErrorCode::invalid_topic_exception,
              fmt::format("Topic '{}' collides with existing topics: {}", name, fmt::join(others, ", ")));
}

// As Scala prints a map of lists, which is what Kafka's sentence holds.
std::string text(const Assignment& assignment) {
  std::string all;
  for (const auto& [index, replicas] : assignment) {
    all += fmt::format("{}{} -> ArrayBuffer({})", all.empty() ? "" : ", ", index, fmt::join(replicas, ", "));
  }
  return fmt::format("HashMap({})", all);
}

bool has_duplicates(const std::vector<BrokerId>& replicas) {
  return std::set<BrokerId>(replicas.begin(), replicas.end()).size() != replicas.size();
}

Result<void> check_assignment(const Assignment& assignment) {
  const std::size_t factor = assignment.empty() ? 0 : assignment.begin()->second.size();
  for (const auto& [index, replicas] : assignment) {
    if (replicas.size() != factor) {
      return fail(ErrorCode::invalid_replica_assignment, "All partitions should have the same number of replicas");
    }
  }
  // With ZooKeeper, Kafka makes such a topic, which never has a leader; with KRaft, it says this.
  if (factor == 0) {
    return fail(ErrorCode::invalid_replica_assignment,
                "The manual partition assignment includes an empty replica list.");
  }
  for (const auto& [index, replicas] : assignment) {
    if (has_duplicates(replicas)) {
      return fail(ErrorCode::invalid_replica_assignment,
                  fmt::format("Duplicate replica assignment found: {}", text(assignment)));
    }
  }
  PartitionIndex expected = 0;
  for (const auto& [index, replicas] : assignment) {
    if (index != expected++) {
      return fail(ErrorCode::invalid_replica_assignment, "partitions should be a consecutive 0-based integer sequence");
    }
  }
  return {};
}

Result<ConfigMap> without_nulls(const NewTopic& topic) {
  ConfigMap config;
  std::vector<std::string> nulls;
  for (const auto& [key, value] : topic.config) {
    if (value) {
      config[key] = *value;
    } else {
      nulls.push_back(key);
    }
  }
  if (nulls.empty()) return config;
  return fail(ErrorCode::invalid_config,
              fmt::format("Null value not supported for topic configs: {}", fmt::join(nulls, ",")));
}

// Start positions as Kafka draws them: two independent ones.
AssignmentRequest spread(std::int32_t count, std::int32_t factor, std::size_t brokers, std::uint64_t seed) {
  const std::uint64_t modulus = std::max<std::size_t>(brokers, 1);
  return {.partition_count = count,
          .replication_factor = factor,
          .start_index = static_cast<std::uint32_t>(mix(seed) % modulus),
          .start_shift = static_cast<std::uint32_t>(mix(~seed) % modulus)};
}

}  // namespace

// A topic that passed all checks.
struct TopicAdmin::Planned {
  Assignment assignment;
  ConfigMap config;
  Uuid id;

  CreatedTopic created(bool validate_only) const {
    return {.id = validate_only ? Uuid{} : id,
            .partition_count = static_cast<std::int32_t>(assignment.size()),
            .replication_factor = static_cast<std::int16_t>(assignment.begin()->second.size()),
            .config = config};
  }

  std::string node() const {
    TopicAssignment topic{.topic_id = id};
    for (const auto& [index, replicas] : assignment) topic.partitions[index].replicas = replicas;
    return encode(topic);
  }
};

TopicAdmin::TopicAdmin(MetadataStore& store, std::function<TopicAdminOptions()> options, ValidateConfig validate_config)
    : store_(store), options_(std::move(options)), validate_config_(std::move(validate_config)) {}

Result<void> TopicAdmin::check_name_is_free(const std::string& name, KnownNames& known) const {
  const auto exists = [&] {
    return fail(ErrorCode::topic_already_exists, fmt::format("Topic '{}' already exists.", name));
  };
  const auto marked = store_.exists(path::delete_topic(name));
  if (!marked) return std::unexpected(to_error(marked.error(), "reading the deleted topics"));
  if (*marked) {
    return fail(ErrorCode::topic_already_exists, fmt::format("Topic '{}' is marked for deletion.", name));
  }
  const auto topic = store_.exists(path::topic(name));
  if (!topic) return std::unexpected(to_error(topic.error(), "reading the topics"));
  if (*topic) return exists();
  if (!protocol::has_collision_chars(name)) return {};
  if (!known) {
    const auto topics = store_.children(path::topics);
    if (!topics) return std::unexpected(to_error(topics.error(), "reading the topics"));
    known.emplace();
    for (const std::string& other : *topics) known->emplace(protocol::metric_name(other), other);
  }
  std::vector<std::string> others;
  const auto [first, last] = known->equal_range(protocol::metric_name(name));
  for (auto other = first; other != last; ++other) {
    if (other->second == name) return exists();
    others.push_back(other->second);
  }
  if (others.empty()) return {};
  return colliding(name, others);
}

Result<TopicAdmin::Planned> TopicAdmin::plan(const NewTopic& topic, std::span<const BrokerRack> brokers,
                                             std::uint64_t seed, KnownNames& known) const {
  auto name_is_valid = protocol::check_topic_name(topic.name);
  // An existing topic is the first thing Kafka looks for, whatever else is wrong with the request.
  auto name_is_free = name_is_valid ? check_name_is_free(topic.name, known) : Result<void>();
  if (name_is_free.code() == ErrorCode::topic_already_exists) return std::unexpected(name_is_free.error());
  auto config = without_nulls(topic);
  if (!config) return std::unexpected(config.error());
  const bool has_numbers =
      topic.partition_count != default_partition_count || topic.replication_factor != default_replication_factor;
  if (has_numbers && !topic.assignment.empty()) {
    return fail(ErrorCode::invalid_request,
                "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the "
                "same time.");
  }
  Planned planned{.assignment = topic.assignment, .config = std::move(*config), .id = make_topic_id(seed)};
  if (planned.assignment.empty()) {
    const TopicAdminOptions defaults = options_();
    const std::int32_t count =
        topic.partition_count == default_partition_count ? defaults.num_partitions : topic.partition_count;
    const std::int32_t factor = topic.replication_factor == default_replication_factor
                                    ? defaults.default_replication_factor
                                    : topic.replication_factor;
    if (auto fits = check_partition_count(count); !fits) return std::unexpected(fits.error());
    auto assigned = assign_replicas(brokers, spread(count, factor, brokers.size(), seed));
    if (!assigned) return std::unexpected(assigned.error());
    planned.assignment = std::move(*assigned);
  }
  if (!name_is_valid) return std::unexpected(name_is_valid.error());
  if (!name_is_free) return std::unexpected(name_is_free.error());
  if (auto valid = check_assignment(planned.assignment); !valid) return std::unexpected(valid.error());
  if (auto valid = validate_config_(planned.config); !valid) return std::unexpected(valid.error());
  return planned;
}

std::vector<Result<CreatedTopic>> TopicAdmin::create(std::span<const NewTopic> topics,
                                                     std::span<const BrokerRack> brokers, std::uint64_t seed,
                                                     bool validate_only, const Admit& admit) const {
  std::vector<Result<CreatedTopic>> results;
  std::vector<Transaction> transactions;
  std::vector<std::size_t> written;
  KnownNames known;
  for (const NewTopic& topic : topics) {
    const auto planned = plan(topic, brokers, mix(seed + results.size()), known);
    if (!planned) {
      results.push_back(std::unexpected(planned.error()));
      continue;
    }
    if (!validate_only) {
      const auto admitted = admit ? admit(static_cast<std::int64_t>(planned->assignment.size())) : Result<void>();
      if (!admitted) {
        results.push_back(std::unexpected(admitted.error()));
        continue;
      }
      // A configuration that an earlier topic of this name left behind is replaced.
      const std::string config = path::config("topics", topic.name);
      const auto left_behind = store_.exists(config);
      Transaction steps;
      if (left_behind && *left_behind) steps.push_back(Operation::remove(config));
      steps.push_back(Operation::create(config, encode_config(planned->config)));
      steps.push_back(Operation::create(path::topic(topic.name), planned->node()));
      transactions.push_back(std::move(steps));
      written.push_back(results.size());
      if (known) known->emplace(protocol::metric_name(topic.name), topic.name);
    }
    results.push_back(planned->created(validate_only));
  }
  const auto outcomes = store_.multi_each(transactions);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const std::string& name = topics[written[i]].name;
    if (outcomes[i]) {
      spdlog::info("Topic {} is created with {} partition(s).", name, results[written[i]]->partition_count);
    } else if (outcomes[i].error().error == StoreError::node_exists) {
      results[written[i]] = fail(ErrorCode::topic_already_exists, fmt::format("Topic '{}' already exists.", name));
    } else {
      results[written[i]] = std::unexpected(to_error(outcomes[i].error().error, "creating topic " + name));
    }
  }
  return results;
}

std::vector<Result<void>> TopicAdmin::remove(std::span<const std::string> topics) const {
  std::vector<Transaction> transactions;
  for (const std::string& topic : topics) {
    // The check makes sure that there is such a topic, whatever its version.
    transactions.push_back({Operation::check(path::topic(topic), metadata_store::any_version),
                            Operation::create(path::delete_topic(topic), {})});
  }
  std::vector<Result<void>> results;
  const auto outcomes = store_.multi_each(transactions);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] || outcomes[i].error().error == StoreError::node_exists) {
      results.emplace_back();
    } else if (outcomes[i].error().error == StoreError::no_node ||
               outcomes[i].error().error == StoreError::bad_arguments) {
      results.push_back(
          fail(ErrorCode::unknown_topic_or_partition, fmt::format("Topic `{}` to delete does not exist", topics[i])));
    } else {
      results.push_back(std::unexpected(to_error(outcomes[i].error().error, "deleting topic " + topics[i])));
    }
  }
  return results;
}

bool TopicAdmin::all_gone(std::vector<std::string>& topics, const std::function<void()>& changed) const {
  while (!topics.empty()) {
    const auto watch = [changed](const metadata_store::WatchEvent&) { changed(); };
    const auto exists = store_.exists(path::topic(topics.back()), watch);
    if (exists && *exists) return false;
    topics.pop_back();
  }
  return true;
}

}  // namespace coordination::cluster
