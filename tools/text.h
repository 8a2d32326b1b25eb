// Values as text that people read: times, sizes, bytes of unknown content, tables. Pure functions, safe from any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/types.h"

namespace tools {

bool is_utf8(std::string_view text);
std::string base64(protocol::Bytes bytes);

// What a terminal can show: control characters and bytes that are not UTF-8 as \n, \x1b …; cut to `limit` characters
// with an ellipsis when given.
std::string printable(protocol::Bytes bytes, std::size_t limit = static_cast<std::size_t>(-1));

// How many characters a terminal shows for UTF-8 text without wide ones.
std::size_t character_count(std::string_view text);

// Lines of at most `width` characters, broken at blanks; a longer word gets a line of its own.
std::vector<std::string> wrapped_words(std::string_view text, std::size_t width);

std::string grouped(std::int64_t number);          // 1,234,567
std::string data_size(std::uint64_t bytes);        // "812 B", "3.4 MB"
std::string utc_time(protocol::TimestampMs time);  // "2024-05-01 12:00:00.000", "-" for none

// A point in time as a user writes it: milliseconds since 1970, or "2024-05-01", "2024-05-01T12:00[:00]" in UTC.
std::optional<protocol::TimestampMs> parse_time(std::string_view text);

// A length of time: "500ms", "90s", "15m", "2h", "7d", or ISO 8601's "PT1H30M" and "P1DT12H". In milliseconds.
std::optional<std::int64_t> parse_duration(std::string_view text);

// Columns, aligned, in at most `width` characters: the last column is broken at spaces and commas.
class Table {
 public:
  explicit Table(std::vector<std::string> titles, std::size_t width = 80) : width_(width) { add(std::move(titles)); }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text(std::size_t indent = 0) const;

 private:
  std::size_t width_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tools
