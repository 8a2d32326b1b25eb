#include "broker/request_header.h"

namespace broker {

std::optional<RequestPreamble> read_preamble(protocol::Reader& reader) {
  RequestPreamble preamble;
  reader.get(preamble.api_key);
  reader.get(preamble.api_version);
  reader.get(preamble.correlation_id);
  if (!reader.ok()) return std::nullopt;
  return preamble;
}

bool read_header_rest(protocol::Reader& reader, bool flexible, std::optional<std::string_view>& client_id) {
  const auto length = reader.read<std::int16_t>();
  if (length >= 0) client_id = protocol::as_text(reader.raw(static_cast<std::size_t>(length)));
  if (flexible) {
    for (std::uint32_t left = reader.unsigned_varint(); left > 0 && reader.ok(); --left) {
      reader.unsigned_varint();
      reader.skip(reader.unsigned_varint());
    }
  }
  return reader.ok();
}

void begin_response(protocol::Writer& writer, std::int32_t correlation_id, bool flexible_header) {
  writer.put(std::int32_t{0});
  writer.put(correlation_id);
  if (flexible_header) writer.unsigned_varint(0);
}

void finish_response(protocol::Writer& writer) {
  writer.patch(0, static_cast<std::int32_t>(writer.total_size() - sizeof(std::int32_t)));
}

}  // namespace broker
