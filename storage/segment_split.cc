#include "storage/segment_split.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <ranges>
#include <string>

#include "storage/batch_scanner.h"

namespace storage {
namespace {

using protocol::BatchHeader;
using protocol::BatchStatus;

struct Piece {
  Offset base_offset = 0;
  std::int64_t from = 0;  // position in the old file
};

bool reaches(Offset base, Offset offset) { return offset - base <= std::numeric_limits<std::int32_t>::max(); }

Io<std::vector<Piece>> find_pieces(File& file, const Segment& segment) {
  std::vector<Piece> pieces = {{segment.base_offset(), 0}};
  Offset next = segment.base_offset();
  BatchScanner scanner(file, 0, segment.size(), false, 64 * 1024);
  BatchHeader header;
  for (auto status = scanner.next(header);; status = scanner.next(header)) {
    if (!status) return std::unexpected(status.error());
    if (*status != BatchStatus::ok || header.last_offset() < next) return pieces;
    if (!reaches(pieces.back().base_offset, header.last_offset())) {
      // Old formats don't tell the first offset without decompressing; any base that reaches the last one will do.
      const Offset lowest = header.last_offset() - std::numeric_limits<std::int32_t>::max();
      const Offset base = header.magic() >= protocol::magic_v2 ? header.base_offset() : std::max(next, lowest);
      if (base < next || !reaches(base, header.last_offset())) return pieces;
      pieces.push_back({base, scanner.position()});
    }
    next = header.next_offset();
  }
}

Io<void> copy(File& from, std::int64_t begin, std::int64_t end, File& to) {
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  for (std::int64_t at = begin; at < end;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::int64_t>(end - at, std::ssize(buffer)));
    const auto got = from.read_at(at, std::span(buffer).first(wanted));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return io_fail(EIO, "read all of " + from.path());
    BARNABAS_IO_TRY(to.write_at(at - begin, std::span<const std::byte>(buffer).first(*got)));
    at += static_cast<std::int64_t>(*got);
  }
  return to.sync();
}

}  // namespace

Io<std::vector<Offset>> split_overflowed_segment(FileSystem& file_system, const std::string& directory,
                                                 const Segment& segment) {
  const auto path = [&](Offset base, std::string_view suffix) {
    return fmt::format("{}/{:020}.log{}", directory, base, suffix);
  };
  const auto old = segment.log_file();
  if (!old) return std::unexpected(old.error());
  const auto pieces = find_pieces(**old, segment);
  if (!pieces) return std::unexpected(pieces.error());
  if (pieces->size() < 2) return io_fail(EILSEQ, "split " + segment.log_path());
  const auto modified_ms = segment.modified_ms();
  if (!modified_ms) return std::unexpected(modified_ms.error());
  spdlog::info("Splitting {} into {} segments: its offsets go further than its indexes can say.", segment.log_path(),
               pieces->size());

  std::vector<Offset> bases;
  for (std::size_t i = 0; i < pieces->size(); ++i) {
    const Piece& piece = (*pieces)[i];
    const std::int64_t end = i + 1 < pieces->size() ? (*pieces)[i + 1].from : segment.size();
    const std::string cleaned = path(piece.base_offset, Segment::cleaned_suffix);
    const auto file = file_system.open(cleaned, OpenMode::fresh);
    if (!file) return std::unexpected(file.error());
    BARNABAS_IO_TRY(copy(**old, piece.from, end, **file));
    BARNABAS_IO_TRY(file_system.set_modified_time(cleaned, *modified_ms));
    bases.push_back(piece.base_offset);
  }
  // From the newest to the oldest: as long as a .cleaned file is left, the next start drops the .swap files above it.
  for (const Offset base : bases | std::views::reverse) {
    BARNABAS_IO_TRY(file_system.rename(path(base, Segment::cleaned_suffix), path(base, Segment::swap_suffix)));
  }
  BARNABAS_IO_TRY(file_system.sync_directory(directory));
  for (const std::string& gone :
       {segment.offset_index_path(), segment.time_index_path(), segment.transaction_index_path(), segment.log_path()}) {
    BARNABAS_IO_TRY(file_system.remove(gone));
  }
  for (const Offset base : bases) {
    BARNABAS_IO_TRY(file_system.rename(path(base, Segment::swap_suffix), path(base, "")));
  }
  BARNABAS_IO_TRY(file_system.sync_directory(directory));
  return bases;
}

}  // namespace storage
