// Our side of compat-tests/compaction: writes logs with random histories, and compacts them as CompactionJudge.java has
// Kafka compact them.
//   storage_cleaner_judge make DIR COUNT | clean DIR
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>

#include "storage/cleaner_compaction.h"
#include "storage/cleaner_state.h"
#include "storage/cleaner_workload.h"
#include "storage/log_directory.h"
#include "storage/segment.h"

namespace storage {
namespace {

namespace fs = std::filesystem;

constexpr TimestampMs first_cleaning = 1'700'001'000'000;
constexpr std::array cleanings = {first_cleaning, first_cleaning + 1'000, first_cleaning + 100'000};

LogConfig settings() {
  LogConfig config;
  config.cleanup_compact = true;
  config.cleanup_delete = false;
  config.segment_bytes = 4'000;
  config.index_interval_bytes = 200;
  config.delete_retention_ms = 3'000;
  return config;
}

template <typename T>
T or_die(protocol::Result<T> result) {
  if (!result) {
    std::cerr << result.error().text() << '\n';
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Runs `use` on the log of a history and closes it cleanly.
template <typename Use>
void with_log(const fs::path& history, Use use) {
  OpenFiles files(real_file_system(), 100);
  LogDirectory directory(history.string(), files);
  const auto log = or_die(Log::open({.partition = {"orders", 0},
                                     .path = (history / "orders-0").string(),
                                     .directory = &directory,
                                     .config = std::make_shared<const LogConfig>(settings()),
                                     .clean_shutdown = true},
                                    first_cleaning));
  log->update_high_watermark(log->log_end_offset());
  use(log);
  or_die(log->close(first_cleaning));
  directory.run_deletions(first_cleaning * 2);
}

// A history of message sets of magic 0 or 1, as logs from before Kafka 0.11 hold them. They come as a leader's would.
void write_old_messages(Log& log, std::int8_t magic, std::uint32_t seed) {
  using protocol::CompressionType;
  constexpr std::array codecs = {CompressionType::none, CompressionType::gzip, CompressionType::snappy,
                                 CompressionType::lz4};
  std::mt19937 random(seed);
  for (int i = 0; i < 200; ++i) {
    protocol::RecordBatchBuilder builder({.magic = magic,
                                          .compression = protocol::Compression::of(codecs[random() % codecs.size()]),
                                          .base_offset = log.log_end_offset()});
    for (auto left = 1 + random() % 4; left > 0; --left) {
      const std::string key = fmt::format("key-{}", random() % 12), value = fmt::format("value-{}", random() % 1000);
      const bool tombstone = random() % 6 == 0;
      builder.append(first_cleaning - 100'000 + i, protocol::as_bytes(key),
                     tombstone ? std::nullopt : std::optional(protocol::as_bytes(value)));
    }
    or_die(log.append_as_follower(builder.build().value(), first_cleaning));
    if (random() % 20 == 0) or_die(log.roll(first_cleaning));
  }
}

void make(const fs::path& directory, int count) {
  for (int number = 0; number < count; ++number) {
    const fs::path history = directory / fmt::format("{:03}", number);
    fs::create_directories(history);
    with_log(history, [&](const std::shared_ptr<Log>& log) {
      if (number % 10 == 9) {
        write_old_messages(*log, static_cast<std::int8_t>(number / 10 % 2), static_cast<std::uint32_t>(number));
        return;
      }
      testing::CleanerWorkload workload(static_cast<std::uint32_t>(number), 4 + number % 40);
      for (int i = 0; i < 300; ++i) workload.step(*log);
      if (number % 2 == 0) workload.end_all_transactions(*log);
      if (number % 7 != 0) or_die(log->roll(workload.now()));
    });
  }
}

void clean(const fs::path& history) {
  const int number = std::atoi(history.filename().c_str());
  with_log(history, [&](const std::shared_ptr<Log>& log) {
    for (int pass = 0; pass <= number % 3; ++pass) {
      const Offset first_dirty = pass == 0 ? log->log_end_offset() * (number % 5) / 10 : 0;
      const Offset end = std::min(log->last_stable_offset(), log->segments().back()->base_offset());
      const auto cleanable = measure(log, {.first_dirty = first_dirty, .first_uncleanable = end});
      const std::size_t slots = number % 4 == 0 ? 20 : 5'000;
      const CompactionOptions options{.dedupe_buffer_bytes = slots * CleanerOffsetMap::slot_size, .hash_key = {3, 4}};
      const auto result = or_die(compact(cleanable, options, cleanings[static_cast<std::size_t>(pass)]));
      fmt::print("{} pass {} from {} to {}\n", number, pass, first_dirty, result.next_dirty);
    }
  });
}

}  // namespace
}  // namespace storage

int main(int argc, char** argv) {
  const std::string_view mode = argc > 2 ? argv[1] : "";
  if (mode == "make" && argc == 4) {
    storage::make(argv[2], std::atoi(argv[3]));
  } else if (mode == "clean") {
    for (const auto& history : std::filesystem::directory_iterator(argv[2])) storage::clean(history.path());
  } else {
    std::cerr << "usage: storage_cleaner_judge make DIR COUNT | clean DIR\n";
    return 2;
  }
  return 0;
}
