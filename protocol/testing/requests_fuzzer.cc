// A request as it comes from the network: header, then the body that the header announces.
#include <algorithm>
#include <array>

#include "protocol/messages/request_header.h"
#include "protocol/testing/any_message.h"

namespace {

using namespace protocol;

const testing::AnyMessage* request_of(ApiKey key) {
  for (const testing::AnyMessage* message : testing::all_messages()) {
    if (message->api_key == key && message->name.ends_with("Request")) return message;
  }
  return nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader reader(std::as_bytes(std::span(data, size)));
  Reader peek = reader;
  const auto key = peek.read<std::int16_t>();
  const auto version = peek.read<std::int16_t>();
  if (!peek.ok() || find_api(key) == nullptr) return 0;
  const auto api = static_cast<ApiKey>(key);
  if (!RequestHeader::decode(reader, request_header_version(api, version))) return 0;
  const testing::AnyMessage* message = request_of(api);
  if (message == nullptr) return 0;
  Writer again;
  (void)message->recode(reader, version, again);
  return 0;
}
