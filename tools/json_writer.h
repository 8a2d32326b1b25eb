// Writes JSON: for the --json output of commands. The caller opens and closes objects and arrays in pairs; commas and
// escapes are this class's business. A value for one thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"

namespace tools {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  // The name of the next value in an object.
  JsonWriter& name(std::string_view text);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool yes) { return literal(yes ? "true" : "false"); }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter& value(T number) {
    return literal(std::to_string(number));
  }
  JsonWriter& value(double number);  // null, if it is none that JSON has
  JsonWriter& null() { return literal("null"); }

  // name() and value() in one.
  template <typename T>
  JsonWriter& field(std::string_view field_name, const T& field_value) {
    return name(field_name).value(field_value);
  }
  // Bytes under `field_name` when they are UTF-8, else in base64 under "<field_name>_base64". Nothing: null.
  JsonWriter& bytes_field(std::string_view field_name, const std::optional<protocol::Bytes>& bytes);

  const std::string& text() const { return text_; }
  void clear() {
    text_.clear();
    needs_comma_ = false;
  }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& literal(std::string_view text);
  void separate();
  void quote(std::string_view text);

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace tools
