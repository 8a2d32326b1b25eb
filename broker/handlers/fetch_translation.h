// Between the messages of Fetch and what the broker works with: targets from requests, partitions of a response from
// reads. Plain functions without state.
#pragma once

#include <vector>

#include "broker/replication/fetch_session.h"
#include "broker/replication/partition.h"
#include "protocol/error_code.h"
#include "protocol/messages/fetch.h"
#include "protocol/types.h"

namespace broker {

class MetadataSnapshot;

// What the request asks for; names are views into it or, `by_id` (v13 on), into `metadata`. A topic id that nobody
// knows leaves the name empty.
std::vector<FetchTarget> targets_of(const protocol::FetchRequest& request, bool by_id,
                                    const MetadataSnapshot& metadata);

// What the request takes out of its session (KIP-227).
std::vector<FetchTarget> forgotten_of(const protocol::FetchRequest& request);

// A partition that couldn't be read, with an error that clients of `version` know.
protocol::FetchResponse::PartitionData failed_partition(protocol::PartitionIndex index, protocol::ErrorCode error,
                                                        protocol::ApiVersion version);

// For a session whose partitions have answers that clients of this version can't read.
protocol::FetchResponse refused_whole(const protocol::FetchRequest& request, protocol::ErrorCode error);

// A partition that was read; takes its records. Without `read_committed` the aborted transactions are null (KIP-98).
protocol::FetchResponse::PartitionData fetched_partition(protocol::PartitionIndex index, PartitionReadResult& result,
                                                         bool read_committed);

}  // namespace broker
