#include "tools/segment_scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "protocol/messages/aborted_txn.h"
#include "storage/sparse_index.h"
#include "storage/transaction_index.h"

namespace tools {
namespace {

using protocol::BatchHeader, protocol::BatchStatus, protocol::Bytes, protocol::ErrorCode, protocol::fail,
    protocol::Offset, protocol::RecordBatchView, protocol::Result, protocol::TimestampMs;

constexpr std::size_t problems_kept = 1000;

class File {
 public:
  static Result<File> open(const std::string& path) {
    File file;
    file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info{};
    if (file.fd_ < 0 || fstat(file.fd_, &info) != 0) {
      return fail(ErrorCode::kafka_storage_error, fmt::format("{}: {}", path, std::strerror(errno)));
    }
    file.size_ = info.st_size;
    return file;
  }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }

  std::int64_t size() const { return size_; }
  // As many bytes as there are, at most out.size().
  std::size_t read(std::int64_t position, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = pread(fd_, out.data() + done, out.size() - done, position + static_cast<std::int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  File() = default;
  int fd_ = -1;
  std::int64_t size_ = 0;
};

// What the checks of the indexes need of each batch, by position.
struct BatchPlace {
  Offset base = 0, last = 0;
  TimestampMs max_timestamp = protocol::no_timestamp;
  bool is_control = false;
};

class SegmentScan {
 public:
  SegmentScan(const std::string& log_path, File file, const VisitBatch& visit)
      : path_(log_path), name_(path_.filename().string()), file_(std::move(file)), visit_(visit) {}

  Result<SegmentReport> run() {
    const std::string stem = path_.stem().string();
    const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), report_.base_offset);
    if (error != std::errc() || end != stem.data() + stem.size()) {
      return fail(ErrorCode::invalid_request, fmt::format("{} is not named by an offset", path_.string()));
    }
    report_.size = file_.size();
    report_.next_offset = report_.base_offset;
    scan_batches();
    check_index<storage::OffsetEntry>(".index", report_.offset_entries, &SegmentScan::check_offset_entry);
    check_index<storage::TimeEntry>(".timeindex", report_.time_entries, &SegmentScan::check_time_entry);
    check_transaction_index();
    return std::move(report_);
  }

 private:
  void problem(const std::string& file, std::int64_t position, std::string text) {
    if (report_.problems.size() < problems_kept) report_.problems.push_back({file, position, std::move(text)});
  }

  void scan_batches() {
    std::vector<std::byte> buffer;
    std::int64_t position = 0;
    while (position < file_.size()) {
      buffer.resize(std::max(buffer.size(), protocol::max_batch_header_size));
      const std::size_t have = file_.read(position, std::span(buffer).first(protocol::max_batch_header_size));
      BatchHeader header;
      std::string_view reason = "fewer bytes than a batch's header";
      const auto status = protocol::parse_batch_header(Bytes(buffer).first(have), header, &reason);
      if (status != BatchStatus::ok) return damaged(position, reason);
      const std::size_t size = header.size();
      if (static_cast<std::int64_t>(size) > file_.size() - position) {
        return damaged(position, fmt::format("a batch of {} bytes, cut off by the file's end", size));
      }
      buffer.resize(std::max(buffer.size(), size));
      RecordBatchView batch;
      if (file_.read(position, std::span(buffer).first(size)) != size ||
          RecordBatchView::parse(Bytes(buffer).first(size), batch, &reason) != BatchStatus::ok) {
        return damaged(position, reason);
      }
      check_batch(batch, position);
      visit_(batch, position);
      position += static_cast<std::int64_t>(size);
    }
  }

  // The rest of the file is not a batch: zeros that were set aside, or real damage.
  void damaged(std::int64_t position, std::string_view reason) {
    std::vector<std::byte> piece(std::size_t{64} << 10);
    for (std::int64_t at = position; at < file_.size();) {
      const std::size_t got = file_.read(at, piece);
      if (got == 0) break;
      if (std::any_of(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got),
                      [](std::byte byte) { return byte != std::byte{0}; })) {
        return problem(name_, position,
                       fmt::format("no batch: {}; {} bytes are lost", reason, file_.size() - position));
      }
      at += static_cast<std::int64_t>(got);
    }
    report_.size = position;
  }

  void check_batch(const RecordBatchView& batch, std::int64_t position) {
    ++report_.batches;
    places_[position] = {.base = batch.base_offset(),
                         .last = batch.last_offset(),
                         .max_timestamp = batch.max_timestamp(),
                         .is_control = batch.is_control()};
    if (!batch.crc_matches()) {
      report_.next_offset = std::max(report_.next_offset, batch.next_offset());
      return problem(name_, position,
                     fmt::format("the checksum is {:08x}, not {:08x}", batch.computed_crc(), batch.stored_crc()));
    }
    const auto first = protocol::first_offset(batch, scratch_);
    const Offset base = first ? *first : batch.base_offset();
    if (base < report_.next_offset) {
      problem(name_, position, fmt::format("offset {} comes again; {} was to follow", base, report_.next_offset));
    }
    check_records(batch, base, position);
    places_[position].base = base;
    report_.next_offset = batch.next_offset();
  }

  void check_records(const RecordBatchView& batch, Offset base, std::int64_t position) {
    protocol::RecordReader reader(batch, scratch_, protocol::RecordReader::Wanted::metadata);
    protocol::RecordView record;
    std::int64_t count = 0;
    Offset expected = base;
    while (reader.next(record)) {
      ++count;
      if (record.offset < expected || record.offset > batch.last_offset()) {
        problem(name_, position,
                fmt::format("record {} has the offset {}, outside of {}-{}", count - 1, record.offset, expected,
                            batch.last_offset()));
      }
      if (!record.crc_matches) problem(name_, position, fmt::format("message {} has a wrong checksum", record.offset));
      expected = record.offset + 1;
    }
    report_.records += count;
    if (const auto finished = reader.finish(); !finished) problem(name_, position, finished.error().text());
  }

  template <typename Entry>
  void check_index(const char* suffix, std::int64_t& count, void (SegmentScan::*check)(const Entry&, std::int64_t)) {
    auto path = path_;
    path.replace_extension(suffix);
    if (!std::filesystem::exists(path)) return;
    index_name_ = path.filename().string();
    auto file = File::open(path.string());
    if (!file) return problem(index_name_, 0, file.error().text());
    std::vector<std::byte> content(static_cast<std::size_t>(file->size()));
    content.resize(file->read(0, content));
    // A broker that runs, or died, leaves zeros that it had set aside.
    while (content.size() >= Entry::encoded_size && std::all_of(content.end() - Entry::encoded_size, content.end(),
                                                                [](std::byte b) { return b == std::byte{0}; })) {
      content.resize(content.size() - Entry::encoded_size);
    }
    if (content.size() % Entry::encoded_size != 0) problem(index_name_, 0, "its size is not a multiple of an entry's");
    std::optional<std::int64_t> before;
    for (std::size_t at = 0; at + Entry::encoded_size <= content.size(); at += Entry::encoded_size) {
      const Entry entry = Entry::decode(&content[at], report_.base_offset);
      ++count;
      const auto position = static_cast<std::int64_t>(at);
      if (before && entry.key() <= *before) {
        problem(index_name_, position, fmt::format("{} does not follow {}", entry.key(), *before));
      }
      before = entry.key();
      (this->*check)(entry, position);
    }
  }

  void check_offset_entry(const storage::OffsetEntry& entry, std::int64_t position) {
    const auto place = places_.find(entry.position);
    if (place == places_.end()) {
      problem(index_name_, position, fmt::format("offset {}: no batch begins at {}", entry.offset, entry.position));
    } else if (place->second.last != entry.offset) {
      problem(index_name_, position,
              fmt::format("offset {}: the batch at {} ends with {}", entry.offset, entry.position, place->second.last));
    }
  }

  // The batch that has the offset, or the end. Places ascend in offset as they do in position.
  auto place_of(Offset offset) const {
    const auto place = std::ranges::partition_point(places_, [&](const auto& one) { return one.second.last < offset; });
    return place == places_.end() || place->second.base > offset ? places_.end() : place;
  }

  void check_time_entry(const storage::TimeEntry& entry, std::int64_t position) {
    const auto place = place_of(entry.offset);
    if (place == places_.end()) {
      problem(index_name_, position, fmt::format("time {}: no batch has the offset {}", entry.timestamp, entry.offset));
    } else if (place->second.max_timestamp != entry.timestamp) {
      problem(index_name_, position,
              fmt::format("time {}: the batch with offset {} has {}", entry.timestamp, entry.offset,
                          place->second.max_timestamp));
    }
  }

  // Each entry is an aborted transaction whose marker lies in this segment.
  void check_transaction_index() {
    auto path = path_;
    path.replace_extension(".txnindex");
    if (!std::filesystem::exists(path)) return;
    index_name_ = path.filename().string();
    auto file = File::open(path.string());
    if (!file) return problem(index_name_, 0, file.error().text());
    if (file->size() % storage::AbortedTxnEntry::encoded_size != 0) {
      problem(index_name_, 0, "its size is not a multiple of an entry's");
    }
    std::array<std::byte, storage::AbortedTxnEntry::encoded_size> entry;
    for (std::int64_t at = 0; file->read(at, entry) == entry.size(); at += entry.size()) {
      protocol::Reader reader(entry);
      const auto version = reader.read<std::int16_t>();
      const auto aborted = protocol::AbortedTxn::decode(reader, 0);
      ++report_.transaction_entries;
      if (version != 0 || !aborted) {
        problem(index_name_, at, fmt::format("an entry of version {}", version));
        continue;
      }
      const auto marker = place_of(aborted->last_offset);
      if (aborted->first_offset > aborted->last_offset || marker == places_.end() || !marker->second.is_control) {
        problem(index_name_, at,
                fmt::format("producer {}, offsets {}-{}: no marker is there", aborted->producer_id,
                            aborted->first_offset, aborted->last_offset));
      }
    }
  }

  const std::filesystem::path path_;
  const std::string name_;
  std::string index_name_;
  File file_;
  const VisitBatch& visit_;
  SegmentReport report_;
  std::map<std::int64_t, BatchPlace> places_;
  protocol::RecordScratch scratch_;
};

}  // namespace

Result<SegmentReport> scan_segment(const std::string& log_path, const VisitBatch& visit) {
  auto file = File::open(log_path);
  if (!file) return std::unexpected(file.error());
  return SegmentScan(log_path, std::move(*file), visit).run();
}

}  // namespace tools
