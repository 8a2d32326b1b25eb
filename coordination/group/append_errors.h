// What clients are told when an append to __consumer_offsets fails: Kafka's two mappings. Pure functions.
#pragma once

#include "protocol/error_code.h"

namespace coordination::group {

// For an append of offsets.
protocol::ErrorCode commit_error(protocol::ErrorCode append_error);

// For an append of a group's own record.
protocol::ErrorCode group_store_error(protocol::ErrorCode append_error);

}  // namespace coordination::group
