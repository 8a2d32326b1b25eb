#include "broker/config/properties.h"

#include <fmt/format.h>

#include <optional>

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::optional<std::uint32_t> hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t code = 0;
  for (const char c : text.substr(0, 4)) {
    code <<= 4;
    if (c >= '0' && c <= '9') {
      code |= static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      code |= static_cast<std::uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      code |= static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return code;
}

// Undoes escapes in one key or value; `text` may hold \uXXXX pairs of surrogates. Empty: a broken \u escape.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      if (text[i] != '\\') out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c != 'u') {
      constexpr std::string_view letters = "tnfr";
      constexpr std::string_view meant = "\t\n\f\r";
      const std::size_t known = letters.find(c);
      out += known == std::string_view::npos ? c : meant[known];
      continue;
    }
    auto code = hex4(text.substr(i + 1));
    if (!code) return std::nullopt;
    i += 4;
    const bool high_surrogate = *code >= 0xD800 && *code < 0xDC00;
    if (high_surrogate && text.substr(i + 1).starts_with("\\u")) {
      const auto low = hex4(text.substr(i + 3));
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
        i += 6;
      }
    }
    append_utf8(out, *code);
  }
  return out;
}

// One natural line off the front of `text`, without its end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find_first_of("\r\n");
  const std::string_view line = text.substr(0, end);
  if (end == std::string_view::npos) {
    text = {};
  } else {
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return line;
}

bool ends_in_continuation(std::string_view line) {
  std::size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

std::string_view without_leading_blanks(std::string_view line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  return line;
}

// Where the key ends: the first separator that isn't escaped.
std::size_t key_end(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '=' || line[i] == ':' || is_blank(line[i])) {
      return i;
    }
  }
  return line.size();
}

}  // namespace

const std::string* find_property(const Properties& properties, std::string_view name) {
  const auto found = properties.find(name);
  return found == properties.end() ? nullptr : &found->second;
}

Result<Properties> parse_properties(std::string_view text) {
  Properties properties;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const int first_number = number;
    std::string line(without_leading_blanks(take_line(text)));
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    // Java starts afresh after a line that holds nothing but the backslash.
    while (ends_in_continuation(line)) {
      line.pop_back();
      if (line.empty() || text.empty()) break;
      ++number;
      line += without_leading_blanks(take_line(text));
    }
    if (line.empty()) continue;
    const std::size_t end = key_end(line);
    std::string_view value = without_leading_blanks(std::string_view(line).substr(end));
    if (value.starts_with('=') || value.starts_with(':')) value = without_leading_blanks(value.substr(1));
    auto key_text = unescape(std::string_view(line).substr(0, end));
    auto value_text = unescape(value);
    if (!key_text || !value_text) {
      return fail(ErrorCode::invalid_config, fmt::format("Line {}: \\u needs four hexadecimal digits", first_number));
    }
    properties.insert_or_assign(std::move(*key_text), std::move(*value_text));
  }
  return properties;
}

}  // namespace broker
