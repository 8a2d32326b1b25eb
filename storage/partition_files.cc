#include "storage/partition_files.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace storage {
namespace {

template <typename Number>
std::optional<Number> parse_digits(std::string_view text) {
  Number number{};
  if (text.empty() || text.front() == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

std::optional<SegmentFileName> parse_segment_file_name(std::string_view name) {
  SegmentFileName result;
  for (const std::string_view suffix : {".deleted", ".cleaned", ".swap"}) {
    if (!name.ends_with(suffix)) continue;
    result.suffix = suffix;
    name.remove_suffix(suffix.size());
    break;
  }
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  result.extension = name.substr(dot);
  constexpr std::array<std::string_view, 5> known = {".log", ".index", ".timeindex", ".txnindex", ".snapshot"};
  const auto offset = parse_digits<Offset>(name.substr(0, dot));
  if (!offset || std::ranges::find(known, result.extension) == known.end()) return std::nullopt;
  result.offset = *offset;
  return result;
}

std::optional<PartitionDirectoryName> parse_partition_directory_name(std::string_view name) {
  PartitionDirectoryName result;
  for (const auto& [suffix, kind] :
       {std::pair<std::string_view, PartitionDirectoryKind>{"-delete", PartitionDirectoryKind::deleted},
        {"-stray", PartitionDirectoryKind::stray},
        {"-future", PartitionDirectoryKind::future}}) {
    const std::size_t dot = name.rfind('.');
    if (!name.ends_with(suffix) || dot == std::string_view::npos) continue;
    result.kind = kind;
    name = name.substr(0, dot);
    break;
  }
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const auto partition = parse_digits<std::int32_t>(name.substr(dash + 1));
  if (!partition) return std::nullopt;
  result.partition = {std::string(name.substr(0, dash)), *partition};
  return result;
}

std::string deleted_directory_name(const TopicPartition& partition, std::string_view unique, bool stray) {
  const std::string tail = fmt::format("-{}.{}{}", partition.partition, unique, stray ? "-stray" : "-delete");
  constexpr std::size_t longest = 255;
  return partition.topic.substr(0, std::min(partition.topic.size(), longest - tail.size())) + tail;
}

std::optional<std::string> future_directory_name(const TopicPartition& partition, std::string_view unique) {
  constexpr std::size_t longest = 255;
  std::string name = fmt::format("{}-{}.{}-future", partition.topic, partition.partition, unique);
  if (name.size() > longest) return std::nullopt;
  return name;
}

Io<std::optional<Uuid>> read_partition_metadata(FileSystem& file_system, const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, partition_metadata_file);
  const auto text = file_system.read_text(path);
  if (!text) {
    if (text.error().error_number == ENOENT) return std::optional<Uuid>{};
    return std::unexpected(text.error());
  }
  const std::size_t at = text->find("topic_id:");
  if (at != std::string::npos) {
    const std::string_view value = std::string_view(*text).substr(at + 9);
    if (auto id = Uuid::parse(trim(value.substr(0, value.find('\n')))); id && !id->is_zero()) return id;
  }
  spdlog::warn("{} makes no sense and will be written anew.", path);
  return std::optional<Uuid>{};
}

Io<void> write_partition_metadata(FileSystem& file_system, const std::string& directory, Uuid topic_id) {
  return file_system.replace_file(fmt::format("{}/{}", directory, partition_metadata_file),
                                  fmt::format("version: 0\ntopic_id: {}", topic_id.to_string()), false);
}

}  // namespace storage
