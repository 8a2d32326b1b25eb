// What every generated message header needs: field types, and the array codec that all of them share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "protocol/api_key.h"
#include "protocol/byte_string.h"
#include "protocol/bytes.h"
#include "protocol/records_field.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "protocol/version_range.h"
#include "protocol/wire.h"

namespace protocol {

// How one array field is read and written in one version.
struct ArrayRule {
  Encoding encoding;
  bool nullable;
  std::size_t min_element_size;  // on the wire, in any version; at least 1
  const char* field;
};

namespace message_detail {

// Memory grows with the elements that really come, not with a count that the sender made up: the rest is asked for once
// so many have come.
inline constexpr std::int32_t reserve_limit = 1024;

template <typename T>
void read_elements(Reader& reader, std::vector<T>& elements, std::int32_t count, const ArrayRule& rule,
                   std::int16_t version) {
  elements.clear();
  reader.charge_elements(static_cast<std::size_t>(count), sizeof(T));
  if (!reader.ok()) return;
  elements.reserve(static_cast<std::size_t>(std::min(count, reserve_limit)));
  for (std::int32_t i = 0; i < count && reader.ok(); ++i) {
    if (i == reserve_limit) elements.reserve(static_cast<std::size_t>(count));
    if constexpr (requires(T element) { element.read(reader, version); }) {
      elements.emplace_back().read(reader, version);
    } else if constexpr (requires(T element) { reader.get(element); }) {
      reader.get(elements.emplace_back());
    } else {
      reader.get(elements.emplace_back(), rule.encoding, rule.field);
    }
  }
}

template <typename T>
void write_elements(Writer& writer, const std::vector<T>& elements, const ArrayRule& rule, std::int16_t version) {
  writer.array_count(elements.size(), rule.encoding, rule.field, rule.nullable);
  for (const T& element : elements) {
    if constexpr (requires { element.write(writer, version); }) {
      element.write(writer, version);
    } else if constexpr (requires { writer.put(element); }) {
      writer.put(element);
    } else {
      writer.put(element, rule.encoding, rule.field);
    }
  }
}

}  // namespace message_detail

template <typename T>
void read_array(Reader& reader, std::vector<T>& elements, const ArrayRule& rule, std::int16_t version) {
  const std::int32_t count = reader.array_count(rule.encoding, rule.min_element_size, rule.field, false);
  message_detail::read_elements(reader, elements, count, rule, version);
}

template <typename T>
void read_array(Reader& reader, std::optional<std::vector<T>>& elements, const ArrayRule& rule, std::int16_t version) {
  const std::int32_t count = reader.array_count(rule.encoding, rule.min_element_size, rule.field, rule.nullable);
  if (count < 0) return elements.reset();
  message_detail::read_elements(reader, elements.emplace(), count, rule, version);
}

template <typename T>
void write_array(Writer& writer, const std::vector<T>& elements, const ArrayRule& rule, std::int16_t version) {
  message_detail::write_elements(writer, elements, rule, version);
}

template <typename T>
void write_array(Writer& writer, const std::optional<std::vector<T>>& elements, const ArrayRule& rule,
                 std::int16_t version) {
  if (elements) return message_detail::write_elements(writer, *elements, rule, version);
  writer.array_count(std::nullopt, rule.encoding, rule.field, rule.nullable);
}

// What precedes a structure that may be null: a byte, negative for null (KIP-893); in a tag buffer a varint, 0 for
// null.
enum class Presence { byte, varint };

template <typename T>
void read_nullable_struct(Reader& reader, std::optional<T>& value, std::int16_t version, Presence presence) {
  const bool is_null = presence == Presence::byte ? reader.read<std::int8_t>() < 0
                                                  : static_cast<std::int32_t>(reader.unsigned_varint()) <= 0;
  if (is_null || !reader.ok()) return value.reset();
  value.emplace().read(reader, version);
}

template <typename T>
void write_nullable_struct(Writer& writer, const std::optional<T>& value, std::int16_t version, Presence presence) {
  const std::int8_t null = presence == Presence::byte ? -1 : 0;
  writer.put(value ? std::int8_t{1} : null);
  if (value) value->write(writer, version);
}

// `Message::decode`: checks the version, reads, and turns the reader's state into a result. Bytes may remain.
template <typename Message>
Result<Message> decode_message(Reader& reader, std::int16_t version) {
  Result<Message> message{};
  if (!Message::versions.contains(version)) return fail(ErrorCode::unsupported_version);
  message->read(reader, version);
  if (!reader.ok()) return std::unexpected<Error>(reader.error());
  return message;
}

// `Message::encode`.
template <typename Message>
void encode_message(const Message& message, Writer& writer, std::int16_t version) {
  if (!Message::versions.contains(version)) return writer.fail("The message has no such version");
  message.write(writer, version);
}

}  // namespace protocol
