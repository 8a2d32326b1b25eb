#include "tools/json_writer.h"

#include <cmath>

#include <fmt/format.h>

#include "tools/text.h"

namespace tools {

void JsonWriter::separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = false;
}

JsonWriter& JsonWriter::value(double number) {
  return std::isfinite(number) ? literal(fmt::format("{}", number)) : null();
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::literal(std::string_view text) {
  separate();
  text_ += text;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::name(std::string_view text) {
  separate();
  quote(text);
  text_ += ':';
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  quote(text);
  needs_comma_ = true;
  return *this;
}

void JsonWriter::quote(std::string_view text) {
  text_ += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      text_ += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

JsonWriter& JsonWriter::bytes_field(std::string_view field_name, const std::optional<protocol::Bytes>& bytes) {
  if (!bytes) return name(field_name).null();
  const std::string_view text = protocol::as_text(*bytes);
  if (is_utf8(text)) return field(field_name, text);
  return field(fmt::format("{}_base64", field_name), base64(*bytes));
}

}  // namespace tools
