#include "coordination/cluster/config_store.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include "coordination/cluster/znodes.h"

namespace coordination::cluster {

using metadata_store::CreateMode, metadata_store::MetadataStore, metadata_store::Operation, metadata_store::StoreError,
    metadata_store::WatchEvent;
using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::Result;

namespace {

constexpr std::array type_names = {std::string_view("topics"), std::string_view("brokers"), std::string_view("users"),
                                   std::string_view("clients"), std::string_view("ips")};

// A notification is only a hint to read the entity: it may go once every broker has had time to see it.
constexpr std::int64_t notification_lifetime_ms = 15LL * 60 * 1000;

struct Entity {
  ConfigType type;
  std::string name;
};

// "topics/foo", "users/alice/clients/app": the first part is the type, the rest the entity.
std::optional<Entity> parse_entity_path(std::string_view path) {
  const auto slash = path.find('/');
  if (slash == std::string_view::npos || slash + 1 == path.size()) return std::nullopt;
  const auto type = std::ranges::find(type_names, path.substr(0, slash));
  if (type == type_names.end()) return std::nullopt;
  return Entity{static_cast<ConfigType>(type - type_names.begin()), std::string(path.substr(slash + 1))};
}

// Replaces the node's data, creating the node where it is missing; the controller must stay the one of that version.
Result<void> set_or_create(MetadataStore& store, const std::string& path, const std::string& data,
                           std::int32_t controller_version) {
  constexpr int max_conflicts = 10;  // with others who create or remove the node at the same time
  const Operation check = Operation::check(path::controller, controller_version);
  for (int attempt = 0; attempt < max_conflicts; ++attempt) {
    const auto set = store.multi({check, Operation::set(path, data)});
    if (set) return {};
    if (set.error().step == 0 || set.error().error != StoreError::no_node) {
      return std::unexpected(to_error(set.error().error, "writing " + path));
    }
    const auto parents = create_recursive(store, std::string(metadata_store::parent_path(path)));
    if (!parents) return std::unexpected(to_error(parents.error(), "creating the parents of " + path));
    const auto created = store.multi({check, Operation::create(path, data)});
    if (created) return {};
    // Somebody else created it first: what is written last must be what stays.
    if (created.error().step == 0 || created.error().error != StoreError::node_exists) {
      return std::unexpected(to_error(created.error().error, "creating " + path));
    }
  }
  return fail(ErrorCode::unknown_server_error, fmt::format("{} is created and removed again and again.", path));
}

// Whether an entity's node goes when it holds nothing: Kafka keeps those of topics and brokers.
bool goes_when_empty(ConfigType type) {
  return type == ConfigType::users || type == ConfigType::clients || type == ConfigType::ips;
}

// Removes the node and, of a user's client id, the nodes above that are of no use without it. False: something stands
// below the node.
Result<bool> remove_empty(MetadataStore& store, ConfigType type, std::string_view entity,
                          std::int32_t controller_version) {
  const std::string node = path::config(name(type), entity);
  const auto removed = store.multi({Operation::check(path::controller, controller_version), Operation::remove(node)});
  if (!removed && removed.error().error == StoreError::not_empty) return false;
  if (!removed && (removed.error().step == 0 || removed.error().error != StoreError::no_node)) {
    return std::unexpected(to_error(removed.error().error, "removing " + node));
  }
  if (entity.find('/') == std::string_view::npos) return true;
  const std::string clients(metadata_store::parent_path(node));
  const std::string user(metadata_store::parent_path(clients));
  if (!store.remove(clients)) return true;  // other client ids are there
  const auto left = store.get(user);
  const auto config = left ? decode_config(user, left->data) : Result<ConfigMap>(ConfigMap());
  if (left && config && config->empty()) (void)store.remove(user, left->stat.version);
  return true;
}

}  // namespace

std::string_view name(ConfigType type) { return type_names[static_cast<std::size_t>(type)]; }

Result<ConfigMap> read_config(MetadataStore& store, ConfigType type, std::string_view entity) {
  const std::string path = path::config(name(type), entity);
  const auto node = store.get(path);
  if (!node && node.error() == StoreError::no_node) return ConfigMap();
  if (!node) return std::unexpected(to_error(node.error(), "reading " + path));
  return decode_config(path, node->data);
}

Result<std::map<std::string, ConfigMap>> read_configs(MetadataStore& store, ConfigType type) {
  const auto entities = store.children(fmt::format("/config/{}", name(type)));
  if (!entities && entities.error() == StoreError::no_node) return std::map<std::string, ConfigMap>();
  if (!entities) return std::unexpected(to_error(entities.error(), fmt::format("reading /config/{}", name(type))));
  std::vector<std::string> paths;
  for (const std::string& entity : *entities) paths.push_back(path::config(name(type), entity));
  const auto nodes = store.get_each(paths);
  std::map<std::string, ConfigMap> configs;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!nodes[i] && nodes[i].error() == StoreError::no_node) continue;
    if (!nodes[i]) return std::unexpected(to_error(nodes[i].error(), "reading " + paths[i]));
    auto config = decode_config(paths[i], nodes[i]->data);
    if (!config) return std::unexpected(config.error());
    configs.emplace((*entities)[i], std::move(*config));
  }
  return configs;
}

Result<std::map<std::string, ConfigMap>> read_user_client_configs(MetadataStore& store) {
  const std::string root = fmt::format("/config/{}", name(ConfigType::users));
  std::map<std::string, ConfigMap> configs;
  const auto users = store.children(root);
  if (!users && users.error() == StoreError::no_node) return configs;
  if (!users) return std::unexpected(to_error(users.error(), "reading " + root));
  for (const std::string& user : *users) {
    const auto clients = store.children(fmt::format("{}/{}/clients", root, user));
    if (!clients && clients.error() == StoreError::no_node) continue;
    if (!clients) return std::unexpected(to_error(clients.error(), "reading the clients of user " + user));
    for (const std::string& client : *clients) {
      std::string entity = fmt::format("{}/clients/{}", user, client);
      auto config = read_config(store, ConfigType::users, entity);
      if (!config) return std::unexpected(config.error());
      configs.emplace(std::move(entity), std::move(*config));
    }
  }
  return configs;
}

Result<void> write_config(MetadataStore& store, ConfigType type, std::string_view entity, const ConfigMap& config) {
  const auto controller = store.exists(path::controller);
  if (!controller) return std::unexpected(to_error(controller.error(), "reading the controller"));
  if (!*controller) {
    return fail(ErrorCode::unknown_server_error, "There is no controller now, so configurations can't be changed.");
  }
  const std::int32_t version = (*controller)->version;
  bool removed = false;
  if (config.empty() && goes_when_empty(type)) {
    const auto outcome = remove_empty(store, type, entity, version);
    if (!outcome) return std::unexpected(outcome.error());
    removed = *outcome;
  }
  if (!removed) {
    const auto written = set_or_create(store, path::config(name(type), entity), encode_config(config), version);
    if (!written) return written;
  }
  const std::string change = encode_config_change(fmt::format("{}/{}", name(type), entity));
  const auto notified = store.create(path::config_change_prefix, change, CreateMode::persistent_sequential);
  if (!notified) return std::unexpected(to_error(notified.error(), "notifying the brokers of a changed configuration"));
  return {};
}

// Lives as long as a watch that refers to it. The mutex is held while a batch of changes is reported, which is what
// makes the destructor wait for it.
struct ConfigChangeListener::State : std::enable_shared_from_this<State> {
  State(MetadataStore& metadata_store, const protocol::Clock& a_clock, OnChange callback)
      : store(metadata_store), clock(a_clock), on_change(std::move(callback)) {}

  Result<void> read() EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    if (stopped) return {};
    const auto changes =
        store.children(path::config_changes, [self = shared_from_this()](const WatchEvent&) { (void)self->read(); });
    if (!changes) return std::unexpected(to_error(changes.error(), "reading the changed configurations"));
    const std::set<std::string> sorted(changes->begin(), changes->end());
    for (auto change = sorted.upper_bound(last_seen); change != sorted.end(); ++change) report(*change);
    if (!sorted.empty()) last_seen = std::max(last_seen, *sorted.rbegin());
    remove_old(sorted);
    return {};
  }

  void report(const std::string& change) REQUIRES(mutex) {
    const auto node = store.get(fmt::format("{}/{}", path::config_changes, change));
    if (!node) return;  // old enough that another broker removed it
    const auto path = decode_config_change(node->data);
    const auto entity = path ? parse_entity_path(*path) : std::nullopt;
    if (!entity) {
      spdlog::error("The notification {} of a changed configuration can't be read; it is skipped.", change);
      return;
    }
    const auto config = read_config(store, entity->type, entity->name);
    if (config) {
      on_change(entity->type, entity->name, *config);
    } else {
      spdlog::error("{}", config.error().text());
    }
  }

  void remove_old(const std::set<std::string>& changes) REQUIRES(mutex) {
    for (const std::string& change : changes) {
      const std::string path = fmt::format("{}/{}", path::config_changes, change);
      const auto stat = store.exists(path);
      if (!stat || !*stat) continue;
      if (clock.now_ms() - (*stat)->ctime_ms < notification_lifetime_ms) return;  // the later ones are younger
      (void)store.remove(path);
    }
  }

  MetadataStore& store;
  const protocol::Clock& clock;
  const OnChange on_change;
  protocol::Mutex mutex;
  bool stopped GUARDED_BY(mutex) = false;
  std::string last_seen GUARDED_BY(mutex);  // names end in a growing ten-digit number
};

ConfigChangeListener::ConfigChangeListener(MetadataStore& store, const protocol::Clock& clock, OnChange on_change)
    : state_(std::make_shared<State>(store, clock, std::move(on_change))) {}

ConfigChangeListener::~ConfigChangeListener() {
  const MutexLock lock(state_->mutex);
  state_->stopped = true;
}

Result<void> ConfigChangeListener::start() {
  state_->store.on_renewal([state = std::weak_ptr(state_)] {
    const auto alive = state.lock();
    const auto read = alive ? alive->read() : Result<void>();
    if (!read) spdlog::error("{}", read.error().text());
  });
  return state_->read();
}

}  // namespace coordination::cluster
