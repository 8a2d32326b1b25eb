// The files of ProducerState: writing, loading and removing <offset>.snapshot.
//   i16 version 1, u32 CRC32C of what follows it, i32 count, and for each producer 46 bytes: i64 id, i16 epoch,
//   i32 last sequence, i64 last offset, i32 offset delta, i64 last timestamp, i32 coordinator epoch,
//   i64 first offset of the open transaction. Absent numbers are -1 (the delta 0). Only the newest batch is kept.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "protocol/records/big_endian.h"
#include "protocol/records/crc32c.h"
#include "storage/producer_state.h"

namespace storage {
namespace {

using protocol::load_be, protocol::store_be;

constexpr std::int16_t snapshot_version = 1;
constexpr std::size_t crc_at = 2, count_at = 6, header_size = 10, entry_size = 46;

void encode_entry(std::byte* to, ProducerId producer, const ProducerEntry& entry) {
  store_be(to, producer);
  store_be(to + 8, entry.epoch);
  store_be(to + 10, entry.last_sequence());
  store_be(to + 14, entry.last_data_offset());
  store_be(to + 22, entry.last_offset_delta());
  store_be(to + 26, entry.last_timestamp);
  store_be(to + 34, entry.coordinator_epoch);
  store_be(to + 38, entry.open_transaction_start);
}

std::pair<ProducerId, ProducerEntry> decode_entry(const std::byte* from) {
  ProducerEntry entry{.epoch = load_be<ProducerEpoch>(from + 8),
                      .coordinator_epoch = load_be<std::int32_t>(from + 34),
                      .last_timestamp = load_be<std::int64_t>(from + 26)};
  const auto open_start = load_be<Offset>(from + 38);
  if (open_start >= 0) entry.open_transaction_start = open_start;
  const ProducerBatch last{.last_sequence = load_be<std::int32_t>(from + 10),
                           .last_offset = load_be<Offset>(from + 14),
                           .offset_delta = load_be<std::int32_t>(from + 22),
                           .timestamp = entry.last_timestamp};
  if (last.last_offset >= 0) entry.add_batch(last);
  return {load_be<ProducerId>(from), entry};
}

}  // namespace

std::vector<std::byte> encode_producer_snapshot(const std::unordered_map<ProducerId, ProducerEntry>& producers) {
  std::vector<std::byte> bytes(header_size + producers.size() * entry_size);
  store_be(&bytes[0], snapshot_version);
  store_be(&bytes[count_at], static_cast<std::int32_t>(producers.size()));
  std::size_t at = header_size;
  for (const auto& [producer, entry] : producers) {
    encode_entry(&bytes[at], producer, entry);
    at += entry_size;
  }
  store_be(&bytes[crc_at], protocol::crc32c(protocol::Bytes(bytes).subspan(count_at)));
  return bytes;
}

std::optional<std::vector<std::pair<ProducerId, ProducerEntry>>> decode_producer_snapshot(protocol::Bytes bytes) {
  if (bytes.size() < header_size || load_be<std::int16_t>(bytes.data()) != snapshot_version) return std::nullopt;
  if (load_be<std::uint32_t>(&bytes[crc_at]) != protocol::crc32c(bytes.subspan(count_at))) return std::nullopt;
  const auto count = load_be<std::int32_t>(&bytes[count_at]);
  if (count < 0 || static_cast<std::size_t>(count) > (bytes.size() - header_size) / entry_size) return std::nullopt;
  std::vector<std::pair<ProducerId, ProducerEntry>> entries;
  entries.reserve(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) {
    entries.push_back(decode_entry(&bytes[header_size + static_cast<std::size_t>(i) * entry_size]));
  }
  return entries;
}

std::optional<Offset> ProducerState::latest_snapshot() const {
  return snapshots_.empty() ? std::nullopt : std::optional(*snapshots_.rbegin());
}

std::string ProducerState::snapshot_path(Offset offset) const {
  return fmt::format("{}/{:020}.snapshot", directory_, offset);
}

Io<void> ProducerState::remove_stray_snapshots(const std::set<Offset>& segment_bases) {
  std::optional<Offset> newest_stray;
  for (const Offset offset : std::set<Offset>(snapshots_)) {
    if (segment_bases.contains(offset)) continue;
    if (newest_stray) BARNABAS_IO_TRY(remove_snapshot(*newest_stray));
    newest_stray = offset;
  }
  if (newest_stray && !segment_bases.empty() && *newest_stray < *segment_bases.rbegin()) {
    return remove_snapshot(*newest_stray);
  }
  return {};
}

Io<std::optional<Offset>> ProducerState::take_snapshot(bool sync) {
  if (end_offset_ <= last_snapshot_offset_) return std::nullopt;
  const std::vector<std::byte> bytes = encode_producer_snapshot(producers_);
  const auto file = file_system_.open(snapshot_path(end_offset_), OpenMode::fresh);
  if (!file) return std::unexpected(file.error());
  BARNABAS_IO_TRY((*file)->write_at(0, bytes));
  if (sync) BARNABAS_IO_TRY((*file)->sync());
  snapshots_.insert(end_offset_);
  last_snapshot_offset_ = end_offset_;
  return end_offset_;
}

Io<void> ProducerState::remove_snapshot(Offset offset) {
  if (snapshots_.erase(offset) == 0) return {};
  return file_system_.remove(snapshot_path(offset));
}

Io<std::optional<std::string>> ProducerState::mark_snapshot_deleted(Offset offset) {
  if (snapshots_.erase(offset) == 0) return std::nullopt;
  const std::string path = snapshot_path(offset), marked = path + ".deleted";
  if (auto renamed = file_system_.rename(path, marked); !renamed) {
    if (renamed.error().error_number == ENOENT) return std::nullopt;
    return std::unexpected(renamed.error());
  }
  return marked;
}

Io<void> ProducerState::truncate_and_reload(Offset log_start, Offset log_end, TimestampMs now) {
  for (const Offset offset : std::set<Offset>(snapshots_)) {
    if (offset > log_end || offset <= log_start) BARNABAS_IO_TRY(remove_snapshot(offset));
  }
  if (log_end == end_offset_) {
    on_log_start_offset(log_start);
    return {};
  }
  producers_.clear();
  open_.clear();
  unreplicated_.clear();
  return load_latest(log_start, now);
}

Io<void> ProducerState::load_latest(Offset log_start, TimestampMs now) {
  while (const auto latest = latest_snapshot()) {
    const auto content = file_system_.read_text(snapshot_path(*latest));
    if (!content && content.error().error_number != ENOENT) return std::unexpected(content.error());
    const auto entries = content ? decode_producer_snapshot(protocol::as_bytes(*content)) : std::nullopt;
    if (!entries) {
      spdlog::warn("{} is damaged; falling back to an older one.", snapshot_path(*latest));
      BARNABAS_IO_TRY(remove_snapshot(*latest));
      continue;
    }
    for (const auto& [producer, entry] : *entries) {
      if (is_expired(entry, now)) continue;
      producers_.insert_or_assign(producer, entry);
      if (entry.has_open_transaction()) {
        open_.insert_or_assign(entry.open_transaction_start, OpenTransaction{producer});
      }
    }
    end_offset_ = last_snapshot_offset_ = *latest;
    return {};
  }
  end_offset_ = last_snapshot_offset_ = log_start;
  return {};
}

Io<void> ProducerState::truncate_fully_and_start_at(Offset offset) {
  producers_.clear();
  open_.clear();
  unreplicated_.clear();
  for (const Offset snapshot : std::set<Offset>(snapshots_)) BARNABAS_IO_TRY(remove_snapshot(snapshot));
  last_snapshot_offset_ = 0;
  end_offset_ = offset;
  return {};
}

}  // namespace storage
