#include "broker/config/endpoint.h"

#include <gtest/gtest.h>

namespace broker {
namespace {

const SecurityProtocolMap protocols{{"PLAINTEXT", "PLAINTEXT"}, {"EXTERNAL", "SASL_SSL"}};

std::string error_of(std::string_view value, bool same_port_allowed = false) {
  const auto endpoints = parse_endpoints("listeners", value, protocols, same_port_allowed);
  return endpoints ? "" : endpoints.error().message;
}

TEST(Endpoints, ReadsNamesHostsAndPorts) {
  const auto endpoints = parse_endpoints("listeners", "plaintext://:9092, EXTERNAL://[::1]:9093", protocols, false);
  ASSERT_TRUE(endpoints) << endpoints.error().message;
  ASSERT_EQ(endpoints->size(), 2U);
  EXPECT_EQ((*endpoints)[0], (Endpoint{"PLAINTEXT", "PLAINTEXT", "", 9092}));
  EXPECT_EQ((*endpoints)[1], (Endpoint{"EXTERNAL", "SASL_SSL", "::1", 9093}));
  EXPECT_EQ((*endpoints)[1].text(), "EXTERNAL://[::1]:9093");
}

TEST(Endpoints, SaysWhatIsWrong) {
  EXPECT_EQ(error_of("localhost:9092"),
            "Invalid value localhost:9092 for configuration listeners: a listener is written NAME://host:port");
  EXPECT_EQ(error_of("PLAINTEXT://h:99999"),
            "Invalid value PLAINTEXT://h:99999 for configuration listeners: a port is a number from 0 to 65535");
  EXPECT_EQ(error_of("OTHER://h:1"),
            "Invalid value OTHER://h:1 for configuration listeners: No security protocol defined for listener OTHER in "
            "listener.security.protocol.map");
  EXPECT_NE(error_of("PLAINTEXT://::1:9092"), "");
  EXPECT_NE(error_of("PLAINTEXT://h"), "");
}

TEST(Endpoints, WantsDistinctNamesAndPorts) {
  EXPECT_NE(error_of("PLAINTEXT://a:1,PLAINTEXT://b:2"), "");
  EXPECT_NE(error_of("PLAINTEXT://a:1,EXTERNAL://b:1"), "");
  EXPECT_EQ(error_of("PLAINTEXT://a:1,EXTERNAL://b:1", true), "");
  EXPECT_EQ(error_of("PLAINTEXT://a:0,EXTERNAL://b:0"), "");
  EXPECT_EQ(error_of("PLAINTEXT://127.0.0.1:9092,PLAINTEXT://[::1]:9092"), "");
}

TEST(SecurityProtocols, ReadsTheMap) {
  const auto map = parse_protocol_map("m", "internal:plaintext, EXT:SSL");
  ASSERT_TRUE(map);
  EXPECT_EQ(*map, (SecurityProtocolMap{{"INTERNAL", "PLAINTEXT"}, {"EXT", "SSL"}}));
  EXPECT_FALSE(parse_protocol_map("m", "A:TLS"));
  EXPECT_FALSE(parse_protocol_map("m", "A"));
}

}  // namespace
}  // namespace broker
