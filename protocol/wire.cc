#include "protocol/wire.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace protocol {
namespace {

constexpr std::size_t max_classic_string = 32767;
constexpr std::size_t max_length = std::numeric_limits<std::int32_t>::max() - 1;

std::string sentence(const char* field, const char* reason) {
  return field == nullptr ? std::string(reason) : fmt::format("Field {} {}", field, reason);
}

}  // namespace

void Reader::fail(const char* reason, const char* field) {
  if (reason_ != nullptr) return;
  reason_ = reason;
  field_ = field;
  next_ = end_;  // nothing more to read: loops over the rest end at once
}

Error Reader::error() const { return Error(ErrorCode::invalid_request, sentence(field_, reason_)); }

std::uint32_t Reader::unsigned_varint() {
  std::uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const auto byte = read<std::uint8_t>();
    value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail("a varint is longer than 5 bytes");
  return 0;
}

std::int32_t Reader::varint() {
  const std::uint32_t bits = unsigned_varint();
  return static_cast<std::int32_t>((bits >> 1) ^ (0 - (bits & 1)));
}

std::int64_t Reader::varlong() {
  std::uint64_t bits = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    const auto byte = read<std::uint8_t>();
    bits |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return static_cast<std::int64_t>((bits >> 1) ^ (0 - (bits & 1)));
  }
  fail("a varlong is longer than 10 bytes");
  return 0;
}

Bytes Reader::raw(std::size_t size) {
  const std::byte* at = take(size);
  return at == nullptr ? Bytes() : Bytes(at, size);
}

// A compact length is one more than the length; 0 stands for null. Lengths beyond 2^31 wrap to negative ones, as Java's
// do.
std::int64_t Reader::string_length(Encoding encoding) {
  if (encoding == Encoding::flexible) return static_cast<std::int32_t>(unsigned_varint() - 1);
  return read<std::int16_t>();
}

std::int64_t Reader::bytes_length(Encoding encoding) {
  if (encoding == Encoding::flexible) return static_cast<std::int32_t>(unsigned_varint() - 1);
  return read<std::int32_t>();
}

std::optional<Bytes> Reader::view(std::int64_t length, const char* field, bool nullable) {
  if (!ok()) return std::nullopt;
  if (length < 0) {
    if (!nullable) fail("is null, which this version does not allow", field);
    return std::nullopt;
  }
  if (remaining() < static_cast<std::size_t>(length)) {
    fail("is longer than the data", field);
    return std::nullopt;
  }
  return raw(static_cast<std::size_t>(length));
}

void Reader::get(std::optional<String>& value, Encoding encoding, const char* field, bool nullable) {
  const std::int64_t length = string_length(encoding);
  if (length > static_cast<std::int64_t>(max_classic_string)) return fail("is longer than 32767 bytes", field);
  const auto bytes = view(length, field, nullable);
  if (bytes) {
    value = String(as_text(*bytes));
  } else {
    value.reset();
  }
}

void Reader::get(String& value, Encoding encoding, const char* field) {
  const std::int64_t length = string_length(encoding);
  if (length > static_cast<std::int64_t>(max_classic_string)) return fail("is longer than 32767 bytes", field);
  if (const auto bytes = view(length, field, false)) value = String(as_text(*bytes));
}

void Reader::get(std::optional<ByteString>& value, Encoding encoding, const char* field, bool nullable) {
  value = view(bytes_length(encoding), field, nullable);
}

void Reader::get(ByteString& value, Encoding encoding, const char* field) {
  if (const auto bytes = view(bytes_length(encoding), field, false)) value = *bytes;
}

void Reader::get(std::optional<Records>& value, Encoding encoding, const char* field, bool nullable) {
  value = view(bytes_length(encoding), field, nullable);
}

void Reader::get(Records& value, Encoding encoding, const char* field) {
  if (const auto bytes = view(bytes_length(encoding), field, false)) value = *bytes;
}

std::int32_t Reader::array_count(Encoding encoding, std::size_t min_element_size, const char* field, bool nullable) {
  const std::int64_t count = bytes_length(encoding);
  if (!ok()) return 0;
  if (count < 0) {
    if (nullable) return -1;
    fail("is null, which this version does not allow", field);
    return 0;
  }
  if (static_cast<std::size_t>(count) > remaining() / min_element_size) {
    fail("has more elements than the data can hold", field);
    return 0;
  }
  return static_cast<std::int32_t>(count);
}

void Reader::charge_elements(std::size_t count, std::size_t element_size) {
  if (count > (element_bytes_max_ - element_bytes_) / element_size) {
    return fail("its elements would take more memory than a message of this size may");
  }
  element_bytes_ += count * element_size;
}

void Reader::get_unknown_tags(std::vector<RawTaggedField>& fields) {
  for (TagReader tags(*this); tags.next();) tags.keep(fields);
}

bool TagReader::next() {
  if (started_ && reader_.position() != end_) reader_.fail("a tagged field has the wrong size");
  if (!reader_.ok() || left_ == 0) return false;
  --left_;
  started_ = true;
  tag_ = reader_.unsigned_varint();
  const std::uint32_t size = reader_.unsigned_varint();
  if (reader_.remaining() < size) reader_.fail("a tagged field is longer than the data");
  end_ = reader_.position() + size;
  return reader_.ok();
}

void TagReader::keep(std::vector<RawTaggedField>& fields) {
  reader_.charge_elements(1, sizeof(RawTaggedField));
  if (!reader_.ok()) return;
  fields.push_back({.tag = tag_, .data = reader_.raw(end_ - reader_.position())});
}

void Writer::clear() {
  size_ = spliced_ = 0;
  splices_.clear();
  reason_ = field_ = nullptr;
}

void Writer::grow(std::size_t more) {
  const std::size_t capacity = std::max<std::size_t>({size_ + more, capacity_ * 2, 128});
  auto data = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (size_ > 0) std::memcpy(data.get(), data_.get(), size_);
  data_ = std::move(data);
  capacity_ = capacity;
}

void Writer::fail(const char* reason, const char* field) {
  if (reason_ != nullptr) return;
  reason_ = reason;
  field_ = field;
}

Error Writer::error() const { return Error(ErrorCode::unsupported_version, sentence(field_, reason_)); }

void Writer::unsigned_varint(std::uint32_t value) {
  reserve(5);
  std::byte* at = data_.get() + size_;
  while (value >= 0x80) {
    *at++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<std::byte>(value);
  size_ = static_cast<std::size_t>(at - data_.get());
}

void Writer::varint(std::int32_t value) {
  unsigned_varint((static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31));
}

void Writer::varlong(std::int64_t value) {
  std::uint64_t bits = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  reserve(10);
  while (bits >= 0x80) {
    data_[size_++] = static_cast<std::byte>(bits | 0x80);
    bits >>= 7;
  }
  data_[size_++] = static_cast<std::byte>(bits);
}

void Writer::raw(Bytes bytes) {
  if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
}

void Writer::string_length(std::size_t size, Encoding encoding, const char* field) {
  if (size > max_classic_string) fail("is longer than 32767 bytes", field);
  if (encoding == Encoding::flexible) {
    unsigned_varint(static_cast<std::uint32_t>(size + 1));
  } else {
    put(static_cast<std::int16_t>(size));
  }
}

void Writer::bytes_length(std::size_t size, Encoding encoding, const char* field) {
  if (size > max_length) fail("is longer than 2^31 - 2 bytes", field);
  if (encoding == Encoding::flexible) {
    unsigned_varint(static_cast<std::uint32_t>(size + 1));
  } else {
    put(static_cast<std::int32_t>(size));
  }
}

void Writer::null_string(Encoding encoding, const char* field, bool nullable) {
  if (!nullable) return fail("is null, which this version of the message does not allow", field);
  if (encoding == Encoding::flexible) return put(std::int8_t{0});
  put(std::int16_t{-1});
}

void Writer::null_bytes(Encoding encoding, const char* field, bool nullable) {
  if (!nullable) return fail("is null, which this version of the message does not allow", field);
  if (encoding == Encoding::flexible) return put(std::int8_t{0});
  put(std::int32_t{-1});
}

void Writer::put(const String& value, Encoding encoding, const char* field) {
  string_length(value.size(), encoding, field);
  raw(as_bytes(value.view()));
}

void Writer::put(const std::optional<String>& value, Encoding encoding, const char* field, bool nullable) {
  if (value) return put(*value, encoding, field);
  null_string(encoding, field, nullable);
}

void Writer::put(const ByteString& value, Encoding encoding, const char* field) {
  bytes_length(value.size(), encoding, field);
  raw(value);
}

void Writer::put(const std::optional<ByteString>& value, Encoding encoding, const char* field, bool nullable) {
  if (value) return put(*value, encoding, field);
  null_bytes(encoding, field, nullable);
}

void Writer::put(const Records& value, Encoding encoding, const char* field) {
  bytes_length(value.size(), encoding, field);
  raw(value.bytes());
  for (const FileRange& range : value.ranges()) {
    splices_.push_back({.position = size_, .range = range});
    spliced_ += static_cast<std::size_t>(range.length);
  }
}

void Writer::put(const std::optional<Records>& value, Encoding encoding, const char* field, bool nullable) {
  if (value) return put(*value, encoding, field);
  null_bytes(encoding, field, nullable);
}

void Writer::array_count(std::optional<std::size_t> count, Encoding encoding, const char* field, bool nullable) {
  if (count) return bytes_length(*count, encoding, field);
  null_bytes(encoding, field, nullable);
}

// The size is mostly below 128, so one byte is left for it; a longer one moves the value up.
std::size_t Writer::begin_tag(std::uint32_t tag) {
  unsigned_varint(tag);
  put(std::uint8_t{0});
  return size_;
}

void Writer::end_tag(std::size_t start) {
  const auto size = static_cast<std::uint32_t>(size_ - start);
  if (!splices_.empty() && splices_.back().position >= start) return fail("puts a file range into a tagged field");
  std::size_t prefix = 1;
  for (std::uint32_t rest = size >> 7; rest != 0; rest >>= 7) ++prefix;
  reserve(prefix + 5);  // for the shift, and for the varint below
  std::memmove(data_.get() + start + prefix - 1, data_.get() + start, size);
  size_ = start - 1;
  unsigned_varint(size);
  size_ += size;
}

void Writer::put_unknown_tags(const std::vector<RawTaggedField>& fields, std::uint32_t first_allowed) {
  for (const RawTaggedField& field : fields) {
    if (field.tag < first_allowed) return fail("has a tag out of order", "unknown_tagged_fields");
    first_allowed = field.tag + 1;
    unsigned_varint(field.tag);
    unsigned_varint(static_cast<std::uint32_t>(field.data.size()));
    raw(field.data);
  }
}

}  // namespace protocol
