#include "coordination/metadata_store/store_error.h"

#include <fmt/format.h>

namespace coordination::metadata_store {

using protocol::ErrorCode;

std::string_view name(StoreError error) {
  switch (error) {
    case StoreError::no_node:
      return "no such node";
    case StoreError::node_exists:
      return "node exists";
    case StoreError::bad_version:
      return "bad version";
    case StoreError::not_empty:
      return "node has children";
    case StoreError::no_children_for_ephemerals:
      return "ephemeral nodes can't have children";
    case StoreError::bad_arguments:
      return "bad arguments";
    case StoreError::connection_loss:
      return "connection lost";
    case StoreError::session_expired:
      return "session expired";
    case StoreError::no_auth:
      return "not authorised";
    case StoreError::failure:
      return "store failure";
  }
  return "unknown store error";
}

protocol::Error to_error(StoreError error, std::string_view what) {
  const bool may_pass = error == StoreError::connection_loss || error == StoreError::session_expired;
  return protocol::Error(may_pass ? ErrorCode::request_timed_out : ErrorCode::unknown_server_error,
                         fmt::format("The metadata store failed: {}: {}.", what, name(error)));
}

}  // namespace coordination::metadata_store
