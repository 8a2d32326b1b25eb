// What the requests that describe and change quotas do, apart from the wire, with the checks, codes and sentences of
// Kafka 3.9's ZkAdminManager. Quotas are kept in the metadata store, in Kafka's nodes: /config/users, with
// /config/users/USER/clients, /config/clients and /config/ips.
//
// Owned by the broker. Self-locking: changes happen one after the other, those of credentials included. Calls block on
// the store: run them in the background.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordination/cluster/config_store.h"
#include "protocol/mutex.h"
#include "protocol/result.h"

namespace broker {

// By type ("user", "client-id", "ip"); nothing: the default of that type.
using QuotaEntityNames = std::map<std::string, std::optional<std::string>>;

struct QuotaFilter {
  enum class Match : std::uint8_t { exact, by_default, any };  // the numbers of DescribeClientQuotas
  std::string type;
  Match match = Match::any;
  std::string name;  // of Match::exact
};

struct QuotaDescription {
  QuotaEntityNames entity;
  std::map<std::string, double> values;
};

struct QuotaAlteration {
  QuotaEntityNames entity;
  struct Change {
    std::string key;
    std::optional<double> value;  // nothing: removed
  };
  std::vector<Change> changes;
};

class QuotaAdmin {
 public:
  // Whether a host's name or number means an address.
  using CanResolve = std::function<bool(const std::string& host)>;

  // The store and the lock outlive it. The lock is held from reading an entity's values to writing them.
  QuotaAdmin(coordination::metadata_store::MetadataStore& store, protocol::Mutex& user_changes, CanResolve can_resolve)
      : store_(store), user_changes_(user_changes), can_resolve_(std::move(can_resolve)) {}

  // The entities that fit all filters and have quotas. `strict`: entities of other types, too, don't fit.
  protocol::Result<std::vector<QuotaDescription>> describe(const std::vector<QuotaFilter>& filters, bool strict) const;

  // Errors: invalid_request, unknown_server_error where Kafka stumbles over the value.
  protocol::Result<void> alter(const QuotaAlteration& alteration, bool validate_only) const EXCLUDES(user_changes_);

 private:
  struct Node;
  protocol::Result<Node> node_of(const QuotaEntityNames& entity) const;

  coordination::metadata_store::MetadataStore& store_;
  protocol::Mutex& user_changes_;
  const CanResolve can_resolve_;
};

}  // namespace broker
