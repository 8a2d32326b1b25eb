// What a request does that sets or removes users' SCRAM credentials (KIP-554), apart from the wire, with the checks,
// codes and sentences of Kafka 3.9's ZkAdminManager. They are kept in the metadata store beside the users' quotas, in
// /config/users, for every broker on the same ZooKeeper.
//
// Owned by the broker. Self-locking: changes happen one after the other, those of quotas included. Calls block on the
// store: run them in the background.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordination/cluster/config_store.h"
#include "protocol/bytes.h"
#include "protocol/mutex.h"
#include "protocol/result.h"

namespace broker {

struct ScramAlteration {
  struct Upsertion {
    std::int32_t iterations = 0;
    protocol::Bytes salt;
    protocol::Bytes salted_password;  // the client hashes; the password never travels
  };
  std::string user;
  std::int8_t mechanism = 0;           // KIP-554's number, known or not
  std::optional<Upsertion> upsertion;  // nothing: the credential is removed
};

class ScramAdmin {
 public:
  // The store and the lock outlive it. The lock is held from reading a user's node to writing it.
  ScramAdmin(coordination::metadata_store::MetadataStore& store, protocol::Mutex& user_changes)
      : store_(store), user_changes_(user_changes) {}

  using Outcomes = std::map<std::string, protocol::Result<void>>;

  // By user, who has all of his changes or none. Deletions stand in front of upsertions. Errors:
  // unacceptable_credential (no name, too few or too many iterations), unsupported_sasl_mechanism, duplicate_resource
  // (one mechanism twice), resource_not_found (nothing to remove), unknown_server_error (an empty salted password; as
  // in Kafka, every other user of the request shares it), and the store's.
  Outcomes alter(const std::vector<ScramAlteration>& alterations) const EXCLUDES(user_changes_);

 private:
  using UserConfigs = std::map<std::string, coordination::cluster::ConfigMap>;
  void read_nodes(const std::vector<ScramAlteration>& alterations, Outcomes& outcomes, UserConfigs& configs) const;

  coordination::metadata_store::MetadataStore& store_;
  protocol::Mutex& user_changes_;
};

}  // namespace broker
