#include "coordination/group/append_errors.h"

#include <algorithm>
#include <array>

namespace coordination::group {

using protocol::ErrorCode;

namespace {

struct Mapping {
  ErrorCode append;
  ErrorCode commit;
  ErrorCode group_store;
};

// What isn't here is passed on as it is.
constexpr auto mappings = std::to_array<Mapping>({
    {ErrorCode::unknown_topic_or_partition, ErrorCode::coordinator_not_available, ErrorCode::coordinator_not_available},
    {ErrorCode::not_enough_replicas, ErrorCode::coordinator_not_available, ErrorCode::coordinator_not_available},
    {ErrorCode::not_enough_replicas_after_append, ErrorCode::coordinator_not_available,
     ErrorCode::coordinator_not_available},
    {ErrorCode::not_leader_or_follower, ErrorCode::not_coordinator, ErrorCode::not_coordinator},
    {ErrorCode::kafka_storage_error, ErrorCode::not_coordinator, ErrorCode::not_coordinator},
    {ErrorCode::message_too_large, ErrorCode::invalid_commit_offset_size, ErrorCode::unknown_server_error},
    {ErrorCode::record_list_too_large, ErrorCode::invalid_commit_offset_size, ErrorCode::unknown_server_error},
    {ErrorCode::invalid_fetch_size, ErrorCode::invalid_commit_offset_size, ErrorCode::unknown_server_error},
    {ErrorCode::network_exception, ErrorCode::coordinator_load_in_progress, ErrorCode::network_exception},
    {ErrorCode::request_timed_out, ErrorCode::request_timed_out, ErrorCode::rebalance_in_progress},
});

ErrorCode mapped(ErrorCode append_error, ErrorCode Mapping::* column) {
  const auto found = std::ranges::find(mappings, append_error, &Mapping::append);
  return found == mappings.end() ? append_error : (*found).*column;
}

}  // namespace

ErrorCode commit_error(ErrorCode append_error) { return mapped(append_error, &Mapping::commit); }

ErrorCode group_store_error(ErrorCode append_error) { return mapped(append_error, &Mapping::group_store); }

}  // namespace coordination::group
