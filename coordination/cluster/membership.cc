#include "coordination/cluster/membership.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <utility>

#include "coordination/cluster/znodes.h"

namespace coordination::cluster {

using metadata_store::CreateMode, metadata_store::MetadataStore, metadata_store::Operation,
    metadata_store::SessionEvent, metadata_store::StoreError, metadata_store::Transaction;
using protocol::MutexLock, protocol::Result;

Result<void> create_permanent_nodes(MetadataStore& store) {
  // Parents first: each is its own transaction, in this order.
  constexpr const char* nodes[] = {"/consumers",
                                   "/brokers",
                                   "/brokers/ids",
                                   "/brokers/topics",
                                   "/brokers/seqid",
                                   "/config",
                                   "/config/changes",
                                   "/config/topics",
                                   "/config/clients",
                                   "/config/users",
                                   "/config/brokers",
                                   "/config/ips",
                                   "/admin",
                                   "/admin/delete_topics",
                                   "/isr_change_notification",
                                   "/log_dir_event_notification",
                                   "/latest_producer_id_block"};
  std::vector<Transaction> transactions;
  for (const char* node : nodes) {
    const auto exists = store.exists(node);
    if (!exists || !*exists) transactions.push_back({Operation::create(node, {})});
  }
  for (const auto& result : store.multi_each(transactions)) {
    if (result || result.error().error == StoreError::node_exists) continue;
    return std::unexpected(to_error(result.error().error, "creating the cluster's permanent nodes"));
  }
  return {};
}

Result<std::string> read_or_create_cluster_id(MetadataStore& store, const std::string& proposal) {
  auto node = store.get(path::cluster_id);
  if (!node && node.error() == StoreError::no_node) {
    const auto created = create_recursive(store, path::cluster_id, encode_cluster_id(proposal));
    if (!created) return std::unexpected(to_error(created.error(), "creating the cluster id"));
    node = store.get(path::cluster_id);
  }
  if (!node) return std::unexpected(to_error(node.error(), "reading the cluster id"));
  return decode_cluster_id(node->data);
}

Result<std::vector<protocol::BrokerId>> registered_brokers(MetadataStore& store) {
  const auto names = store.children(path::broker_ids);
  if (!names) return std::unexpected(to_error(names.error(), "reading the registered brokers"));
  std::vector<protocol::BrokerId> brokers;
  for (const std::string& name : *names) {
    protocol::BrokerId id = -1;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) brokers.push_back(id);
  }
  return brokers;
}

Membership::Membership(MetadataStore& store, Controller& controller, BrokerRegistration registration)
    : store_(store), controller_(controller), registration_(std::move(registration)) {}

Membership::~Membership() { store_.on_session_event({}); }

Result<void> Membership::join() {
  {
    const MutexLock lock(mutex_);
    const auto epoch = register_broker(store_, registration_);
    if (!epoch) return std::unexpected(epoch.error());
    registration_.epoch = *epoch;
    session_id_ = store_.session_id();
  }
  store_.on_session_event([this](SessionEvent event) {
    if (event == SessionEvent::expired) renew();
    if (event == SessionEvent::disconnected) spdlog::warn("The connection to the metadata store is lost.");
  });
  controller_.start();
  return {};
}

void Membership::renew() {
  spdlog::warn("The metadata store's session expired; the broker registers again.");
  controller_.session_expired();
  if (const auto renewed = store_.renew_session(); !renewed) {
    spdlog::error("No new session with the metadata store: {}.", name(renewed.error()));
    return;
  }
  {
    const MutexLock lock(mutex_);
    const auto epoch = register_broker(store_, registration_, session_id_);
    if (!epoch) {
      spdlog::error("The broker is not registered any more: {}", epoch.error().text());
      return;
    }
    registration_.epoch = *epoch;
    session_id_ = store_.session_id();
  }
  controller_.session_renewed();
}

std::int64_t Membership::broker_epoch() const {
  const MutexLock lock(mutex_);
  return registration_.epoch;
}

Result<void> Membership::announce_log_dir_failure() {
  const MutexLock lock(mutex_);
  const auto created = store_.create(path::log_dir_event_prefix, encode_log_dir_event(registration_.id),
                                     CreateMode::persistent_sequential);
  if (!created) return std::unexpected(to_error(created.error(), "announcing a failed log directory"));
  return {};
}

Result<void> Membership::update_endpoints(std::vector<BrokerEndpoint> endpoints) {
  const MutexLock lock(mutex_);
  registration_.endpoints = std::move(endpoints);
  return update_broker_registration(store_, registration_);
}

}  // namespace coordination::cluster
