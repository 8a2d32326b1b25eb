// DescribeLogDirs (API key 35): log directories, the partitions in them with their sizes, and the space of the volumes.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include <vector>

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/describe_log_dirs.h"
#include "protocol/types.h"

namespace storage {
class LogManager;
}

namespace broker {

class BackgroundPool;
class ReplicaManager;

class DescribeLogDirsHandler {
 public:
  using Request = protocol::DescribeLogDirsRequest;
  using Response = protocol::DescribeLogDirsResponse;

  DescribeLogDirsHandler(ReplicaManager& replicas, storage::LogManager& logs, BackgroundPool& background)
      : replicas_(replicas), logs_(logs), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  Response describe(const Request& request) const;
  std::vector<protocol::TopicPartition> partitions_of(const Request& request) const;

  ReplicaManager& replicas_;
  storage::LogManager& logs_;
  BackgroundPool& background_;
};

}  // namespace broker
