#include "broker/broker.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "broker/broker_parts.h"
#include "broker/config/topic_config.h"
#include "broker/network/address_limits.h"
#include "coordination/cluster/znodes.h"
#include "coordination/metadata_store/close_later.h"
#include "coordination/metadata_store/zookeeper_store.h"

namespace broker {

namespace cluster = coordination::cluster;
namespace metadata_store = coordination::metadata_store;
using protocol::ErrorCode, protocol::fail, protocol::Result;

namespace {

constexpr std::int64_t known_within_ms = 30'000;
constexpr std::int64_t stop_grace_ms = 5'000;
// How much longer a store that can't be reached may keep the broker from stopping. Both together stay below the ten
// seconds after which containers are killed.
constexpr std::int64_t store_grace_ms = 4'000;
constexpr std::int64_t fetch_session_eviction_ms = 120'000;

protocol::Error with_context(const protocol::Error& error, std::string_view what) {
  return protocol::Error(error.code, fmt::format("{}: {}", what, error.text()));
}

std::unexpected<protocol::Error> stopped_early() {
  return fail(ErrorCode::broker_not_available, "the broker was told to stop before it had started");
}

// What some thread tells of, perhaps at once with another.
struct Announcement {
  void announce() {
    if (!announced.exchange(true)) promise.set_value();
  }
  std::atomic<bool> announced = false;
  std::promise<void> promise;
};

// Every connection and every open segment takes a descriptor; the soft limit is often a tenth of what is allowed.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("localhost");
}

protocol::Uuid random_uuid(std::uint64_t high, std::uint64_t low) {
  protocol::Uuid id;
  for (int i = 0; i < 8; ++i) {
    id.bytes[static_cast<std::size_t>(i)] = static_cast<std::byte>(high >> (8 * i));
    id.bytes[static_cast<std::size_t>(i) + 8] = static_cast<std::byte>(low >> (8 * i));
  }
  // As a version 4 UUID, which is what Kafka's random ids are.
  id.bytes[6] = (id.bytes[6] & std::byte{0x0f}) | std::byte{0x40};
  id.bytes[8] = (id.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  return id;
}

QuotaWindows quota_windows(const BrokerConfig& config) {
  return {.count = config.quota_window_num, .window_ms = config.quota_window_size_seconds * std::int64_t{1'000}};
}

QuotaWindows controller_quota_windows(const BrokerConfig& config) {
  return {.count = config.controller_quota_window_num,
          .window_ms = config.controller_quota_window_size_seconds * std::int64_t{1'000}};
}

}  // namespace

Broker::Parts::Parts(BrokerOptions broker_options)
    : options(std::move(broker_options)),
      clock(options.clock != nullptr ? *options.clock : system_clock),
      dynamic_config(options.config),
      quotas(quota_windows(*config()), controller_quota_windows(*config())),
      quota_enforcement{.quotas = quotas, .clock = clock},
      quota_sync(quotas, ip_rates, address_of_host),
      background("background", static_cast<std::size_t>(std::max(1, config()->background_threads))),
      random_(options.seed ? *options.seed : std::random_device{}()) {}

Broker::Parts::~Parts() { stop(); }

Result<void> Broker::Parts::open_store() {
  const BrokerConfigSnapshot now_config = config();
  auto opened_home = home.open(*now_config);
  if (!opened_home) return opened_home;

  storage::LogManagerOptions log_options;
  log_options.log_dirs = home.log_dirs();
  log_options.file_system = home.file_system();
  log_options.default_config = make_log_config("", {}, *now_config);
  log_options.config_of_topic = [this](const std::string& topic) { return topic_configs->log_config(topic); };
  log_options.recovery_threads_per_data_dir = now_config->num_recovery_threads_per_data_dir;
  log_options.producer_id_expiration_ms = now_config->producer_id_expiration_ms;
  log_options.verify_transactions = now_config->transaction_partition_verification_enable;
  log_options.stop = options.stop;
  log_options.on_directory_failure = [this](const std::string& log_dir, const std::string& reason) {
    spdlog::error("Log directory {} is offline: {}", log_dir, reason);
    if (!replicas || stopped_) return;
    background.post("taking " + log_dir + " offline", [this, log_dir] { directory_failed(log_dir); });
  };
  logs = std::make_unique<storage::LogManager>(std::move(log_options));
  if (auto locked = logs->lock_directories(); !locked) return locked;

  if (now_config->zookeeper_connect) {
    auto session =
        metadata_store::open_zookeeper({.connect = *now_config->zookeeper_connect,
                                        .session_timeout_ms = now_config->zookeeper_session_timeout_ms,
                                        .connection_timeout_ms = now_config->zookeeper_connection_timeout_ms,
                                        .max_in_flight_requests = now_config->zookeeper_max_in_flight_requests,
                                        .stop = options.stop});
    if (!session) return std::unexpected(with_context(session.error(), "ZooKeeper"));
    store = std::move(*session);
    return {};
  }
  if (options.shared_store == nullptr) {
    if (now_config->ephemeral) {
      own_store = metadata_store::EmbeddedStore::in_memory(clock);
    } else {
      auto opened = metadata_store::EmbeddedStore::open(home.store_file(), clock);
      if (!opened) return std::unexpected(opened.error());
      own_store = std::move(*opened);
    }
  }
  store = (own_store ? *own_store : *options.shared_store).open_session();
  return {};
}

Result<protocol::BrokerId> Broker::Parts::find_broker_id(const storage::DirectoryIdentity& identity) {
  const BrokerConfigSnapshot now_config = config();
  if (now_config->broker_id >= 0) return now_config->broker_id;
  if (identity.broker_id) return *identity.broker_id;
  if (!now_config->broker_id_generation_enable) {
    return fail(ErrorCode::invalid_config, "broker.id is not set, and broker.id.generation.enable is false");
  }
  // The number of times the node was written is a sequence that the whole cluster shares.
  const auto stat = store->set(cluster::path::broker_sequence, "", metadata_store::any_version);
  if (!stat) return fail(ErrorCode::unknown_server_error, "the metadata store gave no number for this broker");
  return stat->version + now_config->reserved_broker_max_id;
}

Result<void> Broker::Parts::settle_identity() {
  if (own_store) own_store->begin_startup();
  if (auto made = cluster::create_permanent_nodes(*store); !made) return made;
  const auto identity = logs->identity();
  if (!identity) return std::unexpected(identity.error());

  const std::string proposal = identity->cluster_id.value_or(random_uuid(random(), random()).to_string());
  const auto id_of_cluster = cluster::read_or_create_cluster_id(*store, proposal);
  if (!id_of_cluster) return std::unexpected(id_of_cluster.error());
  cluster_id_ = *id_of_cluster;

  const auto id = find_broker_id(*identity);
  if (!id) return std::unexpected(id.error());
  if (config()->broker_id < 0) dynamic_config.assign_broker_id(*id);
  if (auto alone = check_neighbours(); !alone) return alone;
  return logs->set_identity(cluster_id_, *id, now());
}

Result<void> Broker::Parts::load_logs() {
  stored_configs = std::make_unique<StoredConfigs>(*store);
  topic_configs = std::make_unique<TopicConfigs>(*stored_configs, dynamic_config);
  config_sync =
      std::make_unique<ConfigSync>(*store, clock, *stored_configs, dynamic_config, *topic_configs, quota_sync, *logs);
  if (auto synced = config_sync->start(); !synced) return synced;

  const auto loaded = logs->load(now());
  if (!loaded) return std::unexpected(loaded.error());
  logs_loaded = true;
  if (loaded->stopped) return stopped_early();
  if (!loaded->clean && loaded->logs > 0) {
    spdlog::warn("The last shutdown was not clean: {} of {} logs were recovered", loaded->recovered, loaded->logs);
  }
  const BrokerConfigSnapshot now_config = config();
  replicas = std::make_shared<ReplicaManager>(
      ReplicaManagerOptions{.broker_id = now_config->broker_id,
                            .replica_lag_time_max_ms = now_config->replica_lag_time_max_ms,
                            .metrics = {.totals = &metrics.all_topics(),
                                        .of_topic = [this](std::string_view topic) { return metrics.topic(topic); },
                                        .forget = [this](std::string_view topic) { metrics.forget_topic(topic); }},
                            .topic_created = [this](const std::string& topic) { topic_configs->forget(topic); }},
      *logs, metadata, clock);
  fetch_sessions = std::make_unique<FetchSessionCache>(
      static_cast<std::size_t>(std::max(0, now_config->max_incremental_fetch_session_cache_slots)),
      fetch_session_eviction_ms, random());
  return {};
}

Result<void> Broker::Parts::bind_listeners() {
  const BrokerConfigSnapshot now_config = config();
  ServerOptions server_options;
  server_options.listeners = now_config->listeners;
  server_options.inter_broker_listener_name = now_config->inter_broker_listener_name;
  server_options.network_threads =
      now_config->num_network_threads_set ? now_config->num_network_threads : default_network_threads();
  server_options.backlog = now_config->socket_listen_backlog_size;
  if (now_config->socket_buffers_set) {
    server_options.sockets.send_buffer_bytes = now_config->socket_send_buffer_bytes;
    server_options.sockets.receive_buffer_bytes = now_config->socket_receive_buffer_bytes;
  }
  const std::string congestion = default_congestion_control();
  server_options.sockets.loopback_congestion = loopback_congestion_control(congestion);
  if (!server_options.sockets.loopback_congestion.empty()) {
    spdlog::info("TCP congestion control is {}; connections over loopback use {}, which costs less there", congestion,
                 server_options.sockets.loopback_congestion);
  }
  server_options.request_max_bytes = now_config->socket_request_max_bytes;
  if (now_config->queued_max_request_bytes > 0) {
    server_options.requests_bytes_max = now_config->queued_max_request_bytes;
  }
  server_options.idle_max_ms = now_config->connections_max_idle_ms;
  server_options.limits = connection_limits(*now_config);
  server_options.quotas = &quota_enforcement;
  server_options.ip_rates = &ip_rates;
  server_options.rate_windows = quota_windows(*now_config);
  if (now_config->http_listener) {
    server_options.http_hint = fmt::format("the HTTP listener is http://{}:{}", now_config->http_listener->host,
                                           now_config->http_listener->port);
  }
  server = std::make_unique<Server>(std::move(server_options), apis, metrics);
  if (auto bound = server->bind(); !bound) return bound;
  if (!now_config->http_listener) return {};
  http = std::make_unique<HttpServer>(server->executor(), *now_config->http_listener,
                                      [this](std::string target) { return answer_http(std::move(target)); });
  return http->bind();
}

std::vector<cluster::BrokerEndpoint> Broker::Parts::advertised_endpoints() const {
  const BrokerConfigSnapshot now_config = config();
  const std::vector<Endpoint> bound = server->endpoints();
  std::vector<cluster::BrokerEndpoint> out;
  for (const Endpoint& endpoint : now_config->advertised_listeners_set ? now_config->advertised_listeners : bound) {
    const bool wildcard = endpoint.host.empty() || endpoint.host == "0.0.0.0" || endpoint.host == "::";
    out.push_back({.listener = endpoint.listener,
                   .host = wildcard ? host_name() : endpoint.host,
                   .port = endpoint.port,
                   .security_protocol = cluster::parse_security_protocol(endpoint.security_protocol)
                                            .value_or(cluster::SecurityProtocol::plaintext)});
  }
  return out;
}

Result<void> Broker::Parts::join_cluster() {
  const BrokerConfigSnapshot now_config = config();
  const protocol::BrokerId id = now_config->broker_id;
  if (options.cluster == nullptr) own_cluster = std::make_unique<LocalCluster>();
  cluster = own_cluster ? own_cluster.get() : options.cluster;
  controller = std::make_unique<cluster::Controller>(
      cluster::ControllerOptions{.broker_id = id,
                                 .inter_broker_listener = now_config->inter_broker_listener_name,
                                 .delete_topics = now_config->delete_topic_enable,
                                 .unclean_leader_election = now_config->unclean_leader_election_enable,
                                 .seed = random()},
      *store, *cluster, clock);
  membership = std::make_unique<cluster::Membership>(
      *store, *controller,
      cluster::BrokerRegistration{
          .id = id, .endpoints = advertised_endpoints(), .rack = now_config->broker_rack, .timestamp_ms = now()});
  topic_admin = std::make_unique<cluster::TopicAdmin>(
      *store,
      [this] {
        const BrokerConfigSnapshot current = config();
        return cluster::TopicAdminOptions{
            .num_partitions = current->num_partitions,
            .default_replication_factor = static_cast<std::int16_t>(current->default_replication_factor)};
      },
      [this](const cluster::ConfigMap& wanted) {
        return validate_topic_config(Properties(wanted.begin(), wanted.end()), *config());
      });
  config_admin =
      std::make_unique<ConfigAdmin>(*stored_configs, dynamic_config, *topic_configs,
                                    [this](std::string_view topic) { return metadata.snapshot()->contains(topic); });
  quota_admin = std::make_unique<QuotaAdmin>(*store, user_changes,
                                             [](const std::string& host) { return address_of_host(host).has_value(); });
  scram_admin = std::make_unique<ScramAdmin>(*store, user_changes);
  producer_ids = std::make_unique<ProducerIds>(
      [this, id](std::function<void(ProducerIds::BlockResult)> done) {
        controller->allocate_producer_ids(id, membership->broker_epoch(), std::move(done));
      },
      clock);
  server->start_threads();
  register_apis();
  cluster->add(id, {.replicas = replicas});
  if (auto joined_now = membership->join(); !joined_now) return joined_now;
  joined = true;
  if (own_store) own_store->end_startup();
  return wait_until_known();
}

// Requests between brokers stay within the process so far. Beside brokers elsewhere, this one would be given partitions
// and never hear of it, or be elected controller and never be heard.
Result<void> Broker::Parts::check_neighbours() const {
  if (!config()->zookeeper_connect) return {};
  const auto registered = cluster::registered_brokers(*store);
  if (!registered) return std::unexpected(registered.error());
  for (const protocol::BrokerId other : *registered) {
    if (other == config()->broker_id) continue;
    return fail(
        ErrorCode::invalid_config,
        fmt::format("broker {} is registered in the ZooKeeper tree of zookeeper.connect, and this version can't "
                    "work beside other brokers yet; give it a tree of its own, e.g. host:2181/barnabas",
                    other));
  }
  return {};
}

// After a log directory failed: the controller shall elect other leaders; without any directory there is nothing left
// to serve.
void Broker::Parts::directory_failed(const std::string& log_dir) {
  replicas->take_directory_offline(log_dir);
  if (logs->online_directories().empty()) {
    ready = false;
    const std::string reason = "no log directory is left, all have failed";
    spdlog::critical("The broker can't go on: {}", reason);
    if (options.on_failure && !failed_.exchange(true)) options.on_failure(reason);
    return;
  }
  if (!joined) return;  // the controller asks for the partitions anyway
  if (const auto announced = membership->announce_log_dir_failure(); !announced) {
    spdlog::error("The controller can't be told that {} failed: {}", log_dir, announced.error().text());
  }
}

// Clients must find the brokers and their partitions in the first answer they get.
Result<void> Broker::Parts::wait_until_known() {
  const protocol::BrokerId id = config()->broker_id;
  const auto known = std::make_shared<Announcement>();
  auto future = known->promise.get_future();
  const std::stop_callback on_stop(options.stop, [known] { known->announce(); });
  const auto waiter = metadata.wait(
      {}, [id](const MetadataSnapshot& now_known) { return now_known.broker(id) != nullptr; },
      [known] { known->announce(); });
  const bool ended = future.wait_for(std::chrono::milliseconds(known_within_ms)) == std::future_status::ready;
  metadata.cancel(waiter);
  if (options.stop.stop_requested()) return stopped_early();
  if (!ended) {
    return fail(ErrorCode::broker_not_available, "no controller announced this broker within 30 seconds");
  }
  controller->drain();
  cluster->wait_until_quiet(known_within_ms);
  return {};
}

Result<void> Broker::Parts::serve() {
  apis.freeze();
  register_gauges();
  start_upkeep();
  follow_config_changes();
  if (http) {
    if (auto open = http->open(tasks); !open) return open;
  }
  if (auto accepting = server->accept(); !accepting) return accepting;
  ready = true;
  return {};
}

awaitable<HttpAnswer> Broker::Parts::answer_http(std::string target) {
  const std::string path = target.substr(0, target.find('?'));
  if (path == "/healthz") co_return HttpAnswer{.body = "ok\n"};
  if (path == "/readyz") {
    if (ready) co_return HttpAnswer{.body = "ready\n"};
    co_return HttpAnswer{.status = 503, .body = "starting\n"};
  }
  if (path == "/metrics") {
    // Gauges take locks; the network thread shouldn't wait for them.
    auto render = [this] {
      return metrics.render([](std::int16_t key) { return protocol::name(static_cast<protocol::ApiKey>(key)); });
    };
    std::string text = co_await background.run(render);
    co_return HttpAnswer{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)};
  }
  if (path == "/") co_return HttpAnswer{.body = "Barnabas: /healthz, /readyz, /metrics\n"};
  co_return HttpAnswer{.status = 404, .body = "there are /healthz, /readyz and /metrics\n"};
}

void Broker::Parts::stop() {
  if (stopped_.exchange(true)) return;
  ready = false;
  std::optional<metadata_store::CloseLater> give_up;
  // A request with very many changes ends early, with an error for those that are left, once its connection is gone.
  if (store) give_up.emplace(*store, stop_grace_ms + 500);
  if (server) server->close_connections(stop_grace_ms);
  if (store) give_up.emplace(*store, store_grace_ms);
  if (http) http->close();
  while (!tasks.wait(60'000)) spdlog::warn("Still waiting for {} tasks to end", tasks.running());
  if (upkeep) upkeep->stop();
  if (log_dir_mover) log_dir_mover->stop();
  if (cleaner) cleaner->stop();
  stop_groups();
  if (controller) controller->stop();
  if (cluster != nullptr && replicas) cluster->remove(config()->broker_id);
  if (replicas && logs_loaded) {
    replicas->checkpoint_high_watermarks();
    replicas->shutdown();
  }
  background.stop();
  if (server) server->stop(0);
  config_sync.reset();
  if (store) store->close();
  give_up.reset();
  if (logs_loaded) logs->shutdown(now());
  logs_loaded = false;
  // Tear down what uses the store and the logs, before these.
  upkeep.reset();
  cleaner.reset();
  http.reset();
  membership.reset();
  controller.reset();
  store.reset();
  own_store.reset();
  logs.reset();
  home.close();
}

Broker::Broker(BrokerOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}

Broker::~Broker() = default;

// What the system doesn't give: memory, or threads.
Result<void> Broker::without_exceptions(Parts& parts, Result<void> (Parts::*step)()) {
  try {
    return (parts.*step)();
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::unknown_server_error, "out of memory; is the address space limited (ulimit -v)?");
  } catch (const std::system_error& error) {
    return fail(ErrorCode::unknown_server_error,
                fmt::format("{}: no thread can be started, or memory is short; is the number of threads (ulimit -u, a "
                            "container's limit) or the address space (ulimit -v) limited?",
                            error.what()));
  }
}

Result<void> Broker::start() {
  raise_descriptor_limit();
  Parts& parts = *parts_;
  for (const auto step : {&Parts::open_store, &Parts::settle_identity, &Parts::load_logs, &Parts::bind_listeners,
                          &Parts::join_cluster, &Parts::serve}) {
    Result<void> done = parts.options.stop.stop_requested() ? stopped_early() : without_exceptions(parts, step);
    if (done) continue;
    parts.stop();
    return done;
  }
  return {};
}

void Broker::stop() { parts_->stop(); }

std::vector<Endpoint> Broker::endpoints() const { return parts_->server->endpoints(); }

std::optional<Endpoint> Broker::http_endpoint() const {
  return parts_->http ? std::optional(parts_->http->endpoint()) : std::nullopt;
}

protocol::BrokerId Broker::broker_id() const { return parts_->config()->broker_id; }

std::string Broker::cluster_id() const { return parts_->cluster_id(); }

std::vector<std::string> Broker::data_directories() const {
  return parts_->home.is_temporary() ? std::vector<std::string>() : parts_->home.log_dirs();
}

std::size_t Broker::partition_count() const { return parts_->replicas->counts().partitions; }

Result<void> Broker::create_topic(const TopicAtStart& topic) {
  Parts& parts = *parts_;
  const auto known_now = parts.metadata.snapshot();
  if (const TopicMetadata* there = known_now->topic(topic.name)) {
    const auto count = static_cast<std::int32_t>(there->partitions.size());
    if (topic.partitions > 0 && topic.partitions != count) {
      spdlog::warn("Topic {} is there already, with {} partitions instead of {}; it stays so", topic.name, count,
                   topic.partitions);
    }
    return {};
  }
  cluster::NewTopic wanted;
  wanted.name = topic.name;
  wanted.partition_count = topic.partitions;
  for (const auto& [name, value] : topic.config) wanted.config.emplace_back(name, value);
  std::vector<cluster::BrokerRack> brokers;
  for (const auto& [id, known] : known_now->brokers()) brokers.push_back({.id = id, .rack = known.rack});
  const auto created = parts.topic_admin->create(std::span(&wanted, 1), brokers, parts.random(), false);
  if (!created.front()) return std::unexpected(created.front().error());

  const auto usable = std::make_shared<Announcement>();
  auto future = usable->promise.get_future();
  const std::stop_callback on_stop(parts.options.stop, [usable] { usable->announce(); });
  const std::vector<std::string> names = {topic.name};
  const std::int32_t count = created.front()->partition_count;
  const auto waiter = parts.metadata.wait(
      names,
      [name = topic.name, count](const MetadataSnapshot& known) {
        const TopicMetadata* found = known.topic(name);
        return found != nullptr && static_cast<std::int32_t>(found->partitions.size()) == count &&
               std::ranges::all_of(found->partitions, [](const PartitionMetadata& p) { return p.leader >= 0; });
      },
      [usable] { usable->announce(); });
  if (future.wait_for(std::chrono::milliseconds(known_within_ms)) == std::future_status::ready) {
    parts.metadata.cancel(waiter);
    return {};
  }
  parts.metadata.cancel(waiter);
  return fail(ErrorCode::request_timed_out, fmt::format("topic {} got no leader within 30 seconds", topic.name));
}

}  // namespace broker
