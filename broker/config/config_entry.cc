#include "broker/config/config_entry.h"

#include <algorithm>

#include "broker/config/synonyms.h"
#include "broker/config/text.h"
#include "broker/config/topic_config.h"

namespace broker {
namespace {

// The table's default of a broker config, as a property would say it.
std::optional<std::string> default_text(std::string_view name) {
  const ConfigDefinition* row = find_broker_config(name);
  if (row == nullptr || row->name != name || !row->default_value) return std::nullopt;
  return std::string(*row->default_value);
}

void add_from(std::vector<ConfigSynonym>& synonyms, const Properties& layer, ConfigSource source,
              const std::vector<std::string_view>& names, bool sensitive) {
  for (const std::string_view name : names) {
    const std::string* value = find_property(layer, name);
    if (value == nullptr) continue;
    synonyms.push_back({std::string(name), sensitive ? std::nullopt : std::optional(*value), source});
  }
}

// Where the value of a broker config may come from, strongest first. Starts at `name` itself: what stands above it is
// another setting's override.
std::vector<ConfigSynonym> broker_config_synonyms(std::string_view name, const ConfigLayers& layers, bool sensitive) {
  const auto names = broker_synonyms(name);
  std::vector<ConfigSynonym> synonyms;
  add_from(synonyms, layers.broker_values, ConfigSource::dynamic_broker, names, sensitive);
  add_from(synonyms, layers.cluster_values, ConfigSource::dynamic_default_broker, names, sensitive);
  add_from(synonyms, layers.static_values, ConfigSource::static_broker, names, sensitive);
  for (const std::string_view synonym : names) {
    if (auto value = default_text(synonym)) {
      synonyms.push_back(
          {std::string(synonym), sensitive ? std::nullopt : std::move(value), ConfigSource::default_config});
    }
  }
  const auto own = std::ranges::find(synonyms, name, &ConfigSynonym::name);
  synonyms.erase(synonyms.begin(), own);
  return synonyms;
}

ConfigEntry broker_entry(std::string_view name, std::optional<std::string> value, const ConfigLayers& layers) {
  const ConfigDefinition* row = find_broker_config(name);
  const bool exact = row != nullptr && row->name == name;
  ConfigEntry entry;
  entry.name = std::string(name);
  // Nobody knows what an unknown setting holds, so it is treated as a secret.
  entry.sensitive = row == nullptr || row->sensitive();
  entry.value = entry.sensitive ? std::nullopt : std::move(value);
  entry.read_only = row == nullptr || row->mode == UpdateMode::read_only || !exact || row->internal;
  entry.type = row == nullptr ? std::int8_t{0} : static_cast<std::int8_t>(row->type);
  entry.documentation = exact ? row->doc : std::string_view();
  entry.synonyms = broker_config_synonyms(name, layers, entry.sensitive);
  entry.source = entry.synonyms.empty() ? ConfigSource::default_config : entry.synonyms.front().source;
  return entry;
}

}  // namespace

std::vector<ConfigEntry> describe_topic(const Properties& overrides, const BrokerConfig& broker,
                                        const ConfigLayers& layers) {
  std::vector<ConfigEntry> entries;
  for (const ConfigDefinition& row : topic_config_table()) {
    ConfigEntry entry;
    entry.name = std::string(row.name);
    entry.value = effective_topic_value(row.name, overrides, broker);
    entry.type = static_cast<std::int8_t>(row.type);
    entry.documentation = row.doc;
    if (!row.broker_synonym.empty()) entry.synonyms = broker_config_synonyms(row.broker_synonym, layers, false);
    if (find_property(overrides, row.name) != nullptr) {
      entry.synonyms.insert(entry.synonyms.begin(), {entry.name, entry.value, ConfigSource::topic});
    }
    entry.source = entry.synonyms.empty() ? ConfigSource::default_config : entry.synonyms.front().source;
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<ConfigEntry> describe_broker(const BrokerConfig& broker, const ConfigLayers& layers) {
  std::vector<ConfigEntry> entries;
  for (const ConfigDefinition& row : broker_config_table()) {
    const std::string* set = find_property(broker.values, row.name);
    if (set == nullptr && row.internal) continue;
    std::optional<std::string> value;
    if (row.name == "broker.id" || row.name == "node.id") {
      value = std::to_string(broker.broker_id);
    } else if (set != nullptr) {
      value = normalized_value(row, *set);
    } else if (row.default_value) {
      value = std::string(*row.default_value);
    }
    entries.push_back(broker_entry(row.name, std::move(value), layers));
  }
  for (const auto& [name, value] : broker.values) {
    const ConfigDefinition* row = find_broker_config(name);
    if (row == nullptr || row->name != name) entries.push_back(broker_entry(name, value, layers));
  }
  return entries;
}

std::vector<ConfigEntry> describe_cluster_defaults(const ConfigLayers& layers) {
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : layers.cluster_values) {
    ConfigEntry entry = broker_entry(name, value, layers);
    std::erase_if(entry.synonyms,
                  [](const ConfigSynonym& s) { return s.source != ConfigSource::dynamic_default_broker; });
    entry.source = entry.synonyms.empty() ? ConfigSource::default_config : entry.synonyms.front().source;
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace broker
