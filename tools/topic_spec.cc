#include "tools/topic_spec.h"

#include <charconv>
#include <set>

#include <fmt/format.h>

#include "broker/config/definition.h"
#include "protocol/topic_name.h"

namespace tools {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;
using Topic = broker::Broker::TopicAtStart;

constexpr std::int32_t max_partitions = 1'000'000;

// The text up to `mark`, which is taken away with it.
std::string_view take_until(std::string_view& text, char mark) {
  const auto at = text.find(mark);
  const std::string_view piece = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return piece;
}

Result<std::int32_t> parse_partitions(std::string_view text) {
  std::int32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && end == text.data() + text.size() && count >= 1 && count <= max_partitions) return count;
  return fail(ErrorCode::invalid_partitions, fmt::format("'{}' is not a number of partitions", text));
}

Result<void> check_setting(const std::string& key, const std::string& value) {
  const broker::ConfigDefinition* known = broker::find_topic_config(key);
  if (known != nullptr) return broker::validate_value(*known, value);
  const std::string_view near = broker::nearest_name(broker::topic_config_table(), key);
  return fail(ErrorCode::invalid_config, fmt::format("a topic has no setting '{}'{}", key,
                                                     near.empty() ? "" : fmt::format("; is {} meant?", near)));
}

Result<broker::Properties> parse_settings(std::string_view text) {
  broker::Properties settings;
  std::string* last = nullptr;
  while (!text.empty()) {
    const std::string_view piece = take_until(text, ',');
    const auto equals = piece.find('=');
    if (equals == std::string_view::npos && last != nullptr) {
      last->append(1, ',').append(piece);
      continue;
    }
    if (equals == std::string_view::npos || equals == 0) {
      return fail(ErrorCode::invalid_config, fmt::format("'{}' is not key=value", piece));
    }
    const auto [at, is_new] = settings.try_emplace(std::string(piece.substr(0, equals)), piece.substr(equals + 1));
    if (!is_new) return fail(ErrorCode::invalid_config, fmt::format("{} is set twice", at->first));
    last = &at->second;
  }
  for (const auto& [key, value] : settings) {
    if (auto checked = check_setting(key, value); !checked) return std::unexpected(checked.error());
  }
  return settings;
}

Result<Topic> parse(std::string_view text) {
  const bool has_partitions = text.contains(':');
  Topic topic;
  topic.name = take_until(text, ':');
  if (auto valid = protocol::check_topic_name(topic.name); !valid) {
    return std::unexpected(valid.error());
  }
  if (!has_partitions) return topic;
  const auto partitions = parse_partitions(take_until(text, ':'));
  if (!partitions) return std::unexpected(partitions.error());
  topic.partitions = *partitions;
  auto settings = parse_settings(text);
  if (!settings) return std::unexpected(settings.error());
  topic.config = std::move(*settings);
  return topic;
}

}  // namespace

Result<Topic> parse_topic_spec(std::string_view text) {
  auto topic = parse(text);
  if (!topic) return fail(topic.error().code, fmt::format("--topic '{}': {}", text, topic.error().text()));
  return topic;
}

Result<std::vector<Topic>> parse_topic_specs(const std::vector<std::string>& texts) {
  std::vector<Topic> topics;
  std::set<std::string> names;
  for (const std::string& text : texts) {
    auto topic = parse_topic_spec(text);
    if (!topic) return std::unexpected(topic.error());
    if (!names.insert(topic->name).second) {
      return fail(ErrorCode::invalid_request, fmt::format("--topic '{}': the topic is named twice", text));
    }
    topics.push_back(std::move(*topic));
  }
  return topics;
}

}  // namespace tools
