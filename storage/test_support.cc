#include "storage/test_support.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "storage/segment.h"

namespace storage::testing {

using protocol::BatchStatus;

TemporaryDirectory::TemporaryDirectory() {
  // In memory where possible: these tests open thousands of logs.
  const char* chosen = std::getenv("TMPDIR");
  const std::string base = chosen != nullptr ? chosen : ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  path_ = base + "/storage-test-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
}

TemporaryDirectory::~TemporaryDirectory() { (void)real_file_system().remove_tree(path_); }

std::vector<std::byte> make_batch(const std::vector<TestRecord>& records, protocol::BatchOptions options) {
  protocol::RecordBatchBuilder builder(options);
  for (const TestRecord& record : records) {
    std::optional<protocol::Bytes> key;
    if (record.key) key = protocol::as_bytes(*record.key);
    builder.append(record.timestamp, key, protocol::as_bytes(record.value));
  }
  auto built = builder.build();
  if (!built) std::abort();
  return std::move(*built);
}

std::vector<std::byte> make_batch(std::string value, TimestampMs timestamp, protocol::BatchOptions options) {
  return make_batch({TestRecord{.timestamp = timestamp, .value = std::move(value)}}, options);
}

std::vector<std::byte> bytes_of(const protocol::Records& records) {
  std::vector<std::byte> bytes(records.bytes().begin(), records.bytes().end());
  for (const protocol::FileRange& range : records.ranges()) {
    std::vector<std::byte> piece(static_cast<std::size_t>(range.length));
    const ssize_t got = ::pread(range.fd, piece.data(), piece.size(), range.position);
    EXPECT_EQ(got, range.length);
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  return bytes;
}

std::ostream& operator<<(std::ostream& out, const ReadRecord& record) {
  return out << record.offset << "@" << record.timestamp << "=" << record.value;
}

std::vector<ReadRecord> records_in(protocol::Bytes bytes) {
  std::vector<ReadRecord> found;
  protocol::BatchReader batches(bytes);
  protocol::RecordBatchView batch;
  protocol::RecordScratch scratch;
  while (batches.next(batch) == BatchStatus::ok) {
    if (batch.is_control()) continue;
    protocol::RecordReader reader(batch, scratch);
    protocol::RecordView record;
    while (reader.next(record)) {
      found.push_back(
          {record.offset, record.timestamp, std::string(protocol::as_text(record.value.value_or(protocol::Bytes{})))});
    }
  }
  return found;
}

std::vector<ReadRecord> read_all(const Log& log, Offset offset) {
  std::vector<ReadRecord> all;
  while (offset < log.log_end_offset()) {
    const auto slice = log.read({.start_offset = offset, .max_bytes = 1 << 20, .isolation = FetchIsolation::log_end});
    if (!slice) {
      ADD_FAILURE() << slice.error().text();
      return all;
    }
    const std::vector<std::byte> bytes = bytes_of(slice->records);
    protocol::BatchReader batches(bytes);
    protocol::RecordBatchView batch;
    Offset next = offset;
    while (batches.next(batch) == BatchStatus::ok) next = batch.next_offset();
    if (next == offset) {
      // A truncation into a batch leaves a hole at the end, without records.
      EXPECT_TRUE(bytes.empty());
      return all;
    }
    for (ReadRecord& record : records_in(bytes)) {
      if (record.offset >= offset) all.push_back(std::move(record));
    }
    offset = next;
  }
  return all;
}

namespace {

// The records of a slice that don't belong to an aborted transaction, as a consumer tells it: the transaction of a
// producer is aborted from the first offset in the list to the next marker. Moves `offset` on.
void add_committed(const FetchSlice& slice, Offset& offset, std::vector<ReadRecord>& found) {
  std::multimap<Offset, ProducerId> aborted;
  for (const AbortedTransaction& transaction : slice.aborted_transactions) {
    aborted.emplace(transaction.first_offset, transaction.producer_id);
  }
  std::set<ProducerId> aborting;
  const Offset from = offset;
  const std::vector<std::byte> bytes = bytes_of(slice.records);
  protocol::BatchReader batches(bytes);
  protocol::RecordBatchView batch;
  while (batches.next(batch) == BatchStatus::ok) {
    offset = batch.next_offset();
    while (!aborted.empty() && aborted.begin()->first <= batch.last_offset()) {
      aborting.insert(aborted.begin()->second);
      aborted.erase(aborted.begin());
    }
    if (batch.is_control()) {
      aborting.erase(batch.producer_id());
    } else if (!batch.is_transactional() || !aborting.contains(batch.producer_id())) {
      for (ReadRecord& record : records_in(batch.bytes())) {
        if (record.offset >= from) found.push_back(std::move(record));
      }
    }
  }
}

}  // namespace

std::vector<ReadRecord> read_committed(const Log& log, Offset offset) {
  std::vector<ReadRecord> found;
  const Offset stable = log.last_stable_offset();
  while (offset < stable) {
    const auto slice =
        log.read({.start_offset = offset, .max_bytes = 1500, .isolation = FetchIsolation::txn_committed});
    if (!slice) {
      ADD_FAILURE() << slice.error().text();
      return found;
    }
    const Offset before = offset;
    add_committed(*slice, offset, found);
    if (offset == before) return found;  // a hole at the end
  }
  return found;
}

LogFixture::LogFixture() = default;

LogFixture::~LogFixture() {
  log_.reset();
  directory_.reset();
}

Log& LogFixture::open(bool clean) {
  log_.reset();
  directory_.reset();
  files_ = std::make_unique<OpenFiles>(*file_system_, 100);
  directory_ = std::make_unique<LogDirectory>(root_.path(), *files_);
  auto opened = Log::open({.partition = {"topic", 0},
                           .path = path(),
                           .directory = directory_.get(),
                           .config = std::make_shared<const LogConfig>(config_),
                           .log_start_offset = log_start_offset_,
                           .recovery_point = recovery_point_,
                           .clean_shutdown = clean},
                          now);
  if (!opened) {
    ADD_FAILURE() << "cannot open the log: " << opened.error().text();
    std::abort();
  }
  log_ = std::move(*opened);
  return *log_;
}

Log& LogFixture::close_and_reopen() {
  const auto closed = log_->close(now);
  EXPECT_TRUE(closed) << closed.error().text();
  recovery_point_ = log_->recovery_point();
  log_start_offset_ = log_->log_start_offset();
  return open(true);
}

AppendInfo LogFixture::append(const std::vector<std::byte>& batch, LeaderEpoch epoch, AppendOrigin origin) {
  auto info = log_->append_as_leader(batch, epoch, origin, now);
  EXPECT_TRUE(info) << info.error().text();
  return info.value_or(AppendInfo{});
}

std::string LogFixture::file(Offset base, std::string_view extension) const {
  return fmt::format("{}/{:020}{}", path(), base, extension);
}

std::vector<std::string> LogFixture::file_names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path())) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
}

}  // namespace storage::testing
