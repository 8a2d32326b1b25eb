#include "protocol/testing/any_message.h"

#include <string>

namespace protocol::testing {

std::size_t RandomFields::element_count() {
  if (below(5) == 0) return 0;
  return 1 + below(depth_ < 2 ? 3 : 2);
}

std::vector<std::byte> RandomFields::bytes(std::size_t limit) {
  std::vector<std::byte> result(limit == 0 ? 0 : below(limit));
  for (std::byte& byte : result) byte = static_cast<std::byte>(bits());
  return result;
}

std::string RandomFields::text() {
  static constexpr std::string_view pieces[] = {"a", "topic", "-", "7", ".", "\xc3\xa4", "\xe2\x82\xac", "Z_"};
  std::string result;
  const std::uint64_t length = below(20) == 0 ? 200 : below(6);
  for (std::uint64_t i = 0; i < length; ++i) result += pieces[below(std::size(pieces))];
  return result;
}

void RandomFields::fill_tags(std::vector<RawTaggedField>& fields, std::uint32_t first_unknown) {
  fields.clear();
  std::uint32_t tag = first_unknown + 100;  // beyond what any version defines
  while (below(4) == 0) {
    tag += static_cast<std::uint32_t>(below(300));
    fields.push_back({.tag = tag++, .data = ByteString(bytes(below(10) == 0 ? 300 : 6))});
  }
}

void fill(RandomFields& random, Uuid& value, std::int16_t) {
  if (random.keeps_default()) return;
  for (std::byte& byte : value.bytes) byte = static_cast<std::byte>(random.bits());
}

void fill(RandomFields& random, String& value, std::int16_t) {
  if (!random.keeps_default()) value = random.text();
}

void fill(RandomFields& random, ByteString& value, std::int16_t) {
  if (!random.keeps_default()) value = ByteString(random.bytes(random.below(10) == 0 ? 300 : 20));
}

void fill(RandomFields& random, Records& value, std::int16_t) {
  if (!random.keeps_default()) value = Records(random.bytes(200));
}

}  // namespace protocol::testing
