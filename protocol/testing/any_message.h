// For tests: every message behind one table, with random instances.
//
// Generated code (testing/<name>.cc in the build folder) has one AnyMessage per message and knows how to fill it.
// RandomFields is a value for one thread; equal seeds give equal instances.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/message.h"

namespace protocol::testing {

class RandomFields {
 public:
  // With `set_ignored`, fields that the version lacks and that Kafka drops silently are sometimes set.
  explicit RandomFields(std::uint64_t seed, bool set_ignored = false) : engine_(seed), set_ignored_(set_ignored) {}

  std::uint64_t bits() { return engine_(); }
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  bool sets_ignored() { return set_ignored_ && below(2) == 0; }
  bool may_set_ignored() const { return set_ignored_; }
  bool is_null() { return below(4) == 0; }
  // Keeps tagged and defaulted fields at their default now and then.
  bool keeps_default() { return below(5) == 0; }
  // How many elements the next array gets: few, and fewer the deeper it lies.
  std::size_t element_count();
  std::vector<std::byte> bytes(std::size_t limit);
  std::string text();
  void fill_tags(std::vector<RawTaggedField>& fields, std::uint32_t first_unknown);

  // One level of arrays around what is filled until it goes out of scope.
  class Deeper {
   public:
    explicit Deeper(RandomFields& random) : random_(random) { ++random_.depth_; }
    ~Deeper() { --random_.depth_; }

   private:
    RandomFields& random_;
  };

 private:
  std::mt19937_64 engine_;
  bool set_ignored_;
  int depth_ = 0;
};

template <WireNumber T>
void fill(RandomFields& random, T& value, std::int16_t) {
  if (random.keeps_default()) return;
  if constexpr (std::same_as<T, double>) {
    value = static_cast<double>(static_cast<std::int64_t>(random.bits())) / 3.0;
  } else {
    value = static_cast<T>(random.below(3) == 0 ? random.bits() : random.below(100));
  }
}
inline void fill(RandomFields& random, bool& value, std::int16_t) { value = random.below(2) == 0; }
inline void fill(RandomFields& random, ErrorCode& value, std::int16_t) {
  value = static_cast<ErrorCode>(static_cast<std::int16_t>(random.below(140)) - 1);
}
void fill(RandomFields& random, Uuid& value, std::int16_t at_version);
void fill(RandomFields& random, String& value, std::int16_t at_version);
void fill(RandomFields& random, ByteString& value, std::int16_t at_version);
void fill(RandomFields& random, Records& value, std::int16_t at_version);

template <typename T>
void fill_array(RandomFields& random, std::vector<T>& elements, std::int16_t at_version) {
  const std::size_t count = random.element_count();
  const RandomFields::Deeper deeper(random);
  elements.clear();
  for (std::size_t i = 0; i < count; ++i) fill(random, elements.emplace_back(), at_version);
}

template <typename T>
void fill_optional(RandomFields& random, std::optional<T>& value, bool nullable, std::int16_t at_version) {
  if (nullable && random.is_null()) return value.reset();
  if constexpr (requires {
                  value->begin();
                  value->reserve(1);
                }) {
    fill_array(random, value.emplace(), at_version);
  } else {
    fill(random, value.emplace(), at_version);
  }
}

// One message type, its type erased.
struct AnyMessage {
  std::string_view name;
  std::optional<ApiKey> api_key;
  VersionRange versions;
  std::int16_t first_flexible_version;

  // Decodes and drops the message.
  Result<void> (*decode)(Reader& reader, std::int16_t version);
  // Decodes a message and encodes it again.
  Result<void> (*recode)(Reader& reader, std::int16_t version, Writer& writer);
  // Encodes a random instance. False when it did not come back equal from its own encoding.
  bool (*encode_random)(RandomFields& random, std::int16_t version, Writer& writer);
};

// Every message that the definitions have.
std::span<const AnyMessage* const> all_messages();

namespace any_message_detail {

template <typename Message>
Result<void> decode(Reader& reader, std::int16_t version) {
  const Result<Message> message = Message::decode(reader, version);
  if (!message) return std::unexpected<Error>(message.error());
  return {};
}

template <typename Message>
Result<void> recode(Reader& reader, std::int16_t version, Writer& writer) {
  const Result<Message> message = Message::decode(reader, version);
  if (!message) return std::unexpected<Error>(message.error());
  message->encode(writer, version);
  if (!writer.ok()) return std::unexpected<Error>(writer.error());
  return {};
}

template <typename Message>
bool encode_random(RandomFields& random, std::int16_t version, Writer& writer) {
  Message message;
  fill(random, message, version);
  message.encode(writer, version);
  if (!writer.ok()) return false;
  Reader reader(writer.bytes());
  const Result<Message> back = Message::decode(reader, version);
  return back && reader.remaining() == 0 && (random.may_set_ignored() || *back == message);
}

}  // namespace any_message_detail

template <typename Message>
AnyMessage any_message() {
  AnyMessage any{.name = Message::message_name,
                 .api_key = std::nullopt,
                 .versions = Message::versions,
                 .first_flexible_version = Message::first_flexible_version,
                 .decode = any_message_detail::decode<Message>,
                 .recode = any_message_detail::recode<Message>,
                 .encode_random = any_message_detail::encode_random<Message>};
  if constexpr (requires { Message::api_key; }) any.api_key = Message::api_key;
  return any;
}

}  // namespace protocol::testing
