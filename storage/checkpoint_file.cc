#include "storage/checkpoint_file.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <optional>

namespace storage {
namespace {

using protocol::ErrorCode, protocol::fail;

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Takes the next line off the front.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Takes the next word of a line off the front; words are separated by blanks.
std::string_view take_word(std::string_view& line) {
  while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
  const std::size_t end = line.find_first_of(" \t");
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(word.size());
  return word;
}

// Checks version and count, and gives each entry's line to `entry`, which returns whether it understood it.
template <typename TakeEntry>
protocol::Result<void> parse(std::string_view text, TakeEntry&& entry) {
  if (text.empty()) return {};
  if (const auto version = parse_number<std::int32_t>(take_line(text)); version != 0) {
    return fail(ErrorCode::kafka_storage_error, "The checkpoint does not begin with version 0.");
  }
  const auto count = parse_number<std::int32_t>(take_line(text));
  if (!count || *count < 0)
    return fail(ErrorCode::kafka_storage_error, "The checkpoint's entry count is not a number.");
  std::int32_t found = 0;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (!entry(line)) return fail(ErrorCode::kafka_storage_error, fmt::format("Malformed checkpoint line '{}'.", line));
    ++found;
  }
  if (found != *count) {
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("The checkpoint says it has {} entries, but has {}.", *count, found));
  }
  return {};
}

}  // namespace

protocol::Result<PartitionOffsets> parse_offset_checkpoint(std::string_view text) {
  PartitionOffsets offsets;
  const auto parsed = parse(text, [&](std::string_view line) {
    const std::string_view topic = take_word(line);
    const auto partition = parse_number<std::int32_t>(take_word(line));
    const auto offset = parse_number<Offset>(take_word(line));
    if (topic.empty() || !partition || !offset || line.find_first_not_of(" \t") != std::string_view::npos) return false;
    offsets[{std::string(topic), *partition}] = *offset;
    return true;
  });
  if (!parsed) return std::unexpected(parsed.error());
  return offsets;
}

protocol::Result<std::vector<EpochEntry>> parse_epoch_checkpoint(std::string_view text) {
  std::vector<EpochEntry> entries;
  const auto parsed = parse(text, [&](std::string_view line) {
    const auto epoch = parse_number<LeaderEpoch>(take_word(line));
    const auto offset = parse_number<Offset>(take_word(line));
    if (!epoch || !offset || *epoch < 0 || *offset < 0) return false;
    entries.push_back({*epoch, *offset});
    return line.find_first_not_of(" \t") == std::string_view::npos;
  });
  if (!parsed) return std::unexpected(parsed.error());
  return entries;
}

std::string format_offset_checkpoint(const PartitionOffsets& offsets) {
  std::string text = fmt::format("0\n{}\n", offsets.size());
  for (const auto& [partition, offset] : offsets) {
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", partition.topic, partition.partition, offset);
  }
  return text;
}

std::string format_epoch_checkpoint(const std::vector<EpochEntry>& entries) {
  std::string text = fmt::format("0\n{}\n", entries.size());
  for (const EpochEntry& entry : entries) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", entry.epoch, entry.start_offset);
  }
  return text;
}

}  // namespace storage
