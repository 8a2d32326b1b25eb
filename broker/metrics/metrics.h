// What the broker counts, and the Prometheus text that shows it. Names are those of Kafka's JMX exporter configuration
// (kafka-2_0_0.yml, lower case) where Kafka has the metric, so that existing dashboards work.
//
// One Metrics object per broker. Counting is lock-free and safe from any thread (relaxed atomics; a scrape sees each
// value at some recent moment). A topic's first count, registering gauges and rendering take a lock, for as long as it
// takes to find an entry or to copy the list of them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error_code.h"
#include "protocol/mutex.h"

namespace broker {

class Counter {
 public:
  void add(std::int64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Distribution of durations or sizes since the start: four buckets per power of two, so quantiles are exact to about 20
// %.
class Histogram {
 public:
  void record(std::int64_t value) {
    buckets_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value < 0 ? 0 : value, std::memory_order_relaxed);
  }
  std::int64_t count() const;
  std::int64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  // The upper edge of the bucket that the quantile falls into; 0 when nothing was recorded.
  std::int64_t quantile(double q) const;

 private:
  static constexpr std::size_t bucket_count = 4 * 40;
  static std::size_t bucket_of(std::int64_t value) {
    if (value < 4) return value < 0 ? 0 : static_cast<std::size_t>(value);
    const auto bits = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(value)));
    const std::size_t index = (bits - 2) * 4 + ((static_cast<std::uint64_t>(value) >> (bits - 3)) & 3);
    return index < bucket_count ? index : bucket_count - 1;
  }
  static std::int64_t upper_edge(std::size_t bucket);
  std::array<std::atomic<std::uint32_t>, bucket_count> buckets_{};
  std::atomic<std::int64_t> sum_{0};
};

// kafka.server:type=BrokerTopicMetrics, once for the whole broker and once for each topic that has traffic.
struct TopicMetrics {
  Counter messages_in;
  Counter bytes_in;
  Counter bytes_out;
  Counter bytes_rejected;
  Counter total_produce_requests;
  Counter total_fetch_requests;
  Counter failed_produce_requests;
  Counter failed_fetch_requests;
  Counter replication_bytes_in;
  Counter replication_bytes_out;
  Counter produce_message_conversions;
  Counter fetch_message_conversions;
};

// One API's row of kafka.network:type=RequestMetrics.
struct RequestMetrics {
  static constexpr std::size_t version_limit = 24;
  static constexpr std::size_t error_limit = 192;  // Kafka's codes end below 150
  std::array<Counter, version_limit> requests_by_version;
  std::array<Counter, error_limit> answers_by_error;  // from code -1 on; an answer may hold many
  Counter request_bytes;
  Counter response_bytes;
  Histogram total_time_us;  // frame complete to response queued

  void count_error(protocol::ErrorCode code) {
    answers_by_error[std::min(static_cast<std::size_t>(static_cast<int>(code) + 1), error_limit - 1)].add();
  }
};

class Metrics {
 public:
  static constexpr std::size_t api_key_limit = 128;
  using Labels = std::vector<std::pair<std::string, std::string>>;

  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The broker's totals. Whoever counts for a topic counts here, too.
  TopicMetrics& all_topics() { return all_topics_; }

  // A topic's own counters, made on first use; keep the pointer with the partition. At most 5,000 topics are shown
  // apart: later ones share one entry that isn't shown.
  std::shared_ptr<TopicMetrics> topic(std::string_view name);
  void forget_topic(std::string_view name);

  // REQUIRES: 0 <= api_key < api_key_limit. Made on first use.
  RequestMetrics& request(std::int16_t api_key);

  // Sockets
  Counter connections_opened;
  Counter connections_closed;
  Counter connections_refused;  // over max.connections.per.ip
  Counter connections_idle_closed;
  Counter connections_rejected;  // didn't speak the Kafka protocol, or broke it
  std::atomic<std::int64_t> connections_now{0};

  // A value that is asked for at each scrape. `name` in full, e.g. "kafka_server_replicamanager_partitioncount"; the
  // function is called from the HTTP thread and must be brief. Gauges of one name are shown together, with their
  // labels.
  void gauge(std::string name, std::string help, std::function<double()> value, Labels labels = {});
  // The same for a value that only grows.
  void counter(std::string name, std::string help, std::function<double()> value, Labels labels = {});

  // Gauges whose values are found together: `values` is called once for all of them at each scrape, and returns them in
  // the order of `rows`.
  struct GaugeRow {
    std::string name;
    std::string help;
  };
  void gauges(std::vector<GaugeRow> rows, std::function<std::vector<double>()> values);

  // Gauges that come and go, such as one for each client that is measured: `values` returns those there are now.
  struct Sample {
    std::string name;
    Labels labels;
    double value = 0;
  };
  void samples(std::string help, std::function<std::vector<Sample>()> values);

  // Prometheus text format 0.0.4. `api_name` gives Kafka's name of an API key ("Produce").
  std::string render(const std::function<std::string_view(std::int16_t)>& api_name) const;

 private:
  struct Sampled {
    std::string help;
    bool is_counter = false;
    std::vector<std::pair<Labels, std::function<double()>>> series;
  };
  struct GaugeGroup {
    std::vector<GaugeRow> rows;
    std::function<std::vector<double>()> values;
  };
  struct SampleSource {
    std::string help;
    std::function<std::vector<Sample>()> values;
  };
  void render_topics(std::string& out) const;
  void render_requests(std::string& out, const std::function<std::string_view(std::int16_t)>& api_name) const;
  void render_sampled(std::string& out) const;
  void render_connections(std::string& out) const;

  TopicMetrics all_topics_;
  std::array<std::atomic<RequestMetrics*>, api_key_limit> requests_{};
  mutable protocol::Mutex mutex_;
  std::vector<std::unique_ptr<RequestMetrics>> request_rows_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<TopicMetrics>, std::less<>> topics_ GUARDED_BY(mutex_);
  std::shared_ptr<TopicMetrics> overflow_topic_ GUARDED_BY(mutex_);
  std::map<std::string, Sampled> sampled_ GUARDED_BY(mutex_);
  std::vector<GaugeGroup> gauge_groups_ GUARDED_BY(mutex_);
  std::vector<SampleSource> sample_sources_ GUARDED_BY(mutex_);
};

}  // namespace broker
