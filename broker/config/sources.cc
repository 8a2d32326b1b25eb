#include "broker/config/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "broker/config/broker_config_check.h"
#include "broker/config/definition.h"
#include "broker/config/endpoint.h"
#include "broker/config/text.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

// Every broken value at once, so that a file is mended in one go.
Result<void> check_each(const Properties& values) {
  std::string messages;
  for (const auto& [name, value] : values) {
    const auto checked = check_values({{name, value}});
    if (checked) continue;
    if (!messages.empty()) messages += '\n';
    messages += checked.error().message;
    const ConfigDefinition* row = find_broker_config(name);
    if (row != nullptr && !validate_value(*row, value)) messages += fmt::format(" (allowed: {})", allowed_values(*row));
  }
  if (messages.empty()) return {};
  return fail(ErrorCode::invalid_config, messages);
}

Result<Properties> read_overrides(const std::vector<std::string>& overrides) {
  Properties values;
  for (const std::string& text : overrides) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::invalid_config, fmt::format("--override {}: write key=value", text));
    }
    values.insert_or_assign(std::string(trim(std::string_view(text).substr(0, equals))), text.substr(equals + 1));
  }
  return values;
}

void lay_over(Properties& under, const Properties& over) {
  for (const auto& [name, value] : over) under.insert_or_assign(name, value);
}

// Container settings often say only what is advertised. Listening on localhost would then reach nobody.
void listen_where_advertised(Properties& values, std::vector<ConfigNote>& notes) {
  const std::string* advertised = find_property(values, "advertised.listeners");
  if (advertised == nullptr || values.contains("listeners")) return;
  std::vector<std::string> listeners;
  for (const std::string_view item : split_list(*advertised)) {
    const std::size_t slashes = item.find("://");
    const std::size_t colon = item.rfind(':');
    if (slashes == std::string_view::npos || colon <= slashes) return;  // its own check says what is wrong
    listeners.push_back(fmt::format("{}://0.0.0.0{}", item.substr(0, slashes), item.substr(colon)));
  }
  std::string text = fmt::format("{}", fmt::join(listeners, ","));
  notes.push_back(
      {false, fmt::format("listeners isn't set; listening on {}, the ports of advertised.listeners", text)});
  values.insert_or_assign("listeners", std::move(text));
}

// --ephemeral: the broker makes a directory of its own, which goes with it.
void keep_nothing(LoadedConfig& loaded) {
  for (const std::string_view name : {"log.dir", "log.dirs"}) {
    const auto found = loaded.values.find(name);
    if (found == loaded.values.end()) continue;
    loaded.notes.push_back({false, fmt::format("{} is left aside: --ephemeral keeps nothing", name)});
    loaded.values.erase(found);
  }
  loaded.values.insert_or_assign("ephemeral", "true");
}

}  // namespace

Properties friendly_values() {
  return {
      {"broker.id", "1"},
      {"group.initial.rebalance.delay.ms", "0"},
      {"offsets.topic.replication.factor", "1"},
      {"transaction.state.log.min.isr", "1"},
      {"transaction.state.log.replication.factor", "1"},
  };
}

std::vector<ConfigNote> notes_on(const Properties& values) {
  std::vector<ConfigNote> notes;
  for (const auto& [name, value] : values) {
    const ConfigDefinition* row = find_broker_config(name);
    if (row == nullptr) {
      const std::string_view nearest = nearest_name(broker_config_table(), name);
      notes.push_back({true, nearest.empty()
                                 ? fmt::format("Unknown configuration {} does nothing", name)
                                 : fmt::format("Unknown configuration {} does nothing; is {} meant?", name, nearest)});
      continue;
    }
    if (!differs_from_default(*row, value)) continue;
    if (row->support == Support::built_in) notes.push_back({false, fmt::format("{}: {}", name, row->reason)});
    if (row->support == Support::no_effect) {
      notes.push_back({true, fmt::format("{} has no effect: {}", name, row->reason)});
    } else if (row->name != name) {
      notes.push_back({true, fmt::format("{} has no effect: settings of single listeners aren't there yet", name)});
    }
  }
  return notes;
}

Result<LoadedConfig> load_config(const ConfigInputs& inputs) {
  LoadedConfig loaded;
  const bool friendly = !inputs.file_text.has_value();
  if (inputs.file_text) {
    auto file = parse_properties(*inputs.file_text);
    if (!file) return fail(ErrorCode::invalid_config, fmt::format("{}: {}", inputs.file_name, file.error().message));
    loaded.values = std::move(*file);
  }
  for (const auto& [variable, value] : inputs.environment) {
    if (std::string name = config_name_of_variable(variable); !name.empty()) {
      loaded.values.insert_or_assign(std::move(name), value);
    }
  }
  auto overrides = read_overrides(inputs.overrides);
  if (!overrides) return std::unexpected(overrides.error());
  lay_over(loaded.values, *overrides);
  if (inputs.data_directory) loaded.values.insert_or_assign("log.dirs", *inputs.data_directory);
  if (inputs.ephemeral) keep_nothing(loaded);

  // What people wrote, before it is completed.
  std::ranges::move(notes_on(loaded.values), std::back_inserter(loaded.notes));
  if (friendly) {
    listen_where_advertised(loaded.values, loaded.notes);
    Properties values = friendly_values();
    if (loaded.values.contains("node.id")) values.erase("broker.id");
    if (!loaded.values.contains("listeners")) values.emplace("listeners", "PLAINTEXT://localhost:9092");
    if (!inputs.ephemeral && !loaded.values.contains("log.dir"))
      values.emplace("log.dirs", inputs.default_data_directory);
    lay_over(values, loaded.values);
    loaded.values = std::move(values);
  }
  if (auto checked = check_each(loaded.values); !checked) return std::unexpected(checked.error());
  auto config = make_broker_config(loaded.values);
  if (!config) return std::unexpected(config.error());
  loaded.config = std::move(*config);
  return loaded;
}

}  // namespace broker
