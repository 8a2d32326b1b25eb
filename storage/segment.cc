#include "storage/segment.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace storage {

Segment::Segment(OpenFiles& files, std::shared_ptr<PartitionPath> directory, Offset base_offset, std::int64_t size,
                 const LogConfig& config, TimestampMs now, std::int64_t roll_jitter_ms, std::string_view suffix)
    : files_(files),
      directory_(std::move(directory)),
      base_offset_(base_offset),
      roll_jitter_ms_(roll_jitter_ms),
      index_interval_bytes_(config.index_interval_bytes),
      suffix_(suffix),
      size_(size),
      created_ms_(now),
      log_file_(files),
      offset_index_file_(files),
      time_index_file_(files),
      offset_index_(base_offset),
      time_index_(base_offset) {}

Io<std::shared_ptr<Segment>> Segment::create(OpenFiles& files, std::shared_ptr<PartitionPath> directory,
                                             Offset base_offset, const LogConfig& config, TimestampMs now,
                                             std::int64_t roll_jitter_ms, std::string_view suffix) {
  auto segment =
      std::make_shared<Segment>(files, std::move(directory), base_offset, 0, config, now, roll_jitter_ms, suffix);
  protocol::MutexLock lock(segment->mutex_);
  {
    const PartitionPath::Held held(*segment->directory_);
    BARNABAS_IO_TRY(files.file_system().remove(segment->path_in(held, ".txnindex")));
  }
  if (config.preallocate) segment->allocate_ = config.segment_bytes;
  BARNABAS_IO_TRY(segment->create_files());
  segment->start_empty();
  return segment;
}

std::shared_ptr<Segment> Segment::plan(OpenFiles& files, std::shared_ptr<PartitionPath> directory, Offset base_offset,
                                       const LogConfig& config, TimestampMs now, std::int64_t roll_jitter_ms) {
  auto segment = std::make_shared<Segment>(files, std::move(directory), base_offset, 0, config, now, roll_jitter_ms);
  protocol::MutexLock lock(segment->mutex_);
  if (config.preallocate) segment->allocate_ = config.segment_bytes;
  segment->planned_ = true;
  segment->start_empty();
  return segment;
}

void Segment::start_empty() {
  offset_index_.start_empty();
  time_index_.start_empty();
  max_timestamp_ = TimeEntry{.timestamp = protocol::no_timestamp, .offset = base_offset_};
  has_aborted_transactions_ = false;
}

// The indexes stay closed: nothing is written to them before a block of entries has gathered.
Io<void> Segment::create_files() const {
  FileSystem& file_system = files_.file_system();
  const PartitionPath::Held held(*directory_);
  const auto log = log_file_.open(file_system, path_in(held, ".log"), OpenMode::fresh);
  if (!log) return std::unexpected(log.error());
  BARNABAS_IO_TRY(file_system.open(path_in(held, ".index"), OpenMode::fresh));
  BARNABAS_IO_TRY(file_system.open(path_in(held, ".timeindex"), OpenMode::fresh));
  if (allocate_ > 0) {
    BARNABAS_IO_TRY((*log)->allocate(allocate_));
    preallocated_ = true;
  }
  planned_ = false;
  return {};
}

std::int64_t Segment::size() const {
  protocol::MutexLock lock(mutex_);
  return size_;
}

std::string Segment::path(std::string_view extension) const {
  protocol::MutexLock lock(mutex_);
  return path_locked(extension);
}

std::string Segment::path_locked(std::string_view extension) const {
  const PartitionPath::Held held(*directory_);
  return path_in(held, extension);
}

std::string Segment::path_in(const PartitionPath::Held& directory, std::string_view extension) const {
  return fmt::format("{}/{:020}{}{}", directory.text(), base_offset_, extension, suffix_);
}

Io<std::shared_ptr<File>> Segment::open(CachedFile& cached, std::string_view extension, OpenMode mode) const {
  if (std::shared_ptr<File> file = cached.opened()) return file;
  if (removed_) return io_gone("open " + path_locked(extension));
  if (planned_) {
    BARNABAS_IO_TRY(create_files());
    if (std::shared_ptr<File> file = cached.opened()) return file;
  }
  const PartitionPath::Held held(*directory_);
  auto opened = cached.open(files_.file_system(), path_in(held, extension), mode);
  if (!opened && opened.error().error_number == ENOENT && held.is_renamed()) {
    return io_gone(std::move(opened).error().doing);
  }
  return opened;
}

Io<std::shared_ptr<File>> Segment::log_file() const {
  protocol::MutexLock lock(mutex_);
  return open(log_file_, ".log");
}

// ---- Writing

Io<void> Segment::prepare_appends() {
  {
    protocol::MutexLock lock(mutex_);
    if (planned_) return {};
    BARNABAS_IO_TRY(load_indexes());
  }
  const auto first = first_batch_timestamp();
  if (!first) return std::unexpected(first.error());
  return {};
}

Io<void> Segment::append(const SegmentAppend& append) {
  std::shared_ptr<File> log;
  std::int64_t position = 0;
  {
    protocol::MutexLock lock(mutex_);
    BARNABAS_IO_TRY(load_indexes());
    auto opened = open(log_file_, ".log");
    if (!opened) return std::unexpected(opened.error());
    log = std::move(*opened);
    position = size_;
  }
  if (auto written = log->write_at(position, append.pieces); !written) {
    if (auto cut = log->truncate(position); !cut) {
      return io_fail(EIO, fmt::format("{}; then cutting off what was written failed, too: {}", written.error().text(),
                                      cut.error().text()));
    }
    return written;
  }
  protocol::MutexLock lock(mutex_);
  if (position == 0 && !append.batches.empty()) first_batch_timestamp_ = append.batches.front().max_timestamp;
  for (const BatchMark& batch : append.batches) {
    learn(batch, position);
    position += batch.size;
  }
  size_ += append.size;
  // A full disk must not lose the entries that wait in memory: they are written with the next attempt.
  if (offset_index_.tail_is_full() || time_index_.tail_is_full()) (void)write_index_tails();
  return {};
}

// Kafka's rule: an entry for the first batch that starts more than index.interval.bytes after the last one with an
// entry.
void Segment::learn(const BatchMark& batch, std::int64_t position) const {
  if (batch.max_timestamp > max_timestamp_->timestamp) max_timestamp_ = {batch.max_timestamp, batch.last_offset};
  if (bytes_since_index_entry_ > index_interval_bytes_) {
    offset_index_.append({batch.last_offset, position});
    add_last_time_entry();
    bytes_since_index_entry_ = 0;
  }
  bytes_since_index_entry_ += batch.size;
}

void Segment::add_last_time_entry() const {
  const TimestampMs last = time_index_.last() ? time_index_.last()->timestamp : protocol::no_timestamp;
  if (max_timestamp_->timestamp > last) time_index_.append(*max_timestamp_);
}

Io<void> Segment::write_index_tails() const {
  if (offset_index_.has_tail()) {
    const auto file = open(offset_index_file_, ".index", OpenMode::create);
    if (!file) return std::unexpected(file.error());
    BARNABAS_IO_TRY(offset_index_.write_tail(**file));
  }
  if (time_index_.has_tail()) {
    const auto file = open(time_index_file_, ".timeindex", OpenMode::create);
    if (!file) return std::unexpected(file.error());
    BARNABAS_IO_TRY(time_index_.write_tail(**file));
  }
  return {};
}

Io<bool> Segment::should_roll(const RollQuestion& question, const LogConfig& config) {
  const auto first = first_batch_timestamp();
  if (!first) return std::unexpected(first.error());
  protocol::MutexLock lock(mutex_);
  BARNABAS_IO_TRY(load_indexes());
  if (size_ > config.segment_bytes - question.size) return true;
  const std::int64_t waited = *first && **first >= 0 ? question.max_timestamp - **first : question.now - created_ms_;
  if (size_ > 0 && waited > config.max_segment_ms() - roll_jitter_ms_) return true;
  return offset_index_.size() >= config.segment_index_bytes / static_cast<std::int64_t>(OffsetEntry::encoded_size) ||
         time_index_.size() >= config.segment_index_bytes / static_cast<std::int64_t>(TimeEntry::encoded_size) - 1 ||
         question.last_offset < base_offset_ ||
         question.last_offset - base_offset_ > std::numeric_limits<std::int32_t>::max();
}

Io<void> Segment::become_inactive() {
  protocol::MutexLock lock(mutex_);
  if (planned_) return {};
  if (preallocated_) {
    const auto log = open(log_file_, ".log");
    if (!log) return std::unexpected(log.error());
    BARNABAS_IO_TRY((*log)->truncate(size_));
    preallocated_ = false;
  }
  if (!offset_index_.is_loaded()) return {};  // not touched since it was last closed
  add_last_time_entry();
  return write_index_tails();
}

Io<void> Segment::write_out() {
  protocol::MutexLock lock(mutex_);
  if (planned_) return {};
  BARNABAS_IO_TRY(write_index_tails());
  return write_aborted_transactions();
}

Io<void> Segment::flush() {
  std::vector<std::shared_ptr<File>> files;
  {
    protocol::MutexLock lock(mutex_);
    if (planned_) return {};
    BARNABAS_IO_TRY(load_indexes());
    BARNABAS_IO_TRY(write_index_tails());
    BARNABAS_IO_TRY(write_aborted_transactions());
    for (const auto& [cached, extension] : {std::pair(&log_file_, ".log"), std::pair(&offset_index_file_, ".index"),
                                            std::pair(&time_index_file_, ".timeindex")}) {
      auto file = open(*cached, extension);
      if (!file) return std::unexpected(file.error());
      files.push_back(std::move(*file));
    }
    if (has_aborted_transactions_.value_or(true)) {
      const PartitionPath::Held held(*directory_);
      auto file = files_.file_system().open(path_in(held, ".txnindex"), OpenMode::existing);
      if (file) files.push_back(std::move(*file));
    }
  }
  for (const auto& file : files) {
    if (auto synced = file->sync(); !synced) return std::unexpected(std::move(synced).error().of_sync());
  }
  return {};
}

Io<void> Segment::add_aborted_transaction(const AbortedTxnEntry& entry) {
  protocol::MutexLock lock(mutex_);
  has_aborted_transactions_ = true;
  unwritten_aborted_.push_back(entry);
  if (aborted_) {
    auto all = std::make_shared<std::vector<AbortedTxnEntry>>(*aborted_);
    all->push_back(entry);
    aborted_ = std::move(all);
  }
  if (auto written = write_aborted_transactions(); !written && !written.error().is_disk_full()) return written;
  return {};
}

Io<void> Segment::write_aborted_transactions() {
  while (!unwritten_aborted_.empty()) {
    const PartitionPath::Held held(*directory_);
    BARNABAS_IO_TRY(
        append_to_transaction_index(files_.file_system(), path_in(held, ".txnindex"), unwritten_aborted_.front()));
    unwritten_aborted_.erase(unwritten_aborted_.begin());
  }
  return {};
}

Io<void> Segment::reset_transaction_index() {
  protocol::MutexLock lock(mutex_);
  has_aborted_transactions_ = false;
  aborted_.reset();
  unwritten_aborted_.clear();
  const PartitionPath::Held held(*directory_);
  return files_.file_system().remove(path_in(held, ".txnindex"));
}

Io<void> Segment::change_suffix(std::string_view suffix) {
  protocol::MutexLock lock(mutex_);
  if (planned_) removed_ = true;  // what is on its way out gets no files any more
  // A segment must go even if there is no room for its indexes; readers find what is missing in memory.
  if (suffix != deleted_suffix) BARNABAS_IO_TRY(write_index_tails());
  const PartitionPath::Held held(*directory_);
  const std::string name = fmt::format("{}/{:020}", held.text(), base_offset_);
  const auto rename = [&file_system = files_.file_system(), &name](std::string_view extension, std::string_view from,
                                                                   std::string_view to) -> Io<void> {
    auto renamed =
        file_system.rename(fmt::format("{}{}{}", name, extension, from), fmt::format("{}{}{}", name, extension, to));
    if (!renamed && renamed.error().error_number == ENOENT) return {};
    return renamed;
  };
  std::vector<std::string_view> done;
  for (const std::string_view extension : {".log", ".index", ".timeindex", ".txnindex"}) {
    auto renamed = rename(extension, suffix_, suffix);
    if (!renamed) {
      for (const std::string_view other : done) {
        if (!rename(other, suffix, suffix_)) return std::unexpected(std::move(renamed).error().of_sync());
      }
      return renamed;
    }
    done.push_back(extension);
  }
  suffix_ = suffix;
  return {};
}

Io<void> Segment::set_modified_time(TimestampMs modified_ms) {
  protocol::MutexLock lock(mutex_);
  const PartitionPath::Held held(*directory_);
  for (const std::string_view extension : {".log", ".index", ".timeindex"}) {
    BARNABAS_IO_TRY(files_.file_system().set_modified_time(path_in(held, extension), modified_ms));
  }
  return {};
}

Io<void> Segment::remove_files() {
  protocol::MutexLock lock(mutex_);
  removed_ = true;
  log_file_.close();
  offset_index_file_.close();
  time_index_file_.close();
  const PartitionPath::Held held(*directory_);
  for (const std::string_view extension : {".index", ".timeindex", ".txnindex", ".log"}) {
    BARNABAS_IO_TRY(files_.file_system().remove(path_in(held, extension)));
  }
  return {};
}

void Segment::close_files() {
  protocol::MutexLock lock(mutex_);
  log_file_.close();
  offset_index_file_.close();
  time_index_file_.close();
  if (unwritten_aborted_.empty()) aborted_.reset();
}

}  // namespace storage
