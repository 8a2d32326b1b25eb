// Every decoder: three bytes choose message and version, the rest is its body. What decodes must encode to bytes that
// decode to the same again.
#include <algorithm>
#include <cstdlib>

#include "protocol/testing/any_message.h"

namespace {

using namespace protocol;

void check(const testing::AnyMessage& message, std::int16_t version, Bytes body) {
  Reader reader(body);
  Writer once, twice;
  if (!message.recode(reader, version, once)) return;
  Reader again(once.bytes());
  if (!message.recode(again, version, twice) || !std::ranges::equal(once.bytes(), twice.bytes())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto messages = testing::all_messages();
  const testing::AnyMessage& message = *messages[(data[0] * 256U + data[1]) % messages.size()];
  const int versions = message.versions.max - message.versions.min + 1;
  const auto version = static_cast<std::int16_t>(message.versions.min + data[2] % versions);
  check(message, version, std::as_bytes(std::span(data, size)).subspan(3));
  return 0;
}
