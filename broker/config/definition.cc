#include "broker/config/definition.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "broker/config/table_parts.h"

namespace broker {
namespace {

std::vector<ConfigDefinition> merge(std::initializer_list<std::span<const ConfigDefinition>> parts) {
  std::vector<ConfigDefinition> merged;
  for (const auto& part : parts) merged.insert(merged.end(), part.begin(), part.end());
  std::ranges::sort(merged, {}, &ConfigDefinition::name);
  return merged;
}

const ConfigDefinition* find(std::span<const ConfigDefinition> table, std::string_view name) {
  const auto row = std::ranges::lower_bound(table, name, {}, &ConfigDefinition::name);
  return row != table.end() && row->name == name ? &*row : nullptr;
}

// How many single-character changes turn one text into the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const ConfigDefinition> broker_config_table() {
  using namespace config_table;
  static const std::vector<ConfigDefinition> table =
      merge({server(), network(), config_table::log(), replication(), group(), transaction(), ssl(), security(),
             zookeeper(), kraft(), config_table::remote(), own()});
  return table;
}

std::span<const ConfigDefinition> topic_config_table() { return config_table::topic(); }

std::string_view without_listener_prefix(std::string_view name) {
  constexpr std::string_view prefix = "listener.name.";
  if (!name.starts_with(prefix)) return name;
  const std::size_t dot = name.find('.', prefix.size());
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

const ConfigDefinition* find_broker_config(std::string_view name) {
  return find(broker_config_table(), without_listener_prefix(name));
}

const ConfigDefinition* find_topic_config(std::string_view name) { return find(topic_config_table(), name); }

std::string_view nearest_name(std::span<const ConfigDefinition> table, std::string_view name) {
  // A third of the characters wrong is still the same word to a person; the bound keeps the work small, too.
  constexpr std::size_t name_size_max = 128;
  if (name.size() > name_size_max) return {};
  std::size_t best = std::max<std::size_t>(2, name.size() / 4) + 1;
  std::string_view nearest;
  for (const ConfigDefinition& row : table) {
    const std::size_t difference = row.name.size() > name.size() ? row.name.size() - name.size()  //
                                                                 : name.size() - row.name.size();
    if (difference >= best) continue;
    const std::size_t distance = edit_distance(row.name, name);
    if (distance < best) {
      best = distance;
      nearest = row.name;
    }
  }
  return nearest;
}

std::string_view type_name(ConfigType type) {
  switch (type) {
    case ConfigType::boolean:
      return "BOOLEAN";
    case ConfigType::string:
      return "STRING";
    case ConfigType::int32:
      return "INT";
    case ConfigType::int16:
      return "SHORT";
    case ConfigType::int64:
      return "LONG";
    case ConfigType::float64:
      return "DOUBLE";
    case ConfigType::list:
      return "LIST";
    case ConfigType::class_name:
      return "CLASS";
    case ConfigType::password:
      return "PASSWORD";
  }
  return "UNKNOWN";
}

std::string_view importance_name(Importance importance) {
  switch (importance) {
    case Importance::high:
      return "high";
    case Importance::medium:
      return "medium";
    case Importance::low:
      return "low";
  }
  return "";
}

std::string_view mode_name(UpdateMode mode) {
  switch (mode) {
    case UpdateMode::read_only:
      return "read-only";
    case UpdateMode::per_broker:
      return "per-broker";
    case UpdateMode::cluster_wide:
      return "cluster-wide";
  }
  return "";
}

std::string_view support_name(Support support) {
  switch (support) {
    case Support::works:
      return "works";
    case Support::built_in:
      return "built in";
    case Support::no_effect:
      return "no effect";
    case Support::refused:
      return "refused";
  }
  return "";
}

}  // namespace broker
