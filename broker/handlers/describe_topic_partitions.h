// DescribeTopicPartitions (API key 75): topics and their partitions, page by page.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/handler.h"
#include "broker/metadata_cache.h"
#include "protocol/messages/describe_topic_partitions.h"

namespace broker {

class DynamicConfig;

class DescribeTopicPartitionsHandler {
 public:
  using Request = protocol::DescribeTopicPartitionsRequest;
  using Response = protocol::DescribeTopicPartitionsResponse;

  DescribeTopicPartitionsHandler(const MetadataCache& metadata, const DynamicConfig& config)
      : metadata_(metadata), config_(config) {}

  Response handle(RequestContext& context, const Request& request) const;

 private:
  const MetadataCache& metadata_;
  const DynamicConfig& config_;
};

}  // namespace broker
