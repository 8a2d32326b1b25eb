// Writes and reads data directories for the judges in compat-tests/storage. Not shipped.
//   storage_interop write DIR CLUSTER_ID BROKER_ID SEED STEPS [crash] PARTITION…   a random history on each partition
//   storage_interop dump DIR [PARTITION…]       all records, one a line: file-free form that dump.py makes of Kafka's
//   output storage_interop committed DIR PARTITION…    what a read_committed consumer gets storage_interop many DIR N
//   N empty partitions; prints the times of a clean start and its memory
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocol/records/record.h"
#include "storage/log_manager.h"
#include "storage/log_workload.h"
#include "storage/partition_files.h"
#include "storage/test_support.h"

namespace {

using storage::Log;
using storage::LogManager;
using storage::LogManagerOptions;
using storage::Offset;
using storage::TopicPartition;

constexpr storage::TimestampMs start_ms = 1'700'000'000'000;

[[noreturn]] void stop(const std::string& why) {
  fmt::print(stderr, "{}\n", why);
  std::exit(1);
}

template <typename T>
T must(protocol::Result<T> result) {
  if (!result) stop(result.error().text());
  return std::move(*result);
}
void must_do(const protocol::Result<void>& result) {
  if (!result) stop(result.error().text());
}

LogManagerOptions manager_options(const std::string& directory) {
  LogManagerOptions options{.log_dirs = {directory}};
  options.recovery_threads_per_data_dir = 2;
  options.producer_id_expiration_ms = 1LL << 50;
  options.config_of_topic = [](const std::string& topic) {
    auto config = std::make_shared<storage::LogConfig>();
    config->segment_bytes = 16'384;
    config->index_interval_bytes = 400;
    config->segment_index_bytes = 1'000;
    config->segment_ms = 60'000;
    config->file_delete_delay_ms = 0;
    config->retention_ms = -1;
    if (topic.find("appendtime") != std::string::npos) config->timestamp_type = storage::TimestampType::log_append_time;
    if (topic.find("recompressed") != std::string::npos) config->compression = storage::TopicCompression::lz4;
    if (topic.find("preallocated") != std::string::npos) config->preallocate = true;
    return config;
  };
  return options;
}

TopicPartition parse(const std::string& name) {
  const auto parsed = storage::parse_partition_directory_name(name);
  if (!parsed) stop("not a partition: " + name);
  return parsed->partition;
}

int write(const std::vector<std::string>& arguments) {
  const auto seed = static_cast<std::uint32_t>(std::stoul(arguments[3]));
  const int steps = std::stoi(arguments[4]);
  const bool crash = arguments.size() > 5 && arguments[5] == "crash";
  spdlog::set_level(spdlog::level::warn);
  LogManager manager(manager_options(arguments[0]));
  must_do(manager.lock_directories());
  must_do(manager.set_identity(arguments[1], std::stoi(arguments[2]), start_ms));
  (void)must(manager.load(start_ms));
  int batches = 0, refused = 0, truncations = 0, transactions = 0;
  for (std::size_t i = crash ? 6 : 5; i < arguments.size(); ++i) {
    const auto log = must(manager.get_or_create(parse(arguments[i]), std::nullopt, start_ms));
    storage::testing::LogWorkload workload(seed + static_cast<std::uint32_t>(i));
    workload.resume(*log);
    for (int step = 0; step < steps; ++step) {
      workload.step(*log);
      if (step % 50 == 0) manager.delete_pass(workload.now());
    }
    workload.finish(*log);
    batches += workload.appended_batches;
    refused += workload.refused;
    truncations += workload.truncations;
    transactions += workload.transactions;
  }
  fmt::print("{} batches appended, {} refused, {} truncations, {} transactions\n", batches, refused, truncations,
             transactions);
  manager.checkpoint_recovery_points(start_ms);
  manager.checkpoint_high_watermarks(start_ms);
  manager.checkpoint_log_start_offsets(start_ms);
  manager.delete_pass(start_ms + (1LL << 40));
  std::fflush(stdout);
  if (crash) ::_exit(0);
  manager.shutdown(start_ms);
  return 0;
}

void print_records(const std::string& name, protocol::Bytes bytes, Offset from,
                   const std::map<std::int64_t, std::set<Offset>>& aborted, bool committed_only) {
  protocol::BatchReader batches(bytes);
  protocol::RecordBatchView batch;
  protocol::RecordScratch scratch;
  std::set<std::int64_t> open;
  while (batches.next(batch) == protocol::BatchStatus::ok) {
    const std::int64_t producer = batch.producer_id();
    if (committed_only && batch.is_transactional()) {
      const auto starts = aborted.find(producer);
      if (starts != aborted.end() && starts->second.contains(batch.base_offset())) open.insert(producer);
      if (batch.is_control()) open.erase(producer);
      if (open.contains(producer)) continue;
    }
    protocol::RecordReader reader(batch, scratch);
    protocol::RecordView record;
    while (reader.next(record)) {
      if (record.offset < from || (committed_only && batch.is_control())) continue;
      if (batch.is_control()) {
        fmt::print("{} {} {} control\n", name, record.offset, record.timestamp);
        continue;
      }
      fmt::print("{} {} {} {} {}\n", name, record.offset, record.timestamp,
                 record.key ? protocol::as_text(*record.key) : "-",
                 record.value ? protocol::as_text(*record.value) : "-");
    }
    if (auto done = reader.finish(); !done) stop(done.error().text());
  }
}

void dump_log(const Log& log, bool committed_only) {
  Offset offset = log.log_start_offset();
  const Offset end = committed_only ? log.last_stable_offset() : log.log_end_offset();
  while (offset < end) {
    const auto isolation = committed_only ? storage::FetchIsolation::txn_committed : storage::FetchIsolation::log_end;
    const auto slice = must(log.read({.start_offset = offset, .max_bytes = 64 * 1024, .isolation = isolation}));
    const auto bytes = storage::testing::bytes_of(slice.records);
    std::map<std::int64_t, std::set<Offset>> aborted;
    for (const auto& entry : slice.aborted_transactions) {
      // A transaction that began before this slice is open from its front.
      aborted[entry.producer_id].insert(std::max(entry.first_offset, Offset{0}));
    }
    protocol::BatchReader batches(bytes);
    protocol::RecordBatchView batch;
    Offset next = offset;
    std::set<std::int64_t> seen;
    while (batches.next(batch) == protocol::BatchStatus::ok) {
      if (seen.insert(batch.producer_id()).second) {
        for (const auto& entry : slice.aborted_transactions) {
          if (entry.producer_id == batch.producer_id() && entry.first_offset < batch.base_offset()) {
            aborted[entry.producer_id].insert(batch.base_offset());
          }
        }
      }
      next = batch.next_offset();
    }
    if (next == offset) break;
    print_records(log.partition().text(), bytes, offset, aborted, committed_only);
    offset = next;
  }
}

int dump(const std::vector<std::string>& arguments, bool committed_only) {
  spdlog::set_level(spdlog::level::err);
  LogManager manager(manager_options(arguments[0]));
  must_do(manager.lock_directories());
  const auto summary = must(manager.load(start_ms));
  fmt::print(stderr, "{} logs, {} recovered, {}\n", summary.logs, summary.recovered,
             summary.clean ? "clean" : "not clean");
  std::vector<TopicPartition> partitions;
  for (std::size_t i = 1; i < arguments.size(); ++i) partitions.push_back(parse(arguments[i]));
  if (partitions.empty()) partitions = manager.partitions();
  std::ranges::sort(partitions);
  for (const TopicPartition& partition : partitions) {
    const auto log = must(manager.log(partition, start_ms));
    if (!log) stop("there is no log of " + partition.text());
    log->update_high_watermark(log->log_end_offset());
    dump_log(*log, committed_only);
  }
  manager.shutdown(start_ms);
  return 0;
}

std::size_t resident_kilobytes() {
  std::size_t pages = 0, resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu %zu", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * 4;
}

int many(const std::string& directory, int count) {
  spdlog::set_level(spdlog::level::err);
  auto since = [start = std::chrono::steady_clock::now()]() mutable {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - std::exchange(start, now)).count();
  };
  {
    LogManager manager(manager_options(directory));
    must_do(manager.lock_directories());
    (void)must(manager.load(start_ms));
    for (int i = 0; i < count; ++i) {
      const auto log = must(manager.get_or_create({"many", i}, std::nullopt, start_ms));
      (void)must(log->append_as_leader(storage::testing::make_batch("value", start_ms), 0,
                                       storage::AppendOrigin::client, start_ms));
    }
    fmt::print("created and written: {} ms\n", since());
    manager.shutdown(start_ms);
    fmt::print("closed: {} ms\n", since());
  }
  const std::size_t before = resident_kilobytes();
  LogManager manager(manager_options(directory));
  must_do(manager.lock_directories());
  (void)must(manager.load(start_ms));
  fmt::print("started with {} partitions: {} ms, {} KB more\n", count, since(), resident_kilobytes() - before);
  for (int i = 0; i < count; ++i) (void)must(manager.log({"many", i}, start_ms));
  fmt::print("all opened: {} ms, {} KB more\n", since(), resident_kilobytes() - before);
  manager.shutdown(start_ms);
  fmt::print("closed: {} ms\n", since());
  return 0;
}

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> all(values + 1, values + count);
  const std::vector<std::string> rest(all.begin() + (all.empty() ? 0 : 1), all.end());
  if (!all.empty() && all[0] == "write" && rest.size() >= 6) return write(rest);
  if (!all.empty() && all[0] == "dump" && !rest.empty()) return dump(rest, false);
  if (!all.empty() && all[0] == "committed" && !rest.empty()) return dump(rest, true);
  if (!all.empty() && all[0] == "many" && rest.size() == 2) return many(rest[0], std::stoi(rest[1]));
  stop("usage: storage_interop write|dump|committed|many … (see interop.cc)");
}
