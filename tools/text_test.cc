#include "tools/text.h"

#include <gtest/gtest.h>

#include <limits>

#include "tools/json_writer.h"

namespace tools {
namespace {

using protocol::as_bytes;

TEST(Text, KnowsUtf8) {
  EXPECT_TRUE(is_utf8("plain ä € 😀"));
  EXPECT_FALSE(is_utf8("\xff"));
  EXPECT_FALSE(is_utf8("\xc0\x80"));      // an overlong zero
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));  // half of a surrogate pair
  EXPECT_FALSE(is_utf8("\xe2\x82"));      // cut off
}

TEST(Text, EncodesBase64) {
  EXPECT_EQ(base64(as_bytes("")), "");
  EXPECT_EQ(base64(as_bytes("a")), "YQ==");
  EXPECT_EQ(base64(as_bytes("ab")), "YWI=");
  EXPECT_EQ(base64(as_bytes("abc")), "YWJj");
  EXPECT_EQ(base64(as_bytes("\xff\xfe")), "//4=");
}

TEST(Text, ShowsWhatATerminalCanShow) {
  EXPECT_EQ(printable(as_bytes("a\nb\x1b\xff")), "a\\nb\\x1b\\xff");
  EXPECT_EQ(printable(as_bytes("äbc"), 3), "äbc");
  EXPECT_EQ(printable(as_bytes("äbcd"), 3), "äb…");
  EXPECT_EQ(printable(as_bytes(""), 3), "");
}

TEST(Text, GroupsDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

TEST(Text, RoundsSizes) {
  EXPECT_EQ(data_size(999), "999 B");
  EXPECT_EQ(data_size(1000), "1.0 KB");
  EXPECT_EQ(data_size(12'345'678), "12 MB");
}

TEST(Text, ReadsAndWritesTimes) {
  EXPECT_EQ(utc_time(0), "1970-01-01 00:00:00.000");
  EXPECT_EQ(utc_time(1'714'564'800'123), "2024-05-01 12:00:00.123");
  EXPECT_EQ(utc_time(-1), "-");
  EXPECT_EQ(parse_time("1714564800123"), 1'714'564'800'123);
  EXPECT_EQ(parse_time("2024-05-01T12:00"), 1'714'564'800'000);
  EXPECT_EQ(parse_time("2024-05-01T12:00:00Z"), 1'714'564'800'000);
  EXPECT_EQ(parse_time("1970-01-02"), 86'400'000);
  EXPECT_EQ(parse_time("yesterday"), std::nullopt);
}

TEST(Text, ReadsDurations) {
  EXPECT_EQ(parse_duration("500ms"), 500);
  EXPECT_EQ(parse_duration("90s"), 90'000);
  EXPECT_EQ(parse_duration("15m"), 900'000);
  EXPECT_EQ(parse_duration("1h30m"), 5'400'000);
  EXPECT_EQ(parse_duration("7d"), 604'800'000);
  EXPECT_EQ(parse_duration("PT1H30M"), 5'400'000);
  EXPECT_EQ(parse_duration("P1DT12H"), 129'600'000);
  EXPECT_EQ(parse_duration("P2D"), 172'800'000);
  for (const char* wrong : {"", "P", "PT", "5", "s", "-5s", "5 s", "5y", "1H", "PT1h", "P1M", "999999999999999d"}) {
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
  }
}

TEST(Text, WrapsAtBlanks) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrapped_words("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrapped_words("äöü äöü", 7), (Lines{"äöü äöü"})) << "characters, not bytes";
  EXPECT_EQ(wrapped_words("muchtoolong a", 4), (Lines{"muchtoolong", "a"}));
}

TEST(Tables, AlignColumnsAndWrapTheLast) {
  Table table({"ID", "NAME"}, 24);
  table.add({"1", "short"});
  table.add({"200", "one,two,three,four,five"});
  EXPECT_EQ(table.text(),
            "ID   NAME\n"
            "1    short\n"
            "200  one,two,three,four,\n"
            "     five\n");
}

TEST(Json, SeparatesAndEscapes) {
  JsonWriter json;
  json.begin_object().field("a", 1).field("b", "x\"\n").name("c").begin_array().value(true).null().end_array();
  json.name("d").begin_object().end_object().end_object();
  EXPECT_EQ(json.text(), R"({"a":1,"b":"x\"\u000a","c":[true,null],"d":{}})");
}

TEST(Json, WritesNumbersThatAreNotWhole) {
  JsonWriter json;
  json.begin_array().value(1.5).value(104857600.0).value(std::numeric_limits<double>::infinity()).end_array();
  EXPECT_EQ(json.text(), "[1.5,104857600,null]");
}

TEST(Json, KeepsBytesThatAreNoText) {
  JsonWriter json;
  json.begin_object().bytes_field("key", std::nullopt).bytes_field("value", as_bytes("\xff")).end_object();
  EXPECT_EQ(json.text(), R"({"key":null,"value_base64":"/w=="})");
}

}  // namespace
}  // namespace tools
