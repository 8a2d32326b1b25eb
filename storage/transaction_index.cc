#include "storage/transaction_index.h"

#include <algorithm>
#include <array>

#include "protocol/records/big_endian.h"

namespace storage {

using protocol::load_be, protocol::store_be;

Io<std::vector<AbortedTxnEntry>> read_transaction_index(FileSystem& file_system, const std::string& path) {
  const auto content = file_system.read_text(path);
  if (!content) {
    if (content.error().error_number == ENOENT) return std::vector<AbortedTxnEntry>{};
    return std::unexpected(content.error());
  }
  std::vector<AbortedTxnEntry> entries;
  entries.reserve(content->size() / AbortedTxnEntry::encoded_size);
  const auto* data = reinterpret_cast<const std::byte*>(content->data());
  for (std::size_t at = 0; at + AbortedTxnEntry::encoded_size <= content->size(); at += AbortedTxnEntry::encoded_size) {
    if (load_be<std::int16_t>(data + at) != 0) return io_fail(EILSEQ, "read " + path);
    entries.push_back({.producer_id = load_be<std::int64_t>(data + at + 2),
                       .first_offset = load_be<std::int64_t>(data + at + 10),
                       .last_offset = load_be<std::int64_t>(data + at + 18),
                       .last_stable_offset = load_be<std::int64_t>(data + at + 26)});
  }
  return entries;
}

Io<void> append_to_transaction_index(FileSystem& file_system, const std::string& path, const AbortedTxnEntry& entry) {
  const auto file = file_system.open(path, OpenMode::create);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  std::array<std::byte, AbortedTxnEntry::encoded_size> bytes{};
  store_be(&bytes[0], std::int16_t{0});
  store_be(&bytes[2], entry.producer_id);
  store_be(&bytes[10], entry.first_offset);
  store_be(&bytes[18], entry.last_offset);
  store_be(&bytes[26], entry.last_stable_offset);
  const auto whole = static_cast<std::int64_t>(AbortedTxnEntry::encoded_size);
  return (*file)->write_at(*size / whole * whole, bytes);
}

Io<void> truncate_transaction_index(FileSystem& file_system, const std::string& path, protocol::Offset offset) {
  const auto entries = read_transaction_index(file_system, path);
  if (!entries && entries.error().error_number != EILSEQ) return std::unexpected(entries.error());
  std::size_t keep = 0;
  if (entries) {
    while (keep < entries->size() && (*entries)[keep].last_offset < offset) ++keep;
    if (keep == entries->size()) return {};
  }
  const auto file = file_system.open(path, OpenMode::existing);
  if (!file) return file.error().error_number == ENOENT ? Io<void>{} : Io<void>(std::unexpected(file.error()));
  return (*file)->truncate(static_cast<std::int64_t>(keep * AbortedTxnEntry::encoded_size));
}

}  // namespace storage
