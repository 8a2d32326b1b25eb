#include "broker/handlers/topic_changes.h"

#include <algorithm>

#include "broker/background.h"
#include "broker/waiter.h"

namespace broker {

using coordination::cluster::BrokerRack;
using coordination::cluster::CreatedTopic;
using coordination::cluster::NewPartitions;
using coordination::cluster::NewTopic;
using protocol::ErrorCode;
using protocol::fail;
using protocol::Result;

namespace {

// How long an answer to a deletion waits for the name to be free, after the topic is gone for clients.
constexpr std::int64_t name_wait_max_ms = 1000;

// A topic and how many partitions with leaders it shall have.
struct Expected {
  std::string topic;
  std::int32_t partition_count = 0;

  bool holds(const MetadataSnapshot& now) const {
    const TopicMetadata* known = now.topic(topic);
    if (!known || known->partitions.size() < static_cast<std::size_t>(partition_count)) return false;
    return std::ranges::all_of(known->partitions, [](const PartitionMetadata& p) { return p.leader >= 0; });
  }
};

// Those results that stand for a change which isn't complete get the timeout.
template <typename T>
void time_out(std::vector<Result<T>>& results, const std::vector<std::size_t>& incomplete) {
  for (const std::size_t i : incomplete) results[i] = fail(ErrorCode::request_timed_out);
}

}  // namespace

TopicChanges::TopicChanges(const coordination::cluster::TopicAdmin& admin, MetadataCache& metadata,
                           BackgroundPool& background, std::uint64_t seed)
    : admin_(admin), metadata_(metadata), background_(background), random_(seed) {}

std::uint64_t TopicChanges::random() {
  const protocol::MutexLock lock(mutex_);
  return random_();
}

awaitable<bool> TopicChanges::wait_until(RequestContext& context, std::vector<std::string> topics,
                                         MetadataCache::Condition condition, std::int64_t timeout_ms) {
  Waiter waiter(context);
  const auto wake = [handle = waiter.handle()] { handle.notify(); };
  const MetadataCache::WaiterId id = metadata_.wait(topics, condition, wake);
  if (id == 0) co_return true;
  const Wake woken = co_await waiter.wait_for(timeout_ms);
  metadata_.cancel(id);
  co_return woken == Wake::notified || condition(*metadata_.snapshot());
}

awaitable<std::vector<Result<CreatedTopic>>> TopicChanges::create(RequestContext& context, std::vector<NewTopic> topics,
                                                                  std::int64_t timeout_ms, bool validate_only) {
  std::vector<BrokerRack> brokers;
  const MetadataCache::Snapshot now = metadata_.snapshot();
  for (const auto& [id, broker] : now->brokers()) brokers.push_back({id, broker.rack});
  const auto create_all = [&] { return admin_.create(topics, brokers, random(), validate_only); };
  std::vector<Result<CreatedTopic>> results = co_await background_.run(create_all);
  if (validate_only) co_return results;

  std::vector<Expected> expected;
  std::vector<std::string> names;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    expected.push_back({topics[i].name, results[i]->partition_count});
    names.push_back(topics[i].name);
    positions.push_back(i);
  }
  if (expected.empty()) co_return results;
  if (timeout_ms <= 0) {
    time_out(results, positions);
    co_return results;
  }
  const auto complete = [&expected](const MetadataSnapshot& snapshot) {
    return std::ranges::all_of(expected, [&](const Expected& topic) { return topic.holds(snapshot); });
  };
  const bool all = co_await wait_until(context, names, complete, timeout_ms);
  if (all) co_return results;
  const MetadataCache::Snapshot later = metadata_.snapshot();
  std::vector<std::size_t> incomplete;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!expected[i].holds(*later)) incomplete.push_back(positions[i]);
  }
  time_out(results, incomplete);
  co_return results;
}

awaitable<std::vector<Result<void>>> TopicChanges::remove(RequestContext& context, std::vector<std::string> topics,
                                                          std::int64_t timeout_ms) {
  const auto remove_all = [&] { return admin_.remove(topics); };
  std::vector<Result<void>> results = co_await background_.run(remove_all);
  std::vector<std::string> names;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    names.push_back(topics[i]);
    positions.push_back(i);
  }
  if (names.empty()) co_return results;
  if (timeout_ms <= 0) {
    time_out(results, positions);
    co_return results;
  }
  const auto gone = [&names](const MetadataSnapshot& snapshot) {
    return std::ranges::none_of(names, [&](const std::string& name) { return snapshot.contains(name); });
  };
  const bool all = co_await wait_until(context, names, gone, timeout_ms);
  if (all) {
    co_await wait_until_names_are_free(context, std::move(names), std::min(timeout_ms, name_wait_max_ms));
    co_return results;
  }
  const MetadataCache::Snapshot later = metadata_.snapshot();
  std::erase_if(positions, [&](std::size_t i) { return !later->contains(topics[i]); });
  time_out(results, positions);
  co_return results;
}

awaitable<void> TopicChanges::wait_until_names_are_free(RequestContext& context, std::vector<std::string> topics,
                                                        std::int64_t timeout_ms) {
  // Each round drops at least one name. The deletions go on together, so it is the first that takes the time.
  for (;;) {
    Waiter waiter(context);
    const auto changed = [handle = waiter.handle()] { handle.notify(); };
    const auto drop_free_names = [&] { return admin_.all_gone(topics, changed); };
    const bool all = co_await background_.run(drop_free_names);
    if (all) co_return;
    const Wake woken = co_await waiter.wait_for(timeout_ms);
    if (woken != Wake::notified) co_return;
  }
}

awaitable<std::vector<Result<std::int32_t>>> TopicChanges::add_partitions(RequestContext& context,
                                                                          std::vector<NewPartitions> topics,
                                                                          std::int64_t timeout_ms, bool validate_only) {
  const auto add_all = [&] { return admin_.add_partitions(topics, validate_only); };
  std::vector<Result<std::int32_t>> results = co_await background_.run(add_all);
  if (validate_only) co_return results;
  std::vector<Expected> expected;
  std::vector<std::string> names;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    expected.push_back({topics[i].topic, *results[i]});
    names.push_back(topics[i].topic);
    positions.push_back(i);
  }
  if (expected.empty()) co_return results;
  if (timeout_ms <= 0) {
    time_out(results, positions);
    co_return results;
  }
  const auto complete = [&expected](const MetadataSnapshot& snapshot) {
    return std::ranges::all_of(expected, [&](const Expected& topic) { return topic.holds(snapshot); });
  };
  const bool all = co_await wait_until(context, names, complete, timeout_ms);
  if (all) co_return results;
  const MetadataCache::Snapshot later = metadata_.snapshot();
  std::vector<std::size_t> incomplete;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!expected[i].holds(*later)) incomplete.push_back(positions[i]);
  }
  time_out(results, incomplete);
  co_return results;
}

}  // namespace broker
