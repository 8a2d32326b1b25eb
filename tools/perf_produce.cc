#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <limits>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "protocol/clock.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/produce.h"
#include "protocol/records/record_batch_builder.h"
#include "tools/command.h"
#include "tools/latencies.h"
#include "tools/offsets.h"
#include "tools/perf.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace tools {
namespace {

using broker::client::Cluster, broker::client::Connection;
using protocol::BrokerId, protocol::Bytes, protocol::ErrorCode, protocol::fail, protocol::PartitionIndex,
    protocol::ProduceRequest, protocol::Result;
using Clock = std::chrono::steady_clock;

// The newest version that names topics instead of giving their ids.
constexpr protocol::ApiVersion newest_with_names = 12;
// With a rate, a batch waits no longer than this for its records.
constexpr double linger_s = 0.005;
// Payloads are slices of this much random text: not so regular that compression finds nothing else to do.
constexpr std::size_t payload_pool_bytes = std::size_t{1} << 20;
constexpr std::uint32_t payload_seed = 1;

std::int64_t since_us(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
}

std::string random_text(std::size_t size) {
  std::mt19937 random(payload_seed);
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('A' + random() % 26);
  return text;
}

class LoadProducer {
 public:
  LoadProducer(Cluster& cluster, const ProduceLoad& load, int timeout_ms)
      : cluster_(cluster),
        load_(load),
        timeout_ms_(timeout_ms),
        compression_(protocol::Compression::of(*protocol::parse_compression_type(load.codec))),
        payloads_(random_text(payload_pool_bytes + static_cast<std::size_t>(load.record_bytes))) {}

  Result<void> open() {
    const auto metadata = cluster_.topic_with_leaders(load_.topic, load_.partitions == 0);
    if (!metadata) return std::unexpected(metadata.error());
    for (const auto& partition : (*metadata)->topics.front().partitions) {
      targets_.push_back({partition.partition_index, partition.leader_id});
      if (lanes_.contains(partition.leader_id)) continue;
      auto connection = Connection::open(cluster_.brokers().at(partition.leader_id), {.timeout_ms = timeout_ms_});
      if (!connection) return std::unexpected(connection.error());
      const auto version = connection->pick(ProduceRequest::api_key, newest_with_names);
      if (!version) return std::unexpected(version.error());
      lanes_.emplace(partition.leader_id, Lane{std::move(*connection), *version, {}});
    }
    return {};
  }

  Result<void> run(Progress& progress) {
    begin_ = Clock::now();
    while (!is_interrupted() && !is_over()) {
      const Target& target = targets_[turn_++ % targets_.size()];
      Lane& lane = lanes_.at(target.leader);
      if (auto room = make_room(lane); !room) return room;
      if (auto sent = send_batch(target, lane); !sent) return sent;
      progress.update(records_, bytes_);
    }
    for (auto& [leader, lane] : lanes_) {
      while (!lane.waiting.empty()) {
        if (auto received = receive(lane); !received) return received;
      }
    }
    return {};
  }

  double seconds() const { return static_cast<double>(since_us(begin_)) / 1e6; }
  std::int64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }            // of records
  std::uint64_t sent_bytes() const { return sent_bytes_; }  // of batches, compressed
  const Latencies& latencies() const { return latencies_; }

 private:
  struct Target {
    PartitionIndex partition;
    BrokerId leader;
  };
  struct Waiting {
    Clock::time_point begin;
    std::int64_t records;
  };
  // The connection to a broker, and what it has not answered.
  struct Lane {
    Connection connection;
    protocol::ApiVersion version;
    std::deque<Waiting> waiting;
  };

  bool is_over() const {
    if (load_.limits.records > 0 && records_ >= load_.limits.records) return true;
    return load_.limits.seconds > 0 && since_us(begin_) >= std::int64_t{load_.limits.seconds} * 1'000'000;
  }

  std::int64_t batch_limit() const {
    std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (load_.limits.records > 0) most = load_.limits.records - records_;
    if (load_.records_per_s > 0) {
      const auto within_linger = static_cast<std::int64_t>(static_cast<double>(load_.records_per_s) * linger_s);
      most = std::min(most, std::max<std::int64_t>(1, within_linger));
    }
    return most;
  }

  // Until one more request may be sent: answers are taken as they come, so that their time is right.
  Result<void> make_room(Lane& lane) {
    if (load_.records_per_s > 0) {
      if (auto waited = wait_for_turn(); !waited) return waited;
    }
    while (std::ssize(lane.waiting) >= load_.in_flight || lane_has_answer(lane)) {
      if (auto received = receive(lane); !received) return received;
    }
    return {};
  }

  static bool lane_has_answer(Lane& lane) { return !lane.waiting.empty() && lane.connection.has_answer(0); }

  // With a rate: when the records so far are no more than the time allows.
  Result<void> wait_for_turn() {
    const double due_s = static_cast<double>(records_) / static_cast<double>(load_.records_per_s);
    for (double left_s = due_s - seconds(); left_s > 0 && !is_interrupted(); left_s = due_s - seconds()) {
      const int left_ms = std::max(1, static_cast<int>(left_s * 1000));
      const auto busy = std::ranges::find_if(lanes_, [](const auto& entry) { return !entry.second.waiting.empty(); });
      if (busy == lanes_.end()) {
        std::this_thread::sleep_for(std::chrono::duration<double>(left_s));
      } else if (busy->second.connection.has_answer(left_ms)) {
        if (auto received = receive(busy->second); !received) return received;
      }
    }
    return {};
  }

  Result<void> send_batch(const Target& target, Lane& lane) {
    const Waiting waiting{Clock::now(), 0};
    const std::int64_t limit = batch_limit();
    const auto now = protocol::SystemClock().now_ms();
    const auto size = static_cast<std::size_t>(load_.record_bytes);
    protocol::RecordBatchBuilder builder({.compression = compression_});
    do {
      const auto at = static_cast<std::size_t>(records_) * 61 % payload_pool_bytes;
      builder.append(now, std::nullopt, protocol::as_bytes(std::string_view(payloads_).substr(at, size)));
      ++records_;
      bytes_ += size;
    } while (builder.record_count() < limit &&
             builder.uncompressed_size() + size + 16 <= static_cast<std::size_t>(load_.batch_bytes));
    const auto batch = builder.build();
    if (!batch) return std::unexpected(batch.error());
    sent_bytes_ += batch->size();

    ProduceRequest request{.acks = load_.acks, .timeout_ms = timeout_ms_};
    auto& topic = request.topic_data.emplace_back();
    topic.name = std::string_view(load_.topic);
    topic.partition_data.push_back({.index = target.partition, .records = protocol::Records(Bytes(*batch))});
    if (load_.acks == 0) return lane.connection.send_without_answer(request, lane.version);
    lane.waiting.push_back({waiting.begin, builder.record_count()});
    return lane.connection.send(request, lane.version);
  }

  Result<void> receive(Lane& lane) {
    const auto reply = lane.connection.receive<protocol::ProduceResponse>(protocol::ApiKey::produce, lane.version);
    if (!reply) return std::unexpected(reply.error());
    const Waiting sent = lane.waiting.front();
    lane.waiting.pop_front();
    latencies_.add(since_us(sent.begin), sent.records);
    for (const auto& topic : (*reply)->responses) {
      for (const auto& partition : topic.partition_responses) {
        if (partition.error_code == ErrorCode::none) continue;
        return fail(partition.error_code, fmt::format("{}-{}: {}", load_.topic, partition.index,
                                                      describe(partition.error_code, partition.error_message)));
      }
    }
    return {};
  }

  Cluster& cluster_;
  const ProduceLoad& load_;
  int timeout_ms_;
  protocol::Compression compression_;
  std::string payloads_;
  std::vector<Target> targets_;
  std::map<BrokerId, Lane> lanes_;
  std::size_t turn_ = 0;
  Clock::time_point begin_;
  std::int64_t records_ = 0;
  std::uint64_t bytes_ = 0, sent_bytes_ = 0;
  Latencies latencies_;
};

// Makes the topic with so many partitions, unless it is there.
Result<void> make_topic(Cluster& cluster, const ProduceLoad& load, int timeout_ms) {
  if (load.partitions == 0) return {};
  protocol::CreateTopicsRequest request{.timeout_ms = timeout_ms};
  auto& topic = request.topics.emplace_back();
  topic.name = std::string_view(load.topic);
  topic.num_partitions = load.partitions;
  topic.replication_factor = -1;
  const auto reply = cluster.call_controller(request);
  if (!reply) return std::unexpected(reply.error());
  for (const auto& result : (*reply)->topics) {
    if (result.error_code == ErrorCode::none || result.error_code == ErrorCode::topic_already_exists) continue;
    return fail(result.error_code,
                fmt::format("{}: {}", load.topic, describe(result.error_code, result.error_message)));
  }
  return {};
}

void print_json(const ProduceLoad& load, const LoadProducer& producer, double seconds) {
  JsonWriter json;
  json.begin_object().field("topic", std::string_view(load.topic)).field("records", producer.records());
  json.field("bytes", producer.bytes()).field("sent_bytes", producer.sent_bytes());
  json.field("ms", static_cast<std::int64_t>(seconds * 1000));
  json.field("records_per_s", static_cast<std::int64_t>(static_cast<double>(producer.records()) / seconds));
  json.field("bytes_per_s", static_cast<std::int64_t>(static_cast<double>(producer.bytes()) / seconds));
  if (producer.latencies().count() > 0) producer.latencies().write(json, "latency");
  fmt::print("{}\n", json.end_object().text());
}

void print(const ProduceLoad& load, const LoadProducer& producer, double seconds) {
  fmt::print("{} records to {} in {:.2f} s: {} records/s, {}/s\n", grouped(producer.records()), load.topic, seconds,
             grouped(static_cast<std::int64_t>(static_cast<double>(producer.records()) / seconds)),
             data_size(static_cast<std::uint64_t>(static_cast<double>(producer.bytes()) / seconds)));
  fmt::print("  records of {}, batches of {}, acks {}, compression {}, {} in flight\n",
             data_size(static_cast<std::uint64_t>(load.record_bytes)),
             data_size(static_cast<std::uint64_t>(load.batch_bytes)), load.acks < 0 ? "all" : std::to_string(load.acks),
             load.codec, load.in_flight);
  if (producer.latencies().count() > 0) fmt::print("  latency ms: {}\n", producer.latencies().text());
}

}  // namespace

int perf_produce(const SessionOptions& session, const ProduceLoad& load) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const int timeout_ms = session.timeout_s * 1000;
  if (auto made = make_topic(*cluster, load, timeout_ms); !made) return report(made.error());
  LoadProducer producer(*cluster, load, timeout_ms);
  if (auto opened = producer.open(); !opened) return report(opened.error());
  watch_interrupts();
  Progress progress("records", !session.json);
  const auto result = producer.run(progress);
  const double seconds = std::max(producer.seconds(), 1e-6);
  progress.clear();
  if (session.json) {
    print_json(load, producer, seconds);
  } else {
    print(load, producer, seconds);
  }
  if (!result) return report(result.error(), "the load ended early");
  return is_interrupted() ? exit_code::interrupted : exit_code::ok;
}

}  // namespace tools
