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

Io<void> LeaderEpochCache::write() {
  unsynced_ = true;
  return file_system_.replace_file(path(), format_epoch_checkpoint(entries_), false);
}

Io<void> LeaderEpochCache::assign(LeaderEpoch epoch, Offset start_offset) {
  if (epoch < 0 || start_offset < 0) return {};
  if (!entries_.empty() && entries_.back().epoch == epoch && entries_.back().start_offset <= start_offset) return {};
  while (!entries_.empty() && (entries_.back().epoch >= epoch || entries_.back().start_offset >= start_offset)) {
    entries_.pop_back();
  }
  entries_.push_back({epoch, start_offset});
  return write();
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
  if (epoch < 0 || entries_.empty()) return std::nullopt;
  if (entries_.back().epoch == epoch) return OffsetAndEpoch{log_end_offset, epoch};
  const auto higher = std::ranges::upper_bound(entries_, epoch, {}, &EpochEntry::epoch);
  if (higher == entries_.end()) return std::nullopt;  // newer than all we know
  if (higher == entries_.begin()) return OffsetAndEpoch{higher->start_offset, epoch};
  return OffsetAndEpoch{higher->start_offset, std::prev(higher)->epoch};
}

Io<void> LeaderEpochCache::truncate_from_end(Offset end_offset) {
  const std::size_t before = entries_.size();
  while (!entries_.empty() && entries_.back().start_offset >= end_offset) entries_.pop_back();
  return entries_.size() == before ? Io<void>{} : write();
}

Io<void> LeaderEpochCache::truncate_from_start(Offset start_offset) {
  const auto after = std::ranges::upper_bound(entries_, start_offset, {}, &EpochEntry::start_offset);
  if (after == entries_.begin()) return {};
  const auto covering = std::prev(after);
  if (covering == entries_.begin() && covering->start_offset == start_offset) return {};
  covering->start_offset = start_offset;
  entries_.erase(entries_.begin(), covering);
  return write();
}

Io<void> LeaderEpochCache::clear() {
  entries_.clear();
  return write();
}

}  // namespace storage
