#include "tools/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

namespace tools {
namespace {

using protocol::Bytes, protocol::TimestampMs;

// The length of the UTF-8 character at the front, 0 when there is none (overlong and surrogate forms included).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return length;
}

std::string escaped(unsigned char byte) {
  switch (byte) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\x{:02x}", byte);
  }
}

// Lines of at most `width` characters, broken behind commas and spaces where there are some.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (text.size() > width) {
    const auto at = text.substr(0, width).find_last_of(", ");
    const std::size_t length = at == std::string_view::npos ? width : at + 1;
    lines.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  lines.emplace_back(text);
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

std::optional<std::int64_t> unit_ms(std::string_view unit, bool is_iso, bool in_time) {
  constexpr std::int64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
  if (is_iso && !in_time) return unit == "D" ? std::optional(day) : std::nullopt;
  if (!is_iso && unit == "ms") return 1;
  if (unit == (is_iso ? "S" : "s")) return second;
  if (unit == (is_iso ? "M" : "m")) return minute;
  if (unit == (is_iso ? "H" : "h")) return hour;
  return !is_iso && unit == "d" ? std::optional(day) : std::nullopt;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string base64(Bytes bytes) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < count ? std::to_integer<unsigned>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string printable(Bytes bytes, std::size_t limit) {
  std::string_view text = protocol::as_text(bytes);
  std::string result;
  std::size_t shown = 0;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool plain = length > 0 && first >= 0x20 && first != 0x7f;
    const std::string piece = plain ? std::string(text.substr(0, length)) : escaped(first);
    const std::size_t width = plain ? 1 : piece.size();
    const std::size_t taken = plain ? length : 1;
    // The last character's place is kept for the ellipsis, unless everything fits.
    if (shown + width > limit || (shown + width == limit && taken < text.size())) return result + "…";
    result += piece;
    shown += width;
    text.remove_prefix(taken);
  }
  return result;
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  const std::size_t first = text.front() == '-' ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string data_size(std::uint64_t bytes) {
  static constexpr std::array units = {"B", "KB", "MB", "GB", "TB", "PB"};
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= 999.5 && unit + 1 < units.size(); ++unit) number /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.{}f} {}", number, number < 9.95 ? 1 : 0, units[unit]);
}

std::string utc_time(TimestampMs time) {
  if (time < 0) return "-";
  const std::time_t seconds = time / 1000;
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr || parts.tm_year > 8099) return fmt::format("{} ms", time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, time % 1000);
}

std::optional<TimestampMs> parse_time(std::string_view text) {
  TimestampMs number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0) return number;
  const std::string copy(text);
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    const char* rest = strptime(copy.c_str(), format, &parts);
    if (rest != nullptr && (*rest == '\0' || std::string_view(rest) == "Z")) return timegm(&parts) * 1000;
  }
  return std::nullopt;
}

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<std::string> wrapped_words(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::size_t length = character_count(word);
    if (lines.empty() || used + 1 + length > width) {
      lines.emplace_back(word);
      used = length;
    } else {
      lines.back().append(1, ' ').append(word);
      used += 1 + length;
    }
  }
  return lines;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  const bool is_iso = text.starts_with('P');
  if (is_iso) text.remove_prefix(1);
  bool in_time = !is_iso;  // behind ISO's T, where M means minutes
  std::int64_t total = 0;
  bool any = false;
  while (!text.empty()) {
    if (is_iso && !in_time && text.front() == 'T') {
      in_time = true;
      text.remove_prefix(1);
      continue;
    }
    std::int64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const auto unit_end = std::min(text.find_first_of("0123456789T"), text.size());
    const auto unit = unit_ms(text.substr(0, unit_end), is_iso, in_time);
    std::int64_t part = 0;
    if (!unit || __builtin_mul_overflow(number, *unit, &part) || __builtin_add_overflow(total, part, &total)) {
      return std::nullopt;
    }
    text.remove_prefix(unit_end);
    any = true;
  }
  return any ? std::optional(total) : std::nullopt;
}

std::string Table::text(std::size_t indent) const {
  const std::size_t columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::size_t before_last = indent;
  for (std::size_t i = 0; i + 1 < columns; ++i) before_last += widths[i] + 2;
  const std::size_t last_width = width_ > before_last + 16 ? width_ - before_last : 16;

  std::string result;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i + 1 < row.size(); ++i) line += fmt::format("{:<{}}", row[i], widths[i] + 2);
    for (const std::string& piece : wrapped(row.back(), last_width)) {
      line += piece;
      line.erase(line.find_last_not_of(' ') + 1);
      result += line + '\n';
      line.assign(before_last, ' ');
    }
  }
  return result;
}

}  // namespace tools
