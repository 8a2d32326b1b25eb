// The small vocabulary that every folder shares: offsets, times, identifiers.
// Plain aliases where the wire has plain integers, so that generated structs and logic meet without conversions.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace protocol {

using ApiVersion = std::int16_t;
using Offset = std::int64_t;       // position of a record in a partition's log
using TimestampMs = std::int64_t;  // milliseconds since the Unix epoch; -1: none
using LeaderEpoch = std::int32_t;  // -1: none
using PartitionIndex = std::int32_t;
using BrokerId = std::int32_t;       // -1: none
using ProducerId = std::int64_t;     // -1: none
using ProducerEpoch = std::int16_t;  // -1: none

inline constexpr TimestampMs no_timestamp = -1;
inline constexpr LeaderEpoch no_leader_epoch = -1;
inline constexpr ProducerId no_producer_id = -1;
inline constexpr ProducerEpoch no_producer_epoch = -1;

// A topic id as in KIP-516. All zero: none. Its text form is 22 characters of unpadded base64url.
struct Uuid {
  std::array<std::byte, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;
  bool is_zero() const { return *this == Uuid{}; }
  std::string to_string() const;
  static std::optional<Uuid> parse(std::string_view text);
};

// A partition of a topic. text() is Kafka's form and directory name, "topic-3".
struct TopicPartition {
  std::string topic;
  PartitionIndex partition = 0;

  auto operator<=>(const TopicPartition&) const = default;
  std::string text() const { return topic + "-" + std::to_string(partition); }
};

}  // namespace protocol

template <>
struct std::hash<protocol::Uuid> {
  std::size_t operator()(const protocol::Uuid& id) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
  }
};

template <>
struct std::hash<protocol::TopicPartition> {
  std::size_t operator()(const protocol::TopicPartition& tp) const noexcept {
    return std::hash<std::string>{}(tp.topic) * 31 + static_cast<std::size_t>(tp.partition);
  }
};
