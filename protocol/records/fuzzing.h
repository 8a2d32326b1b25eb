// What the fuzzers of this folder share: a batch made of the fuzzer's bytes whose frame and checksum are right, so that
// the fuzzer gets to what lies inside.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "protocol/records/record_batch.h"

namespace protocol::testing {

// Copies the bytes and corrects magic (to 0, 1 or 2), length and checksum; empty when they are too few.
inline std::vector<std::byte> framed(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> batch(bytes, bytes + size);
  if (size < batch_v2::header_size) return {};
  const auto magic = static_cast<std::int8_t>(static_cast<std::uint8_t>(batch[batch_v2::magic]) % 3);
  batch[batch_v2::magic] = static_cast<std::byte>(magic);
  store_be(batch.data() + batch_v2::length, static_cast<std::int32_t>(size - batch_length_overhead));
  RecordBatchView view;
  if (RecordBatchView::parse(batch, view) != BatchStatus::ok) __builtin_trap();
  store_be(batch.data() + (magic == magic_v2 ? batch_v2::crc : message::crc), view.computed_crc());
  return batch;
}

inline constexpr std::size_t fuzzing_limit = std::size_t{1} << 22;

}  // namespace protocol::testing
