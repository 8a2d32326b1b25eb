// A broker as its node under /brokers/ids describes it (version 5), and the acts of registering it.
// Values; no synchronisation of their own.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordination/metadata_store/metadata_store.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::cluster {

using protocol::BrokerId;

// Kafka's SecurityProtocol ids.
enum class SecurityProtocol : std::int16_t { plaintext = 0, ssl = 1, sasl_plaintext = 2, sasl_ssl = 3 };

std::string_view name(SecurityProtocol protocol);  // "PLAINTEXT"
std::optional<SecurityProtocol> parse_security_protocol(std::string_view name);

// Where clients and brokers reach a listener.
struct BrokerEndpoint {
  std::string listener;  // "PLAINTEXT", "INTERNAL", …
  std::string host;
  std::int32_t port = 0;
  SecurityProtocol security_protocol = SecurityProtocol::plaintext;

  bool operator==(const BrokerEndpoint&) const = default;
};

struct BrokerRegistration {
  BrokerId id = -1;
  std::vector<BrokerEndpoint> endpoints;
  std::optional<std::string> rack;
  std::int32_t jmx_port = -1;
  std::int64_t timestamp_ms = 0;
  std::int64_t epoch = -1;  // czxid of the node; not part of its data

  const BrokerEndpoint* endpoint(std::string_view listener) const;  // nullptr: it has no such listener
  bool operator==(const BrokerRegistration&) const = default;
};

// The node's JSON, and back. A node that Kafka couldn't read either is an error (unknown_server_error with the reason).
std::string encode(const BrokerRegistration& broker);
protocol::Result<BrokerRegistration> decode_broker_registration(BrokerId id, std::string_view json);

// The broker that a node under /brokers/ids describes, epoch included. None, and a line in the log, when it can't be
// read.
std::optional<BrokerRegistration> to_registration(BrokerId id, const metadata_store::Node& node);

// The registered brokers, by ascending id. Nodes that aren't a broker's or can't be read are logged and left out. The
// watch fires when a broker comes or goes.
metadata_store::StoreResult<std::vector<BrokerRegistration>> read_brokers(metadata_store::MetadataStore& store,
                                                                          metadata_store::Watch watch = {});

// Creates /brokers/ids/<id> and returns the broker's epoch. The node of this store's own earlier session, or of this
// very session, is taken over; that of another process is duplicate_broker_registration. Another id that advertises the
// same host and port is refused too, with invalid_registration.
protocol::Result<std::int64_t> register_broker(metadata_store::MetadataStore& store, const BrokerRegistration& broker,
                                               std::int64_t previous_session_id = 0);

// Changes the data of this broker's node, epoch kept: for changed listeners.
protocol::Result<void> update_broker_registration(metadata_store::MetadataStore& store,
                                                  const BrokerRegistration& broker);

}  // namespace coordination::cluster
