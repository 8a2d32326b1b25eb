// What the tests, fuzzers and benchmarks of this folder share: records that own their bytes, random ones, and whole
// batches. Not part of the library. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "protocol/records/record.h"
#include "protocol/records/record_batch.h"
#include "protocol/records/record_batch_builder.h"

namespace protocol::testing {

struct OwnedRecord {
  Offset offset = 0;
  TimestampMs timestamp = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;

  bool operator==(const OwnedRecord&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const OwnedRecord& record) {
    return out << record.offset << '@' << record.timestamp << ' ' << record.key.value_or("(null)").substr(0, 40) << '='
               << record.value.value_or("(null)").substr(0, 40) << " +" << record.headers.size();
  }
};

inline std::optional<std::string> owned(const std::optional<Bytes>& bytes) {
  return bytes ? std::optional(std::string(as_text(*bytes))) : std::nullopt;
}

inline std::optional<Bytes> borrowed(const std::optional<std::string>& text) {
  return text ? std::optional(as_bytes(*text)) : std::nullopt;
}

inline OwnedRecord owned(const RecordView& record) {
  OwnedRecord copy{
      .offset = record.offset, .timestamp = record.timestamp, .key = owned(record.key), .value = owned(record.value)};
  for (const RecordHeader& header : record.headers) copy.headers.emplace_back(header.key, owned(header.value));
  return copy;
}

inline void append(RecordBatchBuilder& builder, const OwnedRecord& record) {
  std::vector<RecordHeader> headers;
  for (const auto& [key, value] : record.headers) headers.push_back({key, borrowed(value)});
  builder.append(record.timestamp, borrowed(record.key), borrowed(record.value), headers);
}

inline std::vector<std::byte> build(const BatchOptions& options, const std::vector<OwnedRecord>& records) {
  RecordBatchBuilder builder(options);
  for (const OwnedRecord& record : records) append(builder, record);
  return builder.build().value();
}

// All records of all batches; an error ends the walk.
inline Result<std::vector<OwnedRecord>> read_all(Bytes bytes, RecordLimits limits = {}) {
  std::vector<OwnedRecord> all;
  RecordScratch scratch;
  BatchReader batches(bytes);
  RecordBatchView batch;
  while (batches.next(batch) == BatchStatus::ok) {
    RecordReader reader(batch, scratch, RecordReader::Wanted::all, limits);
    RecordView record;
    while (reader.next(record)) all.push_back(owned(record));
    if (auto read = reader.finish(); !read) return std::unexpected(read.error());
  }
  if (batches.status() == BatchStatus::corrupt) return fail(ErrorCode::corrupt_message, std::string(batches.reason()));
  return all;
}

inline std::string random_text(std::mt19937& random, std::size_t max_size) {
  std::string text(random() % (max_size + 1), ' ');
  const bool compressible = random() % 2 == 0;
  for (char& c : text) c = static_cast<char>(compressible ? 'a' + random() % 3 : random());
  return text;
}

inline std::optional<std::string> random_nullable(std::mt19937& random, std::size_t max_size) {
  return random() % 5 == 0 ? std::nullopt : std::optional(random_text(random, max_size));
}

// Records at offsets 0, 1, 2 …, headers only for magic 2, timestamps -1 for magic 0.
inline std::vector<OwnedRecord> random_records(std::mt19937& random, std::size_t count, std::int8_t magic,
                                               std::size_t max_size = 300) {
  std::vector<OwnedRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    OwnedRecord record{
        .offset = static_cast<Offset>(i),
        .timestamp = magic == magic_v0 ? no_timestamp : 1'700'000'000'000 + static_cast<int>(random() % 100'000),
        .key = random_nullable(random, 20),
        .value = random_nullable(random, max_size)};
    for (auto left = magic == magic_v2 ? random() % 3 : 0; left > 0; --left) {
      // Names of headers are UTF-8 by contract.
      record.headers.emplace_back(std::string(random() % 10, 'h') + std::to_string(random() % 1000),
                                  random_nullable(random, 20));
    }
    records.push_back(std::move(record));
  }
  return records;
}

// Every codec that a magic allows.
inline std::vector<CompressionType> codecs_of(std::int8_t magic) {
  std::vector<CompressionType> codecs = {CompressionType::none, CompressionType::gzip, CompressionType::snappy,
                                         CompressionType::lz4};
  if (magic == magic_v2) codecs.push_back(CompressionType::zstd);
  return codecs;
}

}  // namespace protocol::testing
