#include "broker/metrics/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace broker {
namespace {

constexpr std::size_t topic_limit = 5000;

struct TopicRow {
  std::string_view name;
  std::string_view help;
  Counter TopicMetrics::* counter;
  bool per_topic;  // Kafka has a bean per topic for it
};

constexpr TopicRow topic_rows[] = {
    {"kafka_server_brokertopicmetrics_messagesin_total", "Records appended.", &TopicMetrics::messages_in, true},
    {"kafka_server_brokertopicmetrics_bytesin_total", "Bytes appended from clients.", &TopicMetrics::bytes_in, true},
    {"kafka_server_brokertopicmetrics_bytesout_total", "Bytes sent to consumers.", &TopicMetrics::bytes_out, true},
    {"kafka_server_brokertopicmetrics_bytesrejected_total", "Bytes of refused batches.", &TopicMetrics::bytes_rejected,
     true},
    {"kafka_server_brokertopicmetrics_totalproducerequests_total", "Produce requests for the topic.",
     &TopicMetrics::total_produce_requests, true},
    {"kafka_server_brokertopicmetrics_totalfetchrequests_total", "Fetch requests for the topic.",
     &TopicMetrics::total_fetch_requests, true},
    {"kafka_server_brokertopicmetrics_failedproducerequests_total", "Produce requests that failed.",
     &TopicMetrics::failed_produce_requests, true},
    {"kafka_server_brokertopicmetrics_failedfetchrequests_total", "Fetch requests that failed.",
     &TopicMetrics::failed_fetch_requests, true},
    {"kafka_server_brokertopicmetrics_replicationbytesin_total", "Bytes replicated from other brokers.",
     &TopicMetrics::replication_bytes_in, false},
    {"kafka_server_brokertopicmetrics_replicationbytesout_total", "Bytes replicated to other brokers.",
     &TopicMetrics::replication_bytes_out, false},
    {"kafka_server_brokertopicmetrics_producemessageconversions_total", "Produce requests converted to another format.",
     &TopicMetrics::produce_message_conversions, true},
    {"kafka_server_brokertopicmetrics_fetchmessageconversions_total", "Fetch answers converted to another format.",
     &TopicMetrics::fetch_message_conversions, true},
};

constexpr std::pair<double, std::string_view> quantiles[] = {
    {0.5, "0.50"}, {0.75, "0.75"}, {0.95, "0.95"}, {0.98, "0.98"}, {0.99, "0.99"}, {0.999, "0.999"},
};

void heading(std::string& out, std::string_view name, std::string_view help, std::string_view type) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

// Label values may hold anything a client can name a topic: backslash, quote and line feed are escaped.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

// As Kafka's Errors: "UNKNOWN_TOPIC_OR_PARTITION".
std::string error_label(protocol::ErrorCode code) {
  std::string label(protocol::name(code));
  for (char& c : label) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return label;
}

std::string label_text(const Metrics::Labels& labels) {
  if (labels.empty()) return {};
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    fmt::format_to(std::back_inserter(out), "{}{}=\"{}\"", out.size() > 1 ? "," : "", name, escaped(value));
  }
  return out + "}";
}

}  // namespace

std::int64_t Histogram::count() const {
  std::int64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

std::int64_t Histogram::upper_edge(std::size_t bucket) {
  if (bucket < 4) return static_cast<std::int64_t>(bucket);
  const std::size_t bits = bucket / 4 + 2;
  return static_cast<std::int64_t>(((4 + bucket % 4 + 1) << (bits - 3)) - 1);
}

std::int64_t Histogram::quantile(double q) const {
  const std::int64_t total = count();
  if (total == 0) return 0;
  const auto rank = static_cast<std::int64_t>(std::ceil(q * static_cast<double>(total)));
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen >= rank) return upper_edge(i);
  }
  return upper_edge(bucket_count - 1);
}

Metrics::Metrics() = default;

std::shared_ptr<TopicMetrics> Metrics::topic(std::string_view name) {
  const protocol::MutexLock lock(mutex_);
  const auto found = topics_.find(name);
  if (found != topics_.end()) return found->second;
  if (topics_.size() >= topic_limit) {
    if (!overflow_topic_) overflow_topic_ = std::make_shared<TopicMetrics>();
    return overflow_topic_;
  }
  return topics_.emplace(std::string(name), std::make_shared<TopicMetrics>()).first->second;
}

void Metrics::forget_topic(std::string_view name) {
  const protocol::MutexLock lock(mutex_);
  const auto found = topics_.find(name);
  if (found != topics_.end()) topics_.erase(found);
}

RequestMetrics& Metrics::request(std::int16_t api_key) {
  auto& slot = requests_[static_cast<std::size_t>(api_key)];
  if (RequestMetrics* row = slot.load(std::memory_order_acquire)) return *row;
  const protocol::MutexLock lock(mutex_);
  if (RequestMetrics* row = slot.load(std::memory_order_acquire)) return *row;
  request_rows_.push_back(std::make_unique<RequestMetrics>());
  slot.store(request_rows_.back().get(), std::memory_order_release);
  return *request_rows_.back();
}

void Metrics::gauge(std::string name, std::string help, std::function<double()> value, Labels labels) {
  const protocol::MutexLock lock(mutex_);
  Sampled& family = sampled_[std::move(name)];
  family.help = std::move(help);
  family.series.emplace_back(std::move(labels), std::move(value));
}

void Metrics::counter(std::string name, std::string help, std::function<double()> value, Labels labels) {
  const protocol::MutexLock lock(mutex_);
  Sampled& family = sampled_[std::move(name)];
  family.help = std::move(help);
  family.is_counter = true;
  family.series.emplace_back(std::move(labels), std::move(value));
}

void Metrics::gauges(std::vector<GaugeRow> rows, std::function<std::vector<double>()> values) {
  const protocol::MutexLock lock(mutex_);
  gauge_groups_.push_back({.rows = std::move(rows), .values = std::move(values)});
}

void Metrics::samples(std::string help, std::function<std::vector<Sample>()> values) {
  const protocol::MutexLock lock(mutex_);
  sample_sources_.push_back({.help = std::move(help), .values = std::move(values)});
}

void Metrics::render_topics(std::string& out) const {
  std::vector<std::pair<std::string, std::shared_ptr<TopicMetrics>>> topics;
  {
    const protocol::MutexLock lock(mutex_);
    topics.assign(topics_.begin(), topics_.end());
  }
  for (const TopicRow& row : topic_rows) {
    heading(out, row.name, row.help, "counter");
    fmt::format_to(std::back_inserter(out), "{} {}\n", row.name, (all_topics_.*row.counter).value());
    if (!row.per_topic) continue;
    for (const auto& [topic, counters] : topics) {
      fmt::format_to(std::back_inserter(out), "{}{{topic=\"{}\"}} {}\n", row.name, escaped(topic),
                     ((*counters).*row.counter).value());
    }
  }
}

void Metrics::render_requests(std::string& out, const std::function<std::string_view(std::int16_t)>& api_name) const {
  const auto for_each_api = [&](auto&& show) {
    for (std::size_t key = 0; key < api_key_limit; ++key) {
      const RequestMetrics* row = requests_[key].load(std::memory_order_acquire);
      if (row != nullptr) show(api_name(static_cast<std::int16_t>(key)), *row);
    }
  };
  const auto to = std::back_inserter(out);
  heading(out, "kafka_network_requestmetrics_requests_total", "Requests by API and version.", "counter");
  for_each_api([&](std::string_view api, const RequestMetrics& row) {
    for (std::size_t version = 0; version < RequestMetrics::version_limit; ++version) {
      const std::int64_t count = row.requests_by_version[version].value();
      if (count == 0) continue;
      fmt::format_to(to, "kafka_network_requestmetrics_requests_total{{request=\"{}\",version=\"{}\"}} {}\n", api,
                     version, count);
    }
  });
  heading(out, "kafka_network_requestmetrics_errors_total", "Error codes in answers, NONE included.", "counter");
  for_each_api([&](std::string_view api, const RequestMetrics& row) {
    for (std::size_t i = 0; i < RequestMetrics::error_limit; ++i) {
      const std::int64_t count = row.answers_by_error[i].value();
      if (count == 0) continue;
      const auto code = static_cast<protocol::ErrorCode>(static_cast<int>(i) - 1);
      fmt::format_to(to, "kafka_network_requestmetrics_errors_total{{request=\"{}\",error=\"{}\"}} {}\n", api,
                     error_label(code), count);
    }
  });
  heading(out, "kafka_network_requestmetrics_totaltimems", "Milliseconds from a request's arrival to its answer.",
          "summary");
  for_each_api([&](std::string_view api, const RequestMetrics& row) {
    for (const auto& [q, text] : quantiles) {
      fmt::format_to(to, "kafka_network_requestmetrics_totaltimems{{request=\"{}\",quantile=\"{}\"}} {}\n", api, text,
                     static_cast<double>(row.total_time_us.quantile(q)) / 1000);
    }
    fmt::format_to(to, "kafka_network_requestmetrics_totaltimems_sum{{request=\"{}\"}} {}\n", api,
                   static_cast<double>(row.total_time_us.sum()) / 1000);
    fmt::format_to(to, "kafka_network_requestmetrics_totaltimems_count{{request=\"{}\"}} {}\n", api,
                   row.total_time_us.count());
  });
  heading(out, "barnabas_network_request_bytes_total", "Bytes of requests by API.", "counter");
  for_each_api([&](std::string_view api, const RequestMetrics& row) {
    fmt::format_to(to, "barnabas_network_request_bytes_total{{request=\"{}\"}} {}\n", api, row.request_bytes.value());
  });
  heading(out, "barnabas_network_response_bytes_total", "Bytes of responses by API.", "counter");
  for_each_api([&](std::string_view api, const RequestMetrics& row) {
    fmt::format_to(to, "barnabas_network_response_bytes_total{{request=\"{}\"}} {}\n", api, row.response_bytes.value());
  });
}

void Metrics::render_connections(std::string& out) const {
  const auto to = std::back_inserter(out);
  const auto show = [&](std::string_view name, std::string_view help, std::string_view type, std::int64_t value) {
    heading(out, name, help, type);
    fmt::format_to(to, "{} {}\n", name, value);
  };
  show("kafka_server_socketservermetrics_connection_count", "Connections open now.", "gauge",
       connections_now.load(std::memory_order_relaxed));
  show("kafka_server_socketservermetrics_connection_creation_total", "Connections accepted.", "counter",
       connections_opened.value());
  show("kafka_server_socketservermetrics_connection_close_total", "Connections closed.", "counter",
       connections_closed.value());
  show("kafka_network_socketserver_expiredconnectionskilledcount", "Connections closed for idleness.", "gauge",
       connections_idle_closed.value());
  show("barnabas_network_connections_refused_total", "Connections refused by a limit.", "counter",
       connections_refused.value());
  show("barnabas_network_connections_rejected_total", "Connections closed for not speaking the protocol.", "counter",
       connections_rejected.value());
}

void Metrics::render_sampled(std::string& out) const {
  std::map<std::string, Sampled> families;
  std::vector<GaugeGroup> groups;
  std::vector<SampleSource> sources;
  {
    // Copied, so that a slow gauge holds up neither counting nor registration.
    const protocol::MutexLock lock(mutex_);
    families = sampled_;
    groups = gauge_groups_;
    sources = sample_sources_;
  }
  for (GaugeGroup& group : groups) {
    const std::vector<double> values = group.values();
    for (std::size_t i = 0; i < std::min(values.size(), group.rows.size()); ++i) {
      Sampled& family = families[std::move(group.rows[i].name)];
      family.help = std::move(group.rows[i].help);
      family.series.emplace_back(Labels(), [value = values[i]] { return value; });
    }
  }
  for (SampleSource& source : sources) {
    for (Sample& sample : source.values()) {
      Sampled& family = families[std::move(sample.name)];
      family.help = source.help;
      family.series.emplace_back(std::move(sample.labels), [value = sample.value] { return value; });
    }
  }
  for (const auto& [name, family] : families) {
    heading(out, name, family.help, family.is_counter ? "counter" : "gauge");
    for (const auto& [labels, value] : family.series) {
      fmt::format_to(std::back_inserter(out), "{}{} {}\n", name, label_text(labels), value());
    }
  }
}

std::string Metrics::render(const std::function<std::string_view(std::int16_t)>& api_name) const {
  std::string out;
  out.reserve(16 * 1024);
  render_topics(out);
  render_requests(out, api_name);
  render_connections(out);
  render_sampled(out);
  return out;
}

}  // namespace broker
