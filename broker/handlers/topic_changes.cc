#include "broker/handlers/topic_changes.h"

#include <algorithm>
#include <memory>
#include <utility>

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

// What the topic of result `position` shall become: that many partitions with leaders; none: gone.
struct Expected {
  std::size_t position = 0;
  std::string topic;
  std::int32_t partition_count = 0;

  bool holds(const MetadataSnapshot& now) const {
    const TopicMetadata* known = now.topic(topic);
    if (partition_count == 0) return known == nullptr;
    if (!known || known->partitions.size() < static_cast<std::size_t>(partition_count)) return false;
    return std::ranges::all_of(known->partitions, [](const PartitionMetadata& p) { return p.leader >= 0; });
  }
};

// Waits until all that is expected holds. Results of changes that aren't complete in time become request_timed_out,
// which without a positive time are all. Returns whether everything holds.
template <typename T>
awaitable<bool> wait_for_all(RequestContext& context, MetadataCache& metadata, std::vector<Expected> expected,
                             std::vector<Result<T>>& results, std::int64_t timeout_ms) {
  if (expected.empty()) co_return true;
  if (timeout_ms > 0) {
    std::vector<std::string> names;
    for (const Expected& topic : expected) names.push_back(topic.topic);
    // Shared, since the cache may look at the condition while this coroutine ends.
    const auto condition = [all =
                                std::make_shared<const std::vector<Expected>>(expected)](const MetadataSnapshot& now) {
      return std::ranges::all_of(*all, [&](const Expected& topic) { return topic.holds(now); });
    };
    Waiter waiter(context);
    const auto wake = [handle = waiter.handle()] { handle.notify(); };
    const MetadataCache::WaiterId id = metadata.wait(names, condition, wake);
    if (id == 0) co_return true;
    const Wake woken = co_await waiter.wait_for(timeout_ms);
    metadata.cancel(id);
    if (woken == Wake::notified) co_return true;
    const MetadataCache::Snapshot later = metadata.snapshot();
    std::erase_if(expected, [&](const Expected& topic) { return topic.holds(*later); });
  }
  for (const Expected& topic : expected) results[topic.position] = fail(ErrorCode::request_timed_out);
  const bool complete = expected.empty();
  co_return complete;
}

}  // namespace

TopicChanges::TopicChanges(const coordination::cluster::TopicAdmin& admin, MetadataCache& metadata,
                           BackgroundPool& background, std::uint64_t seed)
    : admin_(admin), metadata_(metadata), background_(background), random_(seed) {}

std::uint64_t TopicChanges::random() {
  const protocol::MutexLock lock(mutex_);
  return random_();
}

awaitable<std::vector<Result<CreatedTopic>>> TopicChanges::create(RequestContext& context, std::vector<NewTopic> topics,
                                                                  std::int64_t timeout_ms, bool validate_only,
                                                                  Admit admit) {
  std::vector<BrokerRack> brokers;
  const MetadataCache::Snapshot now = metadata_.snapshot();
  for (const auto& [id, broker] : now->brokers()) brokers.push_back({id, broker.rack});
  const auto create_all = [&] { return admin_.create(topics, brokers, random(), validate_only, admit); };
  std::vector<Result<CreatedTopic>> results = co_await background_.run(create_all);
  if (validate_only) co_return results;

  std::vector<Expected> expected;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) expected.push_back({i, topics[i].name, results[i]->partition_count});
  }
  co_await wait_for_all(context, metadata_, std::move(expected), results, timeout_ms);
  co_return results;
}

awaitable<std::vector<Result<void>>> TopicChanges::remove(RequestContext& context, std::vector<std::string> topics,
                                                          std::int64_t timeout_ms) {
  const auto remove_all = [&] { return admin_.remove(topics); };
  std::vector<Result<void>> results = co_await background_.run(remove_all);
  std::vector<Expected> expected;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    expected.push_back({i, topics[i], 0});
    names.push_back(topics[i]);
  }
  const bool all = co_await wait_for_all(context, metadata_, std::move(expected), results, timeout_ms);
  if (all && !names.empty()) {
    co_await wait_until_names_are_free(context, std::move(names), std::min(timeout_ms, name_wait_max_ms));
  }
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
                                                                          std::int64_t timeout_ms, bool validate_only,
                                                                          Admit admit) {
  const auto add_all = [&] { return admin_.add_partitions(topics, validate_only, admit); };
  std::vector<Result<std::int32_t>> results = co_await background_.run(add_all);
  if (validate_only) co_return results;
  std::vector<Expected> expected;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) expected.push_back({i, topics[i].topic, *results[i]});
  }
  co_await wait_for_all(context, metadata_, std::move(expected), results, timeout_ms);
  co_return results;
}

}  // namespace broker
