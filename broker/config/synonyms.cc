#include "broker/config/synonyms.h"

#include <algorithm>
#include <array>

#include "broker/config/definition.h"
#include "broker/config/text.h"

namespace broker {
namespace {

struct Group {
  std::array<std::string_view, 3> names;  // strongest first; empty: none
};

constexpr Group groups[] = {
    {{"log.roll.ms", "log.roll.hours", ""}},
    {{"log.roll.jitter.ms", "log.roll.jitter.hours", ""}},
    {{"log.retention.ms", "log.retention.minutes", "log.retention.hours"}},
};

// One-way: the scheduler's interval stands in for the flush interval, not the other way round.
constexpr Group flush_group = {{"log.flush.interval.ms", "log.flush.scheduler.interval.ms", ""}};

const Group* group_of(std::string_view name) {
  if (name == flush_group.names[0]) return &flush_group;
  const auto* group = std::ranges::find_if(
      groups, [&](const Group& g) { return !name.empty() && std::ranges::find(g.names, name) != g.names.end(); });
  return group == std::end(groups) ? nullptr : group;
}

std::int64_t unit_ms(std::string_view name) {
  if (name.ends_with(".hours")) return 3'600'000;
  if (name.ends_with(".minutes")) return 60'000;
  return 1;
}

}  // namespace

std::vector<std::string_view> same_setting_names(std::string_view name) {
  const Group* group = group_of(name);
  if (group == nullptr) return {name};
  std::vector<std::string_view> names;
  std::ranges::copy_if(group->names, std::back_inserter(names), [](std::string_view n) { return !n.empty(); });
  return names;
}

std::vector<std::string_view> broker_synonyms(std::string_view name) {
  const std::string_view base = without_listener_prefix(name);
  if (base == name) return same_setting_names(name);
  // "listener.name.X.MECHANISM.sasl.jaas.config" overrides sasl.jaas.config.
  constexpr std::string_view per_mechanism[] = {"sasl.jaas.config", "sasl.login.callback.handler.class",
                                                "sasl.login.class", "sasl.server.callback.handler.class",
                                                "connections.max.reauth.ms"};
  const auto* found =
      std::ranges::find_if(per_mechanism, [&](std::string_view suffix) { return base.ends_with(suffix); });
  return {name, found == std::end(per_mechanism) ? base : *found};
}

bool has_time_synonyms(std::string_view name) { return group_of(name) != nullptr && name.ends_with(".ms"); }

std::int64_t effective_milliseconds(const Properties& values, std::string_view name) {
  const auto names = same_setting_names(name);
  for (const std::string_view synonym : names) {
    const std::string* value = find_property(values, synonym);
    if (value == nullptr) continue;
    if (const auto number = parse_int64(trim(*value))) return *number * unit_ms(synonym);
  }
  for (const std::string_view synonym : names) {
    const ConfigDefinition* row = find_broker_config(synonym);
    if (row == nullptr || !row->default_value) continue;
    if (const auto number = parse_int64(*row->default_value)) return *number * unit_ms(synonym);
  }
  return 0;
}

}  // namespace broker
