// The header in front of every request and response (RequestHeader v0-v2, ResponseHeader v0-v1). Values.
#pragma once

#include <cstdint>
#include <optional>

#include "broker/request_context.h"
#include "protocol/wire.h"

namespace broker {

// The part that every version has: enough to find the API and to answer.
struct RequestPreamble {
  std::int16_t api_key = 0;
  protocol::ApiVersion api_version = 0;
  std::int32_t correlation_id = 0;
};

// Leaves the reader behind the correlation id. None: shorter than a preamble.
std::optional<RequestPreamble> read_preamble(protocol::Reader& reader);

// Reads the rest of the header: the client id, and the tagged fields of a flexible version (skipped: none are defined).
// Leaves the reader at the body. False: malformed.
bool read_header_rest(protocol::Reader& reader, bool flexible, std::optional<std::string_view>& client_id);

// Starts a response frame: room for its length, then the header. ApiVersions' header is never flexible (KIP-511), so
// that a client can read an answer to a version that the broker doesn't know.
void begin_response(protocol::Writer& writer, std::int32_t correlation_id, bool flexible_header);

// Fills in the frame's length, file ranges included.
void finish_response(protocol::Writer& writer);

}  // namespace broker
