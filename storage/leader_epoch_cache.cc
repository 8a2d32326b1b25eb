#include "storage/leader_epoch_cache.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace storage {

LeaderEpochCache::LeaderEpochCache(FileSystem& file_system, std::string directory)
    : file_system_(file_system), directory_(std::move(directory)) {}

std::string LeaderEpochCache::path() const { return directory_ + "/" + std::string(leader_epoch_checkpoint); }

Io<bool> LeaderEpochCache::load() {
  entries_.clear();
  const auto text = file_system_.read_text(path());
  if (!text) {
    if (text.error().error_number == ENOENT) return false;
    return std::unexpected(text.error());
  }
  if (text->empty()) return false;
  const auto parsed = parse_epoch_checkpoint(*text);
  if (!parsed) {
    spdlog::warn("{} is damaged and made anew from the log: {}", path(), parsed.error().text());
    return false;
  }
  for (const EpochEntry& entry : *parsed) {
    while (!entries_.empty() &&
           (entries_.back().epoch >= entry.epoch || entries_.back().start_offset >= entry.start_offset)) {
      entries_.pop_back();
    }
    entries_.push_back(entry);
  }
  return true;
}

Io<void> LeaderEpochCache::write(const std::vector<EpochEntry>& entries) {
  BARNABAS_IO_TRY(file_system_.replace_file(path(), format_epoch_checkpoint(entries), false));
  unsynced_ = true;
  unwritten_ = false;
  return {};
}

Io<void> LeaderEpochCache::remove_all_but(std::vector<EpochEntry> kept) {
  entries_ = std::move(kept);
  unwritten_ = true;
  auto written = write(entries_);
  if (written || !written.error().is_disk_full()) return written;
  // What the file says about offsets outside the log is ignored at the next start; about a log that began anew it
  // isn't.
  return entries_.empty() ? file_system_.remove(path()) : Io<void>{};
}

Io<void> LeaderEpochCache::assign(LeaderEpoch epoch, Offset start_offset, Writing writing) {
  if (epoch < 0 || start_offset < 0) return {};
  if (!entries_.empty() && entries_.back().epoch == epoch && entries_.back().start_offset <= start_offset) {
    return unwritten_ && writing == Writing::now ? write(entries_) : Io<void>{};
  }
  std::vector<EpochEntry> changed = entries_;
  while (!changed.empty() && (changed.back().epoch >= epoch || changed.back().start_offset >= start_offset)) {
    changed.pop_back();
  }
  changed.push_back({epoch, start_offset});
  if (writing == Writing::now) {
    BARNABAS_IO_TRY(write(changed));
  } else {
    unwritten_ = true;
  }
  entries_ = std::move(changed);
  return {};
}

Io<void> LeaderEpochCache::replace(std::vector<EpochEntry> entries) {
  if (entries == entries_) return {};
  BARNABAS_IO_TRY(write(entries));
  entries_ = std::move(entries);
  return {};
}

std::optional<EpochEntry> LeaderEpochCache::latest() const {
  return entries_.empty() ? std::nullopt : std::optional(entries_.back());
}

std::optional<EpochEntry> LeaderEpochCache::earliest() const {
  return entries_.empty() ? std::nullopt : std::optional(entries_.front());
}

std::optional<LeaderEpoch> LeaderEpochCache::epoch_for(Offset offset) const {
  const auto after = std::ranges::upper_bound(entries_, offset, {}, &EpochEntry::start_offset);
  if (after == entries_.begin()) return std::nullopt;
  return std::prev(after)->epoch;
}

std::optional<OffsetAndEpoch> LeaderEpochCache::end_offset_for(LeaderEpoch epoch, Offset log_end_offset) const {
  if (epoch == protocol::no_leader_epoch || entries_.empty()) return std::nullopt;
  if (entries_.back().epoch == epoch) return OffsetAndEpoch{log_end_offset, epoch};
  const auto higher = std::ranges::upper_bound(entries_, epoch, {}, &EpochEntry::epoch);
  if (higher == entries_.end()) return std::nullopt;  // newer than all we know
  if (higher == entries_.begin()) return OffsetAndEpoch{higher->start_offset, epoch};
  return OffsetAndEpoch{higher->start_offset, std::prev(higher)->epoch};
}

Io<void> LeaderEpochCache::truncate_from_end(Offset end_offset) {
  const auto first_gone = std::ranges::lower_bound(entries_, end_offset, {}, &EpochEntry::start_offset);
  if (first_gone == entries_.end()) return {};
  return remove_all_but({entries_.begin(), first_gone});
}

Io<void> LeaderEpochCache::truncate_from_start(Offset start_offset) {
  const auto after = std::ranges::upper_bound(entries_, start_offset, {}, &EpochEntry::start_offset);
  if (after == entries_.begin()) return {};
  const auto covering = std::prev(after);
  if (covering == entries_.begin() && covering->start_offset == start_offset) return {};
  std::vector<EpochEntry> changed(covering, entries_.end());
  changed.front().start_offset = start_offset;
  return remove_all_but(std::move(changed));
}

Io<void> LeaderEpochCache::clear() { return remove_all_but({}); }

}  // namespace storage
