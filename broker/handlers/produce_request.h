// What is looked at in a produce request before anything of it is appended: what its version may contain, what refuses
// it as a whole, and partitions that it names twice. As KafkaApis.handleProduceRequest, ProduceRequest.validateRecords
// and the beginning of ReplicaManager.handleProduceAppend of Kafka 3.9. Batches are read no further than Kafka reads
// them there, since which of two things that are wrong a client is told depends on it.
//
// Pure functions; a request's records are borrowed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/messages/produce.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace broker {

class ReplicaManager;

// The records of one partition; empty where they are null.
protocol::Bytes bytes_of(const protocol::ProduceRequest::PartitionProduceData& data);

// What a request of this version may contain at all; everything else is the log's to check. Errors: invalid_record (no
// batch, more than one, an old one), unsupported_compression_type, corrupt_message, unknown_server_error (as a whole:
// see check_request).
protocol::Result<void> check_format(protocol::Bytes records, protocol::ApiVersion version);

// Whether there are records of a transaction in the first batch.
bool is_transactional(protocol::Bytes records);

// A request in which a partition or a topic comes twice, put together: Kafka appends the last records of a partition
// that pass check_format, and answers the last that don't, if there are any.
struct MergedRequest {
  struct Refused {
    std::size_t topic = 0;  // in request.topic_data
    std::size_t partition = 0;
    protocol::ErrorCode code = protocol::ErrorCode::none;
  };
  protocol::ProduceRequest request;  // borrows from the one it was made of
  std::vector<Refused> refused;
};

// Nothing when there is nothing to put together, which is nearly always.
std::optional<MergedRequest> merge_repeated(const protocol::ProduceRequest& request, protocol::ApiVersion version);

// What refuses the whole request: `sent` as the client sent it, `merged` the same without repetitions. Errors:
// corrupt_message (bytes that are no batch where a batch begins), transactional_id_authorization_failed (records of a
// transaction without a transactional id), unknown_server_error (what Kafka stumbles over).
protocol::Result<void> check_request(const protocol::ProduceRequest& sent, const protocol::ProduceRequest& merged,
                                     protocol::ApiVersion version, const ReplicaManager& replicas);

}  // namespace broker
