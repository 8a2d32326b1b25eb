#include "broker/groups/store_offsets.h"

#include <fmt/format.h>

#include <charconv>

namespace broker {

namespace metadata_store = coordination::metadata_store;
using protocol::ErrorCode;

namespace {

std::string path_of(const StoredOffsetKey& key) {
  return fmt::format("/consumers/{}/offsets/{}/{}", key.group_id, key.topic, key.partition);
}

}  // namespace

ErrorCode put_offset(metadata_store::MetadataStore& store, const StoredOffsetKey& key, protocol::Offset offset) {
  const std::string path = path_of(key);
  // A group's name may be anything, a path may not.
  if (!metadata_store::is_valid_path(path)) return ErrorCode::unknown_server_error;
  const std::string text = std::to_string(offset);
  auto written = store.set(path, text);
  if (written) return ErrorCode::none;
  if (written.error() != metadata_store::StoreError::no_node) return ErrorCode::unknown_server_error;
  if (!metadata_store::create_recursive(store, path, text)) return ErrorCode::unknown_server_error;
  // Somebody else may have created it in between, with another offset.
  return store.set(path, text) ? ErrorCode::none : ErrorCode::unknown_server_error;
}

protocol::Result<std::optional<protocol::Offset>> get_offset(metadata_store::MetadataStore& store,
                                                             const StoredOffsetKey& key) {
  const std::string path = path_of(key);
  if (!metadata_store::is_valid_path(path)) return protocol::fail(ErrorCode::unknown_server_error);
  const auto node = store.get(path);
  if (!node) {
    if (node.error() == metadata_store::StoreError::no_node) return std::optional<protocol::Offset>();
    return protocol::fail(ErrorCode::unknown_server_error);
  }
  const std::string& text = node->data;
  protocol::Offset offset = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::optional<protocol::Offset>();
  return std::optional<protocol::Offset>(offset);
}

}  // namespace broker
