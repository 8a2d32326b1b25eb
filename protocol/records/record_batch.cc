#include "protocol/records/record_batch.h"

#include "protocol/records/crc32c.h"

namespace protocol {
namespace {

// Bytes that a batch of this format has at least, so that its header may be read.
std::size_t smallest_size(std::int8_t magic) {
  if (magic == magic_v0) return message::overhead_v0;
  return magic == magic_v1 ? message::overhead_v1 : batch_v2::header_size;
}

// Bytes of the header, without what varies in length.
std::size_t header_size(std::int8_t magic) {
  if (magic == magic_v0) return message::key_size_v0;
  return magic == magic_v1 ? message::key_size_v1 : batch_v2::header_size;
}

BatchStatus corrupt(std::string_view* reason, std::string_view why) {
  if (reason != nullptr) *reason = why;
  return BatchStatus::corrupt;
}

}  // namespace

BatchStatus parse_batch_header(Bytes bytes, BatchHeader& header, std::string_view* reason) {
  if (bytes.empty()) return BatchStatus::end;
  if (bytes.size() < batch_length_overhead) return BatchStatus::incomplete;
  const auto length = load_be<std::int32_t>(bytes.data() + batch_v2::length);
  constexpr auto smallest_length = static_cast<std::int32_t>(message::overhead_v0 - batch_length_overhead);
  if (length < smallest_length) return corrupt(reason, "the length field is smaller than any batch can be");
  if (bytes.size() < batch_prefix_size) return BatchStatus::incomplete;
  const auto magic = load_be<std::int8_t>(bytes.data() + batch_v2::magic);
  if (magic < magic_v0 || magic > magic_v2) return corrupt(reason, "the magic byte is none of 0, 1 and 2");
  const std::size_t size = batch_length_overhead + static_cast<std::size_t>(length);
  if (size < smallest_size(magic))
    return corrupt(reason, "the length field is smaller than the header of the batch's format");
  if (bytes.size() < header_size(magic)) return BatchStatus::incomplete;
  header = BatchHeader(bytes.data(), size);
  return BatchStatus::ok;
}

BatchStatus RecordBatchView::parse(Bytes bytes, RecordBatchView& batch, std::string_view* reason) {
  BatchHeader header;
  const BatchStatus status = parse_batch_header(bytes, header, reason);
  if (status != BatchStatus::ok) return status;
  if (bytes.size() < header.size()) return BatchStatus::incomplete;
  batch = RecordBatchView(header);
  return BatchStatus::ok;
}

std::uint32_t RecordBatchView::computed_crc() const {
  return is_v2() ? crc32c(bytes().subspan(batch_v2::attributes)) : crc32(bytes().subspan(message::magic));
}

BatchStatus BatchReader::next(RecordBatchView& batch) {
  if (status_ != BatchStatus::ok) return status_;
  status_ = RecordBatchView::parse(bytes_.subspan(position_), batch, &reason_);
  if (status_ == BatchStatus::ok) position_ += batch.size();
  return status_;
}

}  // namespace protocol
