#include "storage/log_loader.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/batch_scanner.h"
#include "storage/partition_files.h"
#include "storage/segment_recovery.h"
#include "storage/segment_split.h"

namespace storage {

using protocol::BatchHeader;
using protocol::BatchStatus;

std::int64_t roll_jitter_ms(const LogConfig& config, const TopicPartition& partition, Offset base_offset) {
  const std::int64_t bound = std::min(config.segment_jitter_ms, config.segment_ms);
  if (bound <= 0) return 0;
  const std::size_t mixed =
      std::hash<TopicPartition>{}(partition) ^ (std::hash<Offset>{}(base_offset) * 0x9E3779B97F4A7C15u);
  return static_cast<std::int64_t>(mixed % static_cast<std::size_t>(bound));
}

LogLoader::LogLoader(const LogOpenOptions& options, std::shared_ptr<PartitionPath> path, TimestampMs now)
    : options_(options),
      directory_(*options.directory),
      file_system_(directory_.file_system()),
      shared_path_(std::move(path)),
      path_(shared_path_->text()),
      now_(now) {
  loaded_.epochs = std::make_unique<LeaderEpochCache>(file_system_, path_);
  loaded_.producers =
      std::make_unique<ProducerState>(file_system_, path_, options.partition.text(), options.producer_id_expiration_ms);
}

std::string LogLoader::file(Offset offset, std::string_view extension, std::string_view suffix) const {
  return fmt::format("{}/{:020}{}{}", path_, offset, extension, suffix);
}

std::shared_ptr<Segment> LogLoader::plan_first_segment() const {
  return Segment::plan(directory_.files(), shared_path_, options_.log_start_offset, *options_.config, now_,
                       roll_jitter_ms(*options_.config, options_.partition, options_.log_start_offset));
}

Io<LoadedLog> LogLoader::load() {
  if (options_.is_new) {
    loaded_.segments.push_back(plan_first_segment());
    return std::move(loaded_);
  }
  auto entries = file_system_.list(path_);
  if (!entries) return std::unexpected(entries.error());
  const auto changed = remove_leftovers(*entries);
  if (!changed) return std::unexpected(changed.error());
  if (*changed) entries = file_system_.list(path_);
  if (!entries) return std::unexpected(entries.error());
  const auto epochs = loaded_.epochs->load();
  if (!epochs) return std::unexpected(epochs.error());
  epochs_were_missing_ = !*epochs;
  BARNABAS_IO_TRY(list_segments(*entries));
  if (!options_.clean_shutdown) BARNABAS_IO_TRY(recover());
  BARNABAS_IO_TRY(rescue_damaged_transaction_indexes());
  BARNABAS_IO_TRY(wipe_if_behind_start());

  if (loaded_.segments.empty()) loaded_.segments.push_back(plan_first_segment());
  const auto end = find_log_end();
  if (!end) return std::unexpected(end.error());
  loaded_.log_end_offset = *end;
  // Its indexes and snapshots are not synced, wherever the recovery point was.
  loaded_.recovery_point =
      std::min(options_.clean_shutdown ? *end : std::min(options_.recovery_point, *end), made_anew_from_);
  loaded_.log_start_offset = std::max(options_.log_start_offset, loaded_.segments.front()->base_offset());

  BARNABAS_IO_TRY(rebuild_missing_epochs());
  BARNABAS_IO_TRY(loaded_.epochs->truncate_from_end(*end));
  BARNABAS_IO_TRY(loaded_.epochs->truncate_from_start(loaded_.log_start_offset));

  std::set<Offset> bases;
  for (const auto& segment : loaded_.segments) bases.insert(segment->base_offset());
  BARNABAS_IO_TRY(loaded_.producers->remove_stray_snapshots(bases));
  BARNABAS_IO_TRY(rebuild_producer_state(*loaded_.producers, loaded_.segments, loaded_.log_start_offset, *end,
                                         options_.clean_shutdown, now_));
  if (!options_.clean_shutdown) loaded_.producers->remove_expired(now_);
  return std::move(loaded_);
}

// Deletes what an interrupted deletion or compaction left behind, and finishes a compaction that had got as far as
// .swap.
// Whether there was anything to do.
Io<bool> LogLoader::remove_leftovers(const std::vector<DirectoryEntry>& entries) {
  bool changed = false;
  Offset lowest_cleaned = std::numeric_limits<Offset>::max();
  std::vector<std::pair<std::string, SegmentFileName>> swaps;
  for (const DirectoryEntry& entry : entries) {
    if (entry.is_directory) continue;
    const std::string path = path_ + "/" + entry.name;
    const auto name = parse_segment_file_name(entry.name);
    changed =
        changed || entry.name.ends_with(".tmp") || entry.name.ends_with(".deleted") || (name && name->suffix != "");
    if (entry.name.ends_with(".deleted") || entry.name.ends_with(".tmp")) {
      BARNABAS_IO_TRY(file_system_.remove(path));
    } else if (name && name->suffix == Segment::cleaned_suffix) {
      lowest_cleaned = std::min(lowest_cleaned, name->offset);
      BARNABAS_IO_TRY(file_system_.remove(path));
    } else if (name && name->suffix == Segment::swap_suffix) {
      swaps.emplace_back(path, *name);
    }
  }
  std::vector<Offset> valid;
  for (const auto& [path, name] : swaps) {
    if (name.offset >= lowest_cleaned) {
      BARNABAS_IO_TRY(file_system_.remove(path));
    } else if (name.extension == ".log") {
      valid.push_back(name.offset);
    }
  }
  if (!swaps.empty()) BARNABAS_IO_TRY(finish_swaps(valid));
  return changed;
}

Io<void> LogLoader::finish_swaps(const std::vector<Offset>& swaps) {
  Offset low = std::numeric_limits<Offset>::max(), high = std::numeric_limits<Offset>::min();
  for (const Offset base : swaps) {
    const auto status = file_system_.status(file(base, ".log", Segment::swap_suffix));
    if (!status) return std::unexpected(status.error());
    Segment segment(directory_.files(), shared_path_, base, status->size, *options_.config, now_, 0,
                    Segment::swap_suffix);
    const auto next = segment.next_offset();
    if (!next) return std::unexpected(next.error());
    low = std::min(low, base);
    high = std::max(high, *next);
    spdlog::info("Finishing an interrupted compaction of {}: taking over {}.", options_.partition.text(),
                 segment.log_path());
  }
  const auto entries = file_system_.list(path_);
  if (!entries) return std::unexpected(entries.error());
  for (const DirectoryEntry& entry : *entries) {
    const auto name = parse_segment_file_name(entry.name);
    if (!name || name->suffix != "" || name->offset < low || name->offset >= high) continue;
    BARNABAS_IO_TRY(file_system_.remove(path_ + "/" + entry.name));
  }
  for (const DirectoryEntry& entry : *entries) {
    const auto name = parse_segment_file_name(entry.name);
    if (!name || name->suffix != Segment::swap_suffix) continue;
    const std::string path = path_ + "/" + entry.name;
    BARNABAS_IO_TRY(file_system_.rename(path, path.substr(0, path.size() - Segment::swap_suffix.size())));
  }
  return {};
}

Io<void> LogLoader::list_segments(const std::vector<DirectoryEntry>& entries) {
  std::set<Offset> logs, snapshots;
  std::vector<std::pair<Offset, std::string>> indexes;
  for (const DirectoryEntry& entry : entries) {
    const auto name = parse_segment_file_name(entry.name);
    if (entry.is_directory || !name || name->suffix != "") continue;
    if (name->extension == ".log") {
      logs.insert(name->offset);
    } else if (name->extension == ".snapshot") {
      snapshots.insert(name->offset);
    } else {
      indexes.emplace_back(name->offset, entry.name);
      if (name->extension == ".txnindex") transaction_indexes_.insert(name->offset);
    }
  }
  for (const auto& [offset, name] : indexes) {
    if (logs.contains(offset)) continue;
    spdlog::warn("Deleting {}/{}: there is no segment file it belongs to.", path_, name);
    BARNABAS_IO_TRY(file_system_.remove(path_ + "/" + name));
    transaction_indexes_.erase(offset);
  }
  for (const Offset base : logs) {
    const auto status = file_system_.status(file(base, ".log"));
    if (!status) return std::unexpected(status.error());
    loaded_.segments.push_back(listed(base, status->size));
  }
  loaded_.producers->set_snapshots(std::move(snapshots));
  return {};
}

std::shared_ptr<Segment> LogLoader::listed(Offset base, std::int64_t size) const {
  return std::make_shared<Segment>(directory_.files(), shared_path_, base, size, *options_.config, now_,
                                   roll_jitter_ms(*options_.config, options_.partition, base));
}

// Checks every batch from the recovery point on; cuts the log off at the first that is damaged.
Io<void> LogLoader::recover() {
  auto& segments = loaded_.segments;
  const auto first = std::ranges::upper_bound(segments, options_.recovery_point, {}, &Segment::base_offset);
  std::size_t index = static_cast<std::size_t>(first - segments.begin());
  if (index > 0) --index;
  const std::size_t total = segments.size() - index;
  for (std::size_t done = 0; index < segments.size(); ++index, ++done) {
    if (options_.stop.stop_requested()) return io_fail(ECANCELED, "recover " + options_.path);
    if (total > 1) {
      spdlog::info("Recovering {}: segment {} of {}, from offset {}.", options_.partition.text(), done + 1, total,
                   segments[index]->base_offset());
    }
    const auto cut = recover_segment(index);
    if (!cut) return std::unexpected(cut.error());
    if (*cut && index + 1 < segments.size()) {
      spdlog::warn("Deleting {} segments of {} after the damaged one at offset {}.", segments.size() - index - 1,
                   options_.partition.text(), segments[index]->base_offset());
      return drop_segments_after(index + 1);
    }
  }
  return {};
}

Io<bool> LogLoader::recover_segment(std::size_t index) {
  auto recovered = try_to_recover(index);
  if (recovered && recovered->overflows) {
    BARNABAS_IO_TRY(split(index));
    recovered = try_to_recover(index);
  }
  if (!recovered) return std::unexpected(recovered.error());
  const Segment& segment = *loaded_.segments[index];
  split_off_.erase(segment.base_offset());
  made_anew_from_ = std::min(made_anew_from_, segment.base_offset());
  if (recovered->bytes_cut > 0) {
    spdlog::warn("Cut {} damaged or incomplete bytes off the end of {}; the log goes on at offset {}.",
                 recovered->bytes_cut, segment.log_path(), recovered->next_offset);
  }
  return recovered->bytes_cut > 0;
}

// Puts the pieces of a segment in its place.
Io<void> LogLoader::split(std::size_t index) {
  auto& segments = loaded_.segments;
  const auto bases = split_overflowed_segment(file_system_, path_, *segments[index]);
  if (!bases) return std::unexpected(bases.error());
  std::vector<std::shared_ptr<Segment>> pieces;
  for (const Offset base : *bases) {
    const auto status = file_system_.status(file(base, ".log"));
    if (!status) return std::unexpected(status.error());
    pieces.push_back(listed(base, status->size));
    split_off_.insert(base);
  }
  transaction_indexes_.erase(segments[index]->base_offset());
  segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(index));
  segments.insert(segments.begin() + static_cast<std::ptrdiff_t>(index), pieces.begin(), pieces.end());
  return {};
}

Io<RecoveredSegment> LogLoader::try_to_recover(std::size_t index) {
  const std::shared_ptr<Segment> segment = loaded_.segments[index];
  const bool is_last = index + 1 == loaded_.segments.size();
  const Offset next_base = is_last ? std::numeric_limits<Offset>::max() : loaded_.segments[index + 1]->base_offset();
  // The state before this segment; when the segment before was just recovered, it is there already.
  ProducerState& producers = *loaded_.producers;
  if (producers.end_offset() != segment->base_offset() || producers.end_offset() == 0) {
    std::vector<std::shared_ptr<Segment>> before;
    for (const auto& other : loaded_.segments) {
      if (other->base_offset() < segment->base_offset()) before.push_back(other);
    }
    BARNABAS_IO_TRY(
        rebuild_producer_state(producers, before, options_.log_start_offset, segment->base_offset(), false, now_));
  }
  const auto scratch = directory_.borrow_scratch();
  auto recovered = storage::recover_segment(*segment, next_base, *loaded_.epochs, producers, *scratch);
  if (!recovered || recovered->overflows) return recovered;
  const auto snapshot = producers.take_snapshot(false);
  if (!snapshot) return std::unexpected(snapshot.error());
  return recovered;
}

// Aborted transactions can't be told from the log alone later on, so a damaged index is made anew from the segment.
Io<void> LogLoader::rescue_damaged_transaction_indexes() {
  for (std::size_t index = 0; index < loaded_.segments.size(); ++index) {
    const auto segment = loaded_.segments[index];
    if (!split_off_.contains(segment->base_offset())) {
      if (!transaction_indexes_.contains(segment->base_offset())) continue;
      const auto entries = segment->aborted_transactions();
      if (!entries && entries.error().error_number != EILSEQ) return std::unexpected(entries.error());
      const bool sane = entries && std::ranges::all_of(**entries, [&](const AbortedTxnEntry& entry) {
                          return entry.last_offset >= segment->base_offset();
                        });
      if (sane) continue;
      spdlog::warn("{} is damaged; recovering its segment.", segment->transaction_index_path());
    }
    const auto cut = recover_segment(index);
    if (!cut) return std::unexpected(cut.error());
  }
  return {};
}

Io<void> LogLoader::wipe_if_behind_start() {
  if (loaded_.segments.empty()) return {};
  if (loaded_.segments.back()->base_offset() >= options_.log_start_offset) return {};
  const auto end = find_log_end();
  if (!end) return std::unexpected(end.error());
  if (*end >= options_.log_start_offset) return {};
  spdlog::warn("{} ends at offset {}, before its start offset {}: deleting what is there. Files may have been deleted.",
               options_.partition.text(), *end, options_.log_start_offset);
  BARNABAS_IO_TRY(drop_segments_after(0));
  BARNABAS_IO_TRY(loaded_.epochs->clear());
  return loaded_.producers->truncate_fully_and_start_at(options_.log_start_offset);
}

Io<void> LogLoader::drop_segments_after(std::size_t count) {
  for (std::size_t i = count; i < loaded_.segments.size(); ++i) {
    const auto& segment = loaded_.segments[i];
    BARNABAS_IO_TRY(segment->remove_files());
    BARNABAS_IO_TRY(loaded_.producers->remove_snapshot(segment->base_offset()));
  }
  loaded_.segments.resize(count);
  return {};
}

// A cleanly closed log ends where its last snapshot and the recovery point agree that it ends, so that its files need
// not be opened; otherwise the last segment tells.
Io<Offset> LogLoader::find_log_end() {
  const Segment& last = *loaded_.segments.back();
  if (last.size() == 0) return last.base_offset();
  if (options_.clean_shutdown && options_.recovery_point > last.base_offset() &&
      loaded_.producers->snapshots().contains(options_.recovery_point) &&
      loaded_.producers->latest_snapshot() == options_.recovery_point) {
    return options_.recovery_point;
  }
  return last.next_offset();
}

// Without its file the epochs are those that the batches carry.
Io<void> LogLoader::rebuild_missing_epochs() {
  if (!epochs_were_missing_ || loaded_.log_end_offset == 0) return {};
  std::vector<EpochEntry> found;
  for (const auto& segment : loaded_.segments) {
    if (segment->size() == 0) continue;
    const auto log = segment->log_file();
    if (!log) return std::unexpected(log.error());
    BatchScanner scanner(**log, 0, segment->size(), false, 64 * 1024);
    BatchHeader header;
    for (auto status = scanner.next(header);; status = scanner.next(header)) {
      if (!status) return std::unexpected(status.error());
      if (*status != BatchStatus::ok) break;
      const LeaderEpoch epoch = header.partition_leader_epoch();
      if (epoch >= 0 && (found.empty() || epoch > found.back().epoch)) found.push_back({epoch, header.base_offset()});
    }
  }
  BARNABAS_IO_TRY(loaded_.epochs->clear());
  for (const EpochEntry& entry : found) BARNABAS_IO_TRY(loaded_.epochs->assign(entry.epoch, entry.start_offset));
  return {};
}

}  // namespace storage
