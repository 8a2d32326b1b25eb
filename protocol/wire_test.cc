#include "protocol/wire.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

namespace protocol {
namespace {

constexpr std::int64_t int64_min = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int32_t int32_min = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t int32_max = std::numeric_limits<std::int32_t>::max();

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

template <typename Write>
std::vector<std::byte> written(Write write) {
  Writer writer;
  write(writer);
  EXPECT_TRUE(writer.ok());
  return writer.to_vector();
}

TEST(Wire, NumbersAreBigEndian) {
  EXPECT_EQ(written([](Writer& w) { w.put(std::int16_t{0x0102}); }), bytes_of({1, 2}));
  EXPECT_EQ(written([](Writer& w) { w.put(std::int32_t{-2}); }), bytes_of({255, 255, 255, 254}));
  EXPECT_EQ(written([](Writer& w) { w.put(std::uint32_t{0xfffffffe}); }), bytes_of({255, 255, 255, 254}));
  EXPECT_EQ(written([](Writer& w) { w.put(std::int64_t{1}); }), bytes_of({0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(written([](Writer& w) { w.put(1.0); }), bytes_of({0x3f, 0xf0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(written([](Writer& w) { w.put(true); }), bytes_of({1}));
}

TEST(Wire, NumbersComeBack) {
  Writer writer;
  writer.put(int64_min);
  writer.put(std::uint16_t{65535});
  writer.put(-0.25);
  writer.put(ErrorCode::unknown_server_error);
  Reader reader(writer.bytes());
  EXPECT_EQ(reader.read<std::int64_t>(), int64_min);
  EXPECT_EQ(reader.read<std::uint16_t>(), 65535);
  EXPECT_EQ(reader.read<double>(), -0.25);
  ErrorCode code{};
  reader.get(code);
  EXPECT_EQ(code, ErrorCode::unknown_server_error);
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_TRUE(reader.ok());
}

TEST(Wire, VarintsHaveTheKnownEncodings) {
  EXPECT_EQ(written([](Writer& w) { w.unsigned_varint(0); }), bytes_of({0}));
  EXPECT_EQ(written([](Writer& w) { w.unsigned_varint(127); }), bytes_of({127}));
  EXPECT_EQ(written([](Writer& w) { w.unsigned_varint(300); }), bytes_of({0xac, 2}));
  EXPECT_EQ(written([](Writer& w) { w.unsigned_varint(0xffffffff); }), bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f}));
  EXPECT_EQ(written([](Writer& w) { w.varint(-1); }), bytes_of({1}));
  EXPECT_EQ(written([](Writer& w) { w.varint(64); }), bytes_of({0x80, 1}));
  EXPECT_EQ(written([](Writer& w) { w.varlong(int64_min); }),
            bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}));
}

TEST(Wire, VarintsComeBackAtEveryLength) {
  for (const std::int64_t value : {int64_min, std::int64_t{int32_min}, std::int64_t{-8193}, std::int64_t{-65},
                                   std::int64_t{-1}, std::int64_t{0}, std::int64_t{63}, std::int64_t{64},
                                   std::int64_t{8191}, std::int64_t{8192}, std::int64_t{int32_max}, int64_max}) {
    Writer writer;
    writer.varlong(value);
    writer.varint(static_cast<std::int32_t>(value));
    Reader reader(writer.bytes());
    EXPECT_EQ(reader.varlong(), value);
    EXPECT_EQ(reader.varint(), static_cast<std::int32_t>(value));
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.remaining(), 0U);
  }
}

TEST(Wire, RefusesVarintsThatNeverEnd) {
  const auto five = bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0});
  Reader reader(five);
  EXPECT_EQ(reader.unsigned_varint(), 0U);
  EXPECT_FALSE(reader.ok());
  const std::vector<std::byte> eleven(11, std::byte{0x80});
  Reader longer(eleven);
  longer.varlong();
  EXPECT_FALSE(longer.ok());
}

TEST(Wire, StringsInBothEncodings) {
  const String text("abc");
  EXPECT_EQ(written([&](Writer& w) { w.put(text, Encoding::classic, "f"); }), bytes_of({0, 3, 'a', 'b', 'c'}));
  EXPECT_EQ(written([&](Writer& w) { w.put(text, Encoding::flexible, "f"); }), bytes_of({4, 'a', 'b', 'c'}));
  const std::optional<String> none;
  EXPECT_EQ(written([&](Writer& w) { w.put(none, Encoding::classic, "f", true); }), bytes_of({255, 255}));
  EXPECT_EQ(written([&](Writer& w) { w.put(none, Encoding::flexible, "f", true); }), bytes_of({0}));
}

TEST(Wire, BytesInBothEncodings) {
  const auto content = bytes_of({9, 8});
  const ByteString value{Bytes(content)};
  EXPECT_EQ(written([&](Writer& w) { w.put(value, Encoding::classic, "f"); }), bytes_of({0, 0, 0, 2, 9, 8}));
  EXPECT_EQ(written([&](Writer& w) { w.put(value, Encoding::flexible, "f"); }), bytes_of({3, 9, 8}));
  const std::optional<ByteString> none;
  EXPECT_EQ(written([&](Writer& w) { w.put(none, Encoding::classic, "f", true); }), bytes_of({255, 255, 255, 255}));
}

TEST(Wire, DecodedStringsAreViewsOfTheFrame) {
  const auto frame = bytes_of({0, 2, 'h', 'i'});
  Reader reader(frame);
  String text;
  reader.get(text, Encoding::classic, "f");
  EXPECT_EQ(text, "hi");
  EXPECT_EQ(static_cast<const void*>(text.view().data()), frame.data() + 2);
}

TEST(Wire, NullIsRefusedWhereTheVersionForbidsIt) {
  const auto frame = bytes_of({255, 255});
  Reader reader(frame);
  String text;
  reader.get(text, Encoding::classic, "group_id");
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().code, ErrorCode::invalid_request);
  EXPECT_EQ(reader.error().message, "Field group_id is null, which this version does not allow");

  Writer writer;
  writer.put(std::optional<String>(), Encoding::classic, "group_id", false);
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().code, ErrorCode::unsupported_version);
}

TEST(Wire, NothingIsReadPastTheEnd) {
  const auto frame = bytes_of({0, 9, 'a'});
  Reader reader(frame);
  std::optional<String> text = "before";
  reader.get(text, Encoding::classic, "f", true);
  EXPECT_FALSE(reader.ok());
  EXPECT_FALSE(text.has_value());
  EXPECT_EQ(reader.read<std::int64_t>(), 0);  // the failure sticks
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(Wire, TheFirstFailureIsTheOneReported) {
  Reader reader(Bytes{});
  reader.fail("is first", "a");
  reader.fail("is second", "b");
  EXPECT_EQ(reader.error().message, "Field a is first");
}

TEST(Wire, ArrayCountsAreCheckedAgainstWhatRemains) {
  const auto frame = bytes_of({0, 0, 0, 3, 1, 2, 3, 4, 5});
  Reader fits(frame);
  EXPECT_EQ(fits.array_count(Encoding::classic, 1, "f", false), 3);
  EXPECT_TRUE(fits.ok());
  Reader too_many(frame);
  EXPECT_EQ(too_many.array_count(Encoding::classic, 2, "f", false), 0);
  EXPECT_FALSE(too_many.ok());
  const auto huge = bytes_of({0x7f, 0xff, 0xff, 0xff, 0});
  Reader refuses(huge);
  EXPECT_EQ(refuses.array_count(Encoding::classic, 1, "f", false), 0);
  EXPECT_FALSE(refuses.ok());
}

TEST(Wire, ElementsTakeNoMoreMemoryThanIsAllowed) {
  const std::vector<std::byte> bytes(100);
  Reader reader(bytes, 1000);
  reader.charge_elements(3, 300);
  reader.charge_elements(1, 100);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.element_bytes(), 1000U);
  reader.charge_elements(1, 1);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(Wire, NullArraysAreMinusOne) {
  const auto frame = bytes_of({0, 255, 255, 255, 255});
  Reader reader(frame);
  EXPECT_EQ(reader.array_count(Encoding::flexible, 1, "f", true), -1);
  EXPECT_EQ(reader.array_count(Encoding::classic, 1, "f", true), -1);
  EXPECT_TRUE(reader.ok());
}

TEST(Wire, UnknownTagsAreKeptAndWrittenAgain) {
  const auto frame = bytes_of({2, 7, 1, 42, 200, 1, 0});  // tag 7: one byte; tag 200: none
  Reader reader(frame);
  std::vector<RawTaggedField> fields;
  reader.get_unknown_tags(fields);
  ASSERT_TRUE(reader.ok());
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].tag, 7U);
  EXPECT_EQ(fields[1].tag, 200U);
  EXPECT_EQ(written([&](Writer& w) {
              w.unsigned_varint(2);
              w.put_unknown_tags(fields, 0);
            }),
            frame);
}

TEST(Wire, TagsOutOfOrderCanNotBeWritten) {
  Writer writer;
  writer.put_unknown_tags({{.tag = 5}, {.tag = 5}}, 0);
  EXPECT_FALSE(writer.ok());
  Writer below;
  below.put_unknown_tags({{.tag = 1}}, 2);
  EXPECT_FALSE(below.ok());
}

TEST(Wire, AKnownTagMustBeReadToItsEnd) {
  const auto frame = bytes_of({1, 0, 3, 1, 2, 3});
  Reader reader(frame);
  TagReader tags(reader);
  ASSERT_TRUE(tags.next());
  EXPECT_EQ(tags.tag(), 0U);
  reader.read<std::int16_t>();
  EXPECT_FALSE(tags.next());
  EXPECT_FALSE(reader.ok());
}

TEST(Wire, TagSizesOfEveryLengthAreFitted) {
  for (const std::size_t size : {0U, 1U, 126U, 127U, 128U, 129U, 16383U, 16384U, 70000U}) {
    Writer writer;
    const std::vector<std::byte> content(size, std::byte{0x5a});
    const std::size_t start = writer.begin_tag(3);
    writer.raw(content);
    writer.end_tag(start);
    Reader reader(writer.bytes());
    EXPECT_EQ(reader.unsigned_varint(), 3U);
    EXPECT_EQ(reader.unsigned_varint(), size);
    EXPECT_EQ(ByteString(reader.raw(size)), ByteString(Bytes(content)));
    EXPECT_EQ(reader.remaining(), 0U);
    EXPECT_TRUE(reader.ok());
  }
}

TEST(Wire, FileRangesBecomeSplicesBetweenTheBytes) {
  Writer writer;
  writer.put(std::int16_t{1});
  const Records records(std::vector<FileRange>{{.fd = 3, .position = 100, .length = 40}, {.fd = 4, .length = 2}});
  writer.put(records, Encoding::classic, "records");
  writer.put(std::int8_t{9});
  EXPECT_EQ(writer.to_vector(), bytes_of({0, 1, 0, 0, 0, 42, 9}));
  ASSERT_EQ(writer.splices().size(), 2U);
  EXPECT_EQ(writer.splices()[0].position, 6U);
  EXPECT_EQ(writer.splices()[0].range.position, 100);
  EXPECT_EQ(writer.splices()[1].position, 6U);
  EXPECT_EQ(writer.total_size(), 49U);
}

TEST(Wire, StringsBeyondTheLimitAreRefused) {
  Writer writer;
  writer.put(String(std::string(32768, 'x')), Encoding::flexible, "f");
  EXPECT_FALSE(writer.ok());

  Writer raw;
  raw.unsigned_varint(32769);
  raw.raw(std::vector<std::byte>(32768));
  Reader reader(raw.bytes());
  String text;
  reader.get(text, Encoding::flexible, "f");
  EXPECT_FALSE(reader.ok());
}

TEST(Wire, PatchOverwritesInPlace) {
  Writer writer;
  writer.put(std::int32_t{0});
  writer.put(std::int8_t{5});
  writer.patch(0, static_cast<std::int32_t>(writer.size() - 4));
  EXPECT_EQ(writer.to_vector(), bytes_of({0, 0, 0, 1, 5}));
}

TEST(Wire, OwnedBytesOutliveTheirSource) {
  ByteString value;
  {
    const auto source = bytes_of({1, 2, 3});
    value = ByteString::copy_of(Bytes(source));
  }
  const ByteString copy = value;
  value = ByteString();
  EXPECT_EQ(copy, ByteString(bytes_of({1, 2, 3})));
}

}  // namespace
}  // namespace protocol
