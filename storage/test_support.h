// Shared by the tests of this folder: a temporary directory, batches, a log to try things on.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/records/record_batch_builder.h"
#include "storage/log.h"
#include "storage/log_directory.h"

namespace storage::testing {

// A directory under $TMPDIR (or /tmp) that is deleted with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct TestRecord {
  TimestampMs timestamp = 1000;
  std::string value = "value";
  std::optional<std::string> key;
};

std::vector<std::byte> make_batch(const std::vector<TestRecord>& records, protocol::BatchOptions options = {});
std::vector<std::byte> make_batch(std::string value, TimestampMs timestamp = 1000, protocol::BatchOptions options = {});

// The bytes of a slice, read from its file ranges.
std::vector<std::byte> bytes_of(const protocol::Records& records);

struct ReadRecord {
  Offset offset;
  TimestampMs timestamp;
  std::string value;
  bool operator==(const ReadRecord&) const = default;
};
std::ostream& operator<<(std::ostream& out, const ReadRecord& record);

// The data records of all whole batches in the bytes.
std::vector<ReadRecord> records_in(protocol::Bytes bytes);
// Everything from `offset` to the log end, several reads if need be.
std::vector<ReadRecord> read_all(const Log& log, Offset offset = 0);
// What a read_committed consumer makes of what it gets, from `offset` to the last stable offset.
std::vector<ReadRecord> read_committed(const Log& log, Offset offset);

// A log in a directory of its own, with what it needs around it.
class LogFixture : public ::testing::Test {
 protected:
  static constexpr TimestampMs now = 10'000;

  LogFixture();
  ~LogFixture() override;

  // Opens (or reopens) the log. The former one is dropped as a crash would, unless closed before.
  Log& open(bool clean = false);
  Log& reopen_after_crash() { return open(false); }
  Log& close_and_reopen();

  AppendInfo append(const std::vector<std::byte>& batch, LeaderEpoch epoch = 0,
                    AppendOrigin origin = AppendOrigin::client);
  AppendInfo append(std::string value, TimestampMs timestamp = 1000) { return append(make_batch(value, timestamp)); }

  std::string path() const { return root_.path() + "/topic-0"; }
  std::string file(Offset base, std::string_view extension) const;
  std::vector<std::string> file_names() const;

  TemporaryDirectory root_;
  FileSystem* file_system_ = &real_file_system();
  std::unique_ptr<OpenFiles> files_;
  std::unique_ptr<LogDirectory> directory_;
  LogConfig config_;
  Offset recovery_point_ = 0;
  Offset log_start_offset_ = 0;
  std::shared_ptr<Log> log_;
};

std::string read_file(const std::string& path);
void write_file(const std::string& path, std::string_view content);

}  // namespace storage::testing
