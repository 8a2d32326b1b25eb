// QuotaSync: brings the quotas of the metadata store into force on this broker, all of them at the start and one entity
// after each change. Owned by the broker; called by the broker's start and by ConfigSync's callbacks, one call at a
// time.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "broker/config/properties.h"
#include "broker/quotas/client_quotas.h"
#include "broker/quotas/ip_rates.h"
#include "coordination/cluster/config_store.h"
#include "protocol/result.h"

namespace broker {

class QuotaSync {
 public:
  // The address of a host's name or number, as Asio prints it; nothing: it can't be resolved.
  using ResolveHost = std::function<std::optional<std::string>(const std::string& host)>;

  // All outlive it.
  QuotaSync(ClientQuotas& clients, IpRates& ips, ResolveHost resolve)
      : clients_(clients), ips_(ips), resolve_(std::move(resolve)) {}

  // Reads all that is stored. Blocks.
  protocol::Result<void> load(coordination::metadata_store::MetadataStore& store);

  // What the entity under /config/users, /config/clients or /config/ips holds now. Values that can't be read are
  // logged, and count as missing.
  void apply(coordination::cluster::ConfigType type, const std::string& entity, const Properties& values);

 private:
  void apply_to_ip(const std::string& entity, const Properties& values);

  ClientQuotas& clients_;
  IpRates& ips_;
  const ResolveHost resolve_;
};

}  // namespace broker
