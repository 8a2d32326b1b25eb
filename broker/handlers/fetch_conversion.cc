#include "broker/handlers/fetch_conversion.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>
#include <vector>

#include "protocol/records/conversion.h"
#include "protocol/records/record_batch.h"
#include "storage/log.h"
#include "storage/log_config.h"

namespace broker {

using protocol::ApiVersion, protocol::Bytes, protocol::ErrorCode, protocol::fail, protocol::Result;

namespace {

constexpr ApiVersion last_magic_v0 = 1, last_magic_v1 = 3, first_zstd = 10;

// Offset -1, and a length with nothing behind it.
constexpr std::array cut_message = [] {
  std::array<std::byte, 12> message{};
  for (std::size_t i = 0; i < 8; ++i) message[i] = std::byte{0xff};
  message[11] = std::byte{61};
  return message;
}();

Result<void> read_range(const protocol::FileRange& range, std::byte* to) {
  std::int64_t done = 0;
  while (done < range.length) {
    const ssize_t got =
        ::pread(range.fd, to + done, static_cast<std::size_t>(range.length - done), range.position + done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(ErrorCode::kafka_storage_error);
    done += got;
  }
  return {};
}

// The records in memory; a copy when they lie in files.
Result<std::vector<std::byte>> load(const protocol::Records& records) {
  std::vector<std::byte> bytes(records.size());
  std::byte* to = bytes.data();
  for (const protocol::FileRange& range : records.ranges()) {
    if (const auto read = read_range(range, to); !read) return std::unexpected(read.error());
    to += range.length;
  }
  return bytes;
}

// Batch by batch, and no more bytes than the slice had, though the first batch whole: a client gets about as much as it
// asked for, whatever the old format costs. The message that is cut at the end comes with the next request. What can't
// be converted is an error only at the front; behind other records it waits until it stands there.
//
// No batch is whole when the first is larger than the client's limit: then it gets nothing, as from Kafka, where the
// cut bytes of the new format aren't for it. When none of the batches leaves a message, it gets one that is cut off, by
// which it knows that there was something.
Result<std::vector<std::byte>> down_convert_within(Bytes records, std::int8_t magic, protocol::Offset fetch_offset) {
  std::vector<std::byte> out;
  std::size_t room = records.size();
  bool any = false;
  protocol::RecordScratch scratch;
  protocol::BatchReader batches(records);
  protocol::RecordBatchView batch;
  while (out.size() < room && batches.next(batch) == protocol::BatchStatus::ok) {
    any = true;
    const auto converted = protocol::down_convert(batch.bytes(), magic, fetch_offset, scratch);
    if (!converted && out.empty()) return std::unexpected(converted.error());
    if (!converted) break;
    if (out.empty()) room = std::max(room, converted->size());
    out.insert(out.end(), converted->begin(), converted->end());
  }
  if (out.empty() && batches.status() == protocol::BatchStatus::corrupt) return fail(ErrorCode::corrupt_message);
  if (out.empty() && any) return std::vector<std::byte>(cut_message.begin(), cut_message.end());
  out.resize(std::min(out.size(), room));
  return out;
}

FetchConversion::PartitionData refused(protocol::PartitionIndex index, ErrorCode code) {
  FetchConversion::PartitionData data;
  data.partition_index = index;
  data.error_code = code;
  data.high_watermark = -1;
  return data;
}

}  // namespace

bool FetchConversion::concerns(ApiVersion version) { return version < first_zstd; }

bool FetchConversion::needs_work(const PartitionData& data) const {
  return version_ <= last_magic_v1 && data.records && !data.records->empty();
}

void FetchConversion::apply(const storage::Log* log, protocol::Offset fetch_offset, PartitionData& data) const {
  const auto config = log == nullptr ? nullptr : log->config();
  if (config != nullptr && config->compression == storage::TopicCompression::zstd) {
    data = refused(data.partition_index, ErrorCode::unsupported_compression_type);
    return;
  }
  if (version_ > last_magic_v1) return;
  if (config != nullptr && !config->message_downconversion && !for_follower_) {
    data = refused(data.partition_index, ErrorCode::unsupported_version);
    return;
  }
  if (!needs_work(data)) return;
  const ErrorCode code = convert(fetch_offset, data);
  if (code != ErrorCode::none) data = refused(data.partition_index, code);
}

ErrorCode FetchConversion::convert(protocol::Offset fetch_offset, PartitionData& data) const {
  std::vector<std::byte> loaded;
  Bytes records = data.records->bytes();
  if (!data.records->in_memory()) {
    auto read = load(*data.records);
    if (!read) return version_ <= 5 ? ErrorCode::not_leader_or_follower : read.code();
    loaded = std::move(*read);
    records = loaded;
  }
  const std::int8_t magic = version_ <= last_magic_v0 ? protocol::magic_v0 : protocol::magic_v1;
  auto converted = down_convert_within(records, magic, fetch_offset);
  if (!converted) return converted.code();
  data.records.emplace(std::move(*converted));
  return ErrorCode::none;
}

}  // namespace broker
