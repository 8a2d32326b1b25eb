// What can go wrong in a metadata store, as ZooKeeper names it, and the one place that maps it to Kafka's error codes.
// Values; no synchronisation of their own.
#pragma once

#include <expected>
#include <string_view>

#include "protocol/result.h"

namespace coordination::metadata_store {

enum class StoreError {
  no_node,
  node_exists,
  bad_version,
  not_empty,
  no_children_for_ephemerals,
  bad_arguments,    // an impossible path
  connection_loss,  // the store can't be reached now; what was asked may or may not have happened
  session_expired,
  no_auth,
  failure,  // the disk refused, or the server answered something that isn't in this list
};

template <typename T>
using StoreResult = std::expected<T, StoreError>;

std::string_view name(StoreError error);

// For answers to clients: Kafka shows every store failure that no handler foresaw as unknown_server_error, a lost
// connection or session as a timeout that the client may retry.
protocol::Error to_error(StoreError error, std::string_view what);

}  // namespace coordination::metadata_store
