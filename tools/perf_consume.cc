#include <algorithm>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "protocol/clock.h"
#include "tools/command.h"
#include "tools/latencies.h"
#include "tools/perf.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace tools {
namespace {

using Clock = std::chrono::steady_clock;
using protocol::Result;

double since_s(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

struct Consumed {
  std::int64_t records = 0;
  std::uint64_t bytes = 0;  // of keys and values
  double seconds = 0;
  Latencies polls;  // the time of each request that brought records, with reading them
  Latencies ages;   // of the records when they came
};

Result<void> consume(Consumer& consumer, const ConsumeLoad& load, Progress& progress, Consumed& done) {
  const auto begin = Clock::now();
  const protocol::SystemClock clock;
  std::optional<Clock::time_point> first;
  while (!is_interrupted()) {
    if (load.until_end && consumer.reached_first_end()) break;
    if (load.limits.seconds > 0 && since_s(begin) >= load.limits.seconds) break;
    if (load.limits.records > 0 && done.records >= load.limits.records) break;
    const auto poll_begin = Clock::now();
    const std::int64_t before = done.records;
    std::int64_t now_ms = 0;
    const auto polled = consumer.poll([&](protocol::PartitionIndex, const protocol::RecordView& record) {
      ++done.records;
      done.bytes += (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
      if (load.from_end) {
        if (now_ms == 0) now_ms = clock.now_ms();
        done.ages.add((now_ms - record.timestamp) * 1000);
      }
      return load.limits.records == 0 || done.records < load.limits.records;
    });
    if (!polled) return polled;
    if (done.records == before) continue;
    // A reader that waits for the first record isn't slow.
    if (!first) first = poll_begin;
    done.polls.add(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - poll_begin).count());
    done.seconds = since_s(*first);
    progress.update(done.records, done.bytes);
  }
  return {};
}

std::int64_t rate(double amount, double seconds) {
  return seconds > 0 ? static_cast<std::int64_t>(amount / seconds) : 0;
}

void print(const ConsumeLoad& load, const Consumed& done) {
  fmt::print("{} records from {} in {:.2f} s: {} records/s, {}/s\n", grouped(done.records), load.consumer.topic,
             done.seconds, grouped(rate(static_cast<double>(done.records), done.seconds)),
             data_size(static_cast<std::uint64_t>(rate(static_cast<double>(done.bytes), done.seconds))));
  if (done.polls.count() > 0) fmt::print("  fetch ms: {}\n", done.polls.text());
  if (done.ages.count() > 0) fmt::print("  age of records ms: {}\n", done.ages.text());
}

void print_json(const ConsumeLoad& load, const Consumed& done) {
  JsonWriter json;
  json.begin_object().field("topic", std::string_view(load.consumer.topic)).field("records", done.records);
  json.field("bytes", done.bytes).field("ms", static_cast<std::int64_t>(done.seconds * 1000));
  json.field("records_per_s", rate(static_cast<double>(done.records), done.seconds));
  json.field("bytes_per_s", rate(static_cast<double>(done.bytes), done.seconds));
  if (done.polls.count() > 0) done.polls.write(json, "fetch");
  if (done.ages.count() > 0) done.ages.write(json, "age");
  fmt::print("{}\n", json.end_object().text());
}

}  // namespace

int perf_consume(const SessionOptions& session, const ConsumeLoad& load) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  auto consumer = Consumer::open(*cluster, load.consumer);
  if (!consumer) return report(consumer.error());
  watch_interrupts();
  Progress progress("records", !session.json);
  Consumed done;
  const auto result = consume(*consumer, load, progress, done);
  progress.clear();
  if (session.json) {
    print_json(load, done);
  } else {
    print(load, done);
  }
  if (!result) return report(result.error(), "the load ended early");
  return is_interrupted() ? exit_code::interrupted : exit_code::ok;
}

}  // namespace tools
