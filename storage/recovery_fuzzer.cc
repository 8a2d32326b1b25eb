// Fuzzes the opening of a log over arbitrary files: no crash, no refusal, and what recovery kept stays readable, may be
// appended to, and is the same after the next crash. The input's first bytes say which files get which part of it.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/test_support.h"

namespace {

constexpr std::array<std::string_view, 10> names = {"00000000000000000000.log",       "00000000000000000000.index",
                                                    "00000000000000000000.timeindex", "00000000000000000000.txnindex",
                                                    "00000000000000000005.log",       "00000000000000000005.index",
                                                    "00000000000000000005.snapshot",  "leader-epoch-checkpoint",
                                                    "00000000000000000000.log.swap",  "partition.metadata"};

[[noreturn]] void broken(std::string_view what) {
  std::cerr << what << "\n";
  std::abort();
}

void write_files(const std::string& directory, std::string_view input) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  while (input.size() >= 3) {
    const auto which = static_cast<unsigned char>(input[0]) % names.size();
    const std::size_t length = std::min<std::size_t>(
        static_cast<unsigned char>(input[1]) * 256u + static_cast<unsigned char>(input[2]), input.size() - 3);
    std::ofstream(fmt::format("{}/{}", directory, names[which]), std::ios::binary) << input.substr(3, length);
    input.remove_prefix(3 + length);
  }
}

struct Opened {
  std::shared_ptr<storage::Log> log;
  storage::Offset start, end;
  std::size_t bytes;
};

Opened open(const std::string& path, storage::LogDirectory& directory, bool clean) {
  auto log = storage::Log::open({.partition = {"topic", 0},
                                 .path = path,
                                 .directory = &directory,
                                 .config = std::make_shared<const storage::LogConfig>(),
                                 .clean_shutdown = clean},
                                1000);
  if (!log) broken("a log was refused: " + log.error().text());
  Opened opened{.log = *log, .start = (*log)->log_start_offset(), .end = (*log)->log_end_offset(), .bytes = 0};
  if (opened.start > opened.end) broken("the log ends before its start");
  for (storage::Offset at = opened.start; at < opened.end;) {
    const auto slice =
        (*log)->read({.start_offset = at, .max_bytes = 1 << 20, .isolation = storage::FetchIsolation::log_end});
    if (!slice) broken("a read failed: " + slice.error().text());
    const auto bytes = storage::testing::bytes_of(slice->records);
    protocol::BatchReader batches(bytes);
    protocol::RecordBatchView batch;
    storage::Offset next = at;
    while (batches.next(batch) == protocol::BatchStatus::ok) {
      if (!clean && !batch.crc_matches()) broken("recovery kept a batch with a wrong checksum");
      next = batch.next_offset();
      opened.bytes += batch.size();
    }
    if (next <= at) break;
    at = next;
  }
  (void)(*log)->find_offset_by_timestamp(0);
  (void)(*log)->find_offset_by_timestamp(-3);
  return opened;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spdlog::set_level(spdlog::level::off);
  static const storage::testing::TemporaryDirectory root;
  storage::OpenFiles files(storage::real_file_system(), 20);
  storage::LogDirectory directory(root.path(), files);
  const std::string path = root.path() + "/topic-0";
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  write_files(path, input);
  const Opened first = open(path, directory, false);
  const Opened again = open(path, directory, false);
  if (first.end != again.end || first.bytes != again.bytes) broken("the second recovery differs from the first");
  const auto info =
      again.log->append_as_leader(storage::testing::make_batch("value"), 1, storage::AppendOrigin::client, 1000);
  if (!info || info->first_offset != again.end) broken("no append after recovery");
  if (open(path, directory, false).end != again.end + 1) broken("the append is gone");

  // Trusted files may hold anything as well; then errors are allowed, crashes are not.
  write_files(path, input);
  storage::LogDirectory trusting(root.path(), files);
  if (const auto log = storage::Log::open({.partition = {"topic", 0},
                                           .path = path,
                                           .directory = &trusting,
                                           .config = std::make_shared<const storage::LogConfig>(),
                                           .clean_shutdown = true},
                                          1000)) {
    (void)(*log)->read({.start_offset = 0, .max_bytes = 1 << 20, .isolation = storage::FetchIsolation::txn_committed});
    (void)(*log)->find_offset_by_timestamp(500);
    (void)(*log)->append_as_leader(storage::testing::make_batch("value"), 1, storage::AppendOrigin::client, 1000);
    (void)(*log)->truncate_to(1, 1000);
    (void)(*log)->close(1000);
  }
  return 0;
}
