// A session with a ZooKeeper ensemble, on the C client.
//
// Self-locking; any thread. The client library has two threads of its own (network, completions); watch callbacks and
// session events run on a third, so that they may call the store. A call whose connection is lost is repeated when the
// connection is back, until the session expires; a repeated write recognises that its first try had succeeded.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "coordination/metadata_store/metadata_store.h"
#include "protocol/result.h"

namespace coordination::metadata_store {

struct ZooKeeperOptions {
  std::string connect;  // zookeeper.connect: "host:port,host:port/chroot"
  std::int32_t session_timeout_ms = 18000;
  std::int32_t connection_timeout_ms = 18000;
  std::int32_t max_in_flight_requests = 10;
  std::stop_token stop = {};  // ends the wait for the first connection
};

// Connects, creating the chroot where it is missing. Errors: request_timed_out when no server answers in time;
// invalid_config for an impossible connect string.
protocol::Result<std::unique_ptr<MetadataStore>> open_zookeeper(const ZooKeeperOptions& options);

}  // namespace coordination::metadata_store
