// Reader and Writer: the primitive types of Kafka's protocol, in both the classic and the flexible (KIP-482) encoding.
//
// A Reader never reads past its bytes, never allocates by a length it has not checked, and lets decoded arrays take no
// more memory than its owner allows. Its first error sticks: later reads give zeros and empty views, so that decoders
// check once, at the end. A Writer's first error sticks too; what was written is then unusable. Both are plain values
// for one thread.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/byte_string.h"
#include "protocol/bytes.h"
#include "protocol/error_code.h"
#include "protocol/records_field.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace protocol {

// Which encoding of lengths a field uses.
enum class Encoding : bool { classic, flexible };

// A tagged field that the definition does not know: kept on decode, written again on encode (KIP-482).
struct RawTaggedField {
  std::uint32_t tag = 0;
  ByteString data;
  bool operator==(const RawTaggedField&) const = default;
};

// Numbers that lie on the wire as they are, most significant byte first.
template <typename T>
concept WireNumber = (std::integral<T> && !std::same_as<T, bool>) || std::same_as<T, double>;

class Reader {
 public:
  explicit Reader(Bytes bytes) : next_(bytes.data()), begin_(next_), end_(next_ + bytes.size()) {}
  // An element of a byte or two becomes a structure of a hundred: who decodes for strangers bounds them together.
  Reader(Bytes bytes, std::size_t element_bytes_max) : Reader(bytes) { element_bytes_max_ = element_bytes_max; }

  std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }
  std::size_t position() const { return static_cast<std::size_t>(next_ - begin_); }
  bool ok() const { return reason_ == nullptr; }

  // Marks the bytes as malformed; only the first call counts. Both arguments are literals.
  void fail(const char* reason, const char* field = nullptr);
  // The first failure as an invalid_request error; only when !ok().
  Error error() const;

  template <WireNumber T>
  T read() {
    T value{};
    get(value);
    return value;
  }
  template <WireNumber T>
  void get(T& value) {
    if (const std::byte* at = take(sizeof(T))) value = load<T>(at);
  }
  void get(bool& value) { value = read<std::int8_t>() != 0; }
  void get(ErrorCode& value) { value = static_cast<ErrorCode>(read<std::int16_t>()); }
  void get(Uuid& value) {
    if (const std::byte* at = take(sizeof(value.bytes))) std::memcpy(value.bytes.data(), at, sizeof(value.bytes));
  }

  std::uint32_t unsigned_varint();
  std::int32_t varint();        // zigzag, 32 bits
  std::int64_t varlong();       // zigzag, 64 bits
  Bytes raw(std::size_t size);  // exactly `size` bytes, or a failure and an empty view
  void skip(std::size_t size) { raw(size); }

  // Length-prefixed fields. A null where none is allowed is a failure that names `field`. Any negative length is null.
  void get(String& value, Encoding encoding, const char* field);
  void get(std::optional<String>& value, Encoding encoding, const char* field, bool nullable);
  void get(ByteString& value, Encoding encoding, const char* field);
  void get(std::optional<ByteString>& value, Encoding encoding, const char* field, bool nullable);
  void get(Records& value, Encoding encoding, const char* field);
  void get(std::optional<Records>& value, Encoding encoding, const char* field, bool nullable);

  // The element count of an array, or -1 for null (a failure unless `nullable`; 0 after any failure). The count is
  // checked: that many elements of at least `min_element_size` (>= 1) bytes fit into what remains.
  std::int32_t array_count(Encoding encoding, std::size_t min_element_size, const char* field, bool nullable);

  // Counts memory for decoded elements before it is asked for; a failure when that is more than was allowed.
  void charge_elements(std::size_t count, std::size_t element_size);
  std::size_t element_bytes() const { return element_bytes_; }

  // The tag buffer of a structure that knows no tags: everything in it is kept.
  void get_unknown_tags(std::vector<RawTaggedField>& fields);

 private:
  template <WireNumber T>
  static T load(const std::byte* at);
  // The next `size` bytes, or nullptr and a failure when they are not there.
  const std::byte* take(std::size_t size) {
    if (remaining() < size) {
      fail("the data ends too early");
      return nullptr;
    }
    return std::exchange(next_, next_ + size);
  }
  std::int64_t string_length(Encoding encoding);
  std::int64_t bytes_length(Encoding encoding);
  // A length-prefixed view; nullopt for null, with a failure unless `nullable`.
  std::optional<Bytes> view(std::int64_t length, const char* field, bool nullable);

  const std::byte* next_;
  const std::byte* begin_;
  const std::byte* end_;
  std::size_t element_bytes_ = 0;
  std::size_t element_bytes_max_ = std::numeric_limits<std::size_t>::max();
  const char* reason_ = nullptr;
  const char* field_ = nullptr;
};

// Walks the tag buffer of a structure that knows tags:
//   for (TagReader tags(reader); tags.next();) switch (tags.tag()) { case 0: …; break; default: tags.keep(unknown); }
class TagReader {
 public:
  explicit TagReader(Reader& reader) : reader_(reader), left_(reader.unsigned_varint()) {}

  // Moves to the next field. A field that was read must have been read to its very end.
  bool next();
  std::uint32_t tag() const { return tag_; }
  void keep(std::vector<RawTaggedField>& fields);
  // The tag exists, but not in this version of the message.
  void reject() { reader_.fail("a tagged field is not valid in this version"); }

 private:
  Reader& reader_;
  std::uint32_t left_;
  std::uint32_t tag_ = 0;
  std::size_t end_ = 0;  // the reader's position after the current field
  bool started_ = false;
};

// Where a file range belongs in a Writer's buffer: before the byte at `position`.
struct Splice {
  std::size_t position = 0;
  FileRange range;
};

class Writer {
 public:
  Writer() = default;
  explicit Writer(std::size_t capacity) { reserve(capacity); }
  Writer(Writer&&) = default;
  Writer& operator=(Writer&&) = default;

  // What was written so far. Bytes of file ranges are not in it: they belong at the splices' positions, in order.
  Bytes bytes() const { return {data_.get(), size_}; }
  std::span<std::byte> mutable_bytes() { return {data_.get(), size_}; }
  const std::vector<Splice>& splices() const { return splices_; }
  std::vector<Splice> take_splices() { return std::exchange(splices_, {}); }
  std::size_t size() const { return size_; }
  // size() and the file ranges together: the length on the wire.
  std::size_t total_size() const { return size_ + spliced_; }
  std::vector<std::byte> to_vector() const { return {data_.get(), data_.get() + size_}; }

  // Forgets the content and keeps the memory.
  void clear();
  void reserve(std::size_t more) {
    if (capacity_ - size_ < more) grow(more);
  }

  bool ok() const { return reason_ == nullptr; }
  // Marks the output as unusable; only the first call counts. Both arguments are literals.
  void fail(const char* reason, const char* field = nullptr);
  // A field without a default's value in a version that does not have the field.
  void reject(const char* field) { fail("is set, but this version of the message does not have it", field); }
  // The first failure as an unsupported_version error; only when !ok().
  Error error() const;

  template <WireNumber T>
  void put(T value) {
    store(extend(sizeof(T)), value);
  }
  void put(bool value) { put(static_cast<std::int8_t>(value ? 1 : 0)); }
  void put(ErrorCode value) { put(static_cast<std::int16_t>(value)); }
  void put(const Uuid& value) { std::memcpy(extend(sizeof(value.bytes)), value.bytes.data(), sizeof(value.bytes)); }

  void unsigned_varint(std::uint32_t value);
  void varint(std::int32_t value);
  void varlong(std::int64_t value);
  void raw(Bytes bytes);
  // Overwrites a number written before, e.g. a length known only now. REQUIRES position + sizeof(T) <= size().
  template <WireNumber T>
  void patch(std::size_t position, T value) {
    store(data_.get() + position, value);
  }

  void put(const String& value, Encoding encoding, const char* field);
  void put(const std::optional<String>& value, Encoding encoding, const char* field, bool nullable);
  void put(const ByteString& value, Encoding encoding, const char* field);
  void put(const std::optional<ByteString>& value, Encoding encoding, const char* field, bool nullable);
  void put(const Records& value, Encoding encoding, const char* field);
  void put(const std::optional<Records>& value, Encoding encoding, const char* field, bool nullable);

  // An array's count; nullopt is null, a failure unless `nullable`.
  void array_count(std::optional<std::size_t> count, Encoding encoding, const char* field, bool nullable);

  // A known tagged field: begin_tag, its value, end_tag with what begin_tag gave.
  std::size_t begin_tag(std::uint32_t tag);
  void end_tag(std::size_t start);
  // The unknown fields of a tag buffer, whose count was written already. Tags must ascend from `first_allowed`.
  void put_unknown_tags(const std::vector<RawTaggedField>& fields, std::uint32_t first_allowed);
  // A version without tag buffers can't carry unknown tagged fields.
  void reject_unknown_tags(const std::vector<RawTaggedField>& fields) {
    if (!fields.empty()) reject("unknown_tagged_fields");
  }

 private:
  template <WireNumber T>
  static void store(std::byte* at, T value);
  std::byte* extend(std::size_t size) {
    reserve(size);
    return data_.get() + std::exchange(size_, size_ + size);
  }
  void grow(std::size_t more);
  void string_length(std::size_t size, Encoding encoding, const char* field);
  void bytes_length(std::size_t size, Encoding encoding, const char* field);
  void null_string(Encoding encoding, const char* field, bool nullable);
  void null_bytes(Encoding encoding, const char* field, bool nullable);

  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::size_t spliced_ = 0;
  std::vector<Splice> splices_;
  const char* reason_ = nullptr;
  const char* field_ = nullptr;
};

namespace wire_detail {
template <std::size_t size>
struct Unsigned;
template <>
struct Unsigned<1> {
  using type = std::uint8_t;
};
template <>
struct Unsigned<2> {
  using type = std::uint16_t;
};
template <>
struct Unsigned<4> {
  using type = std::uint32_t;
};
template <>
struct Unsigned<8> {
  using type = std::uint64_t;
};

// Swaps between the wire's order and the machine's.
constexpr std::uint8_t swapped(std::uint8_t value) { return value; }
constexpr std::uint16_t swapped(std::uint16_t value) { return __builtin_bswap16(value); }
constexpr std::uint32_t swapped(std::uint32_t value) { return __builtin_bswap32(value); }
constexpr std::uint64_t swapped(std::uint64_t value) { return __builtin_bswap64(value); }
static_assert(std::endian::native == std::endian::little);
}  // namespace wire_detail

template <WireNumber T>
T Reader::load(const std::byte* at) {
  typename wire_detail::Unsigned<sizeof(T)>::type bits;
  std::memcpy(&bits, at, sizeof(bits));
  return std::bit_cast<T>(wire_detail::swapped(bits));
}

template <WireNumber T>
void Writer::store(std::byte* at, T value) {
  const auto bits = wire_detail::swapped(std::bit_cast<typename wire_detail::Unsigned<sizeof(T)>::type>(value));
  std::memcpy(at, &bits, sizeof(bits));
}

}  // namespace protocol
