// Behaviour that all generated messages share, on a few of them; compat-tests/vectors compares all with Kafka's own.
#include <gtest/gtest.h>

#include "protocol/api_key.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/request_header.h"
#include "protocol/messages/update_metadata.h"

namespace protocol {
namespace {

template <typename Message>
Result<Message> recoded(const Message& message, std::int16_t version, Writer& writer) {
  message.encode(writer, version);
  EXPECT_TRUE(writer.ok()) << writer.error().message;
  Reader reader(writer.bytes());
  return Message::decode(reader, version);
}

TEST(Messages, AFetchResponseComesBackEqual) {
  FetchResponse response{.throttle_time_ms = 5, .session_id = 77};
  response.responses.push_back({.topic_id = Uuid{.bytes = {std::byte{1}}}});
  response.responses[0].partitions.push_back(
      {.partition_index = 3, .high_watermark = 9, .current_leader = {.leader_id = 2, .leader_epoch = 4}});
  response.responses[0].partitions[0].records = Records(std::vector<std::byte>(10));
  Writer writer;
  const auto back = recoded(response, 17, writer);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, response);
}

TEST(Messages, FieldsOfOtherVersionsAreDroppedWhenIgnorable) {
  FetchResponse response{.throttle_time_ms = 5};
  Writer writer;
  const auto back = recoded(response, 0, writer);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->throttle_time_ms, 0);
}

TEST(Messages, FieldsOfOtherVersionsAreAnErrorWhenNotIgnorable) {
  ProduceRequest request{.transactional_id = "t"};
  Writer writer;
  request.encode(writer, 2);
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().message, "Field transactional_id is set, but this version of the message does not have it");
}

TEST(Messages, NullAndEmptyArraysDiffer) {
  MetadataRequest all{.topics = std::nullopt};
  MetadataRequest none;
  Writer first, second;
  all.encode(first, 9);
  none.encode(second, 9);
  EXPECT_NE(first.to_vector(), second.to_vector());
  Writer old;
  all.encode(old, 0);  // version 0 asks for all topics with an empty list
  EXPECT_FALSE(old.ok());
}

TEST(Messages, ArraysTakeNoMoreMemoryThanIsAllowed) {
  ProduceRequest request;
  request.topic_data.emplace_back().partition_data.resize(100'000);
  Writer writer;
  request.encode(writer, 9);
  const std::size_t needed =
      sizeof(ProduceRequest::TopicProduceData) + 100'000 * sizeof(ProduceRequest::PartitionProduceData);

  Reader enough(writer.bytes(), needed);
  EXPECT_TRUE(ProduceRequest::decode(enough, 9));
  EXPECT_EQ(enough.element_bytes(), needed);
  Reader too_little(writer.bytes(), needed - 1);
  const auto refused = ProduceRequest::decode(too_little, 9);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.code(), ErrorCode::invalid_request);
}

TEST(Messages, TagsTakeNoMoreMemoryThanIsAllowed) {
  ApiVersionsRequest request{.client_software_name = "a", .client_software_version = "b"};
  for (std::uint32_t tag = 0; tag < 1000; ++tag) request.unknown_tagged_fields.push_back({.tag = tag, .data = {}});
  Writer writer;
  request.encode(writer, 3);
  Reader reader(writer.bytes(), 999 * sizeof(RawTaggedField));
  EXPECT_FALSE(ApiVersionsRequest::decode(reader, 3));
}

TEST(Messages, UnknownVersionsAreRefused) {
  Reader reader(Bytes{});
  EXPECT_EQ(ProduceRequest::decode(reader, 14).code(), ErrorCode::unsupported_version);
  Writer writer;
  ProduceRequest{}.encode(writer, -1);
  EXPECT_FALSE(writer.ok());
}

TEST(Messages, UnknownTaggedFieldsSurvive) {
  ApiVersionsRequest request{.client_software_name = "x", .client_software_version = "1"};
  request.unknown_tagged_fields.push_back({.tag = 9, .data = ByteString::copy_of("hello")});
  Writer writer;
  const auto back = recoded(request, 3, writer);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, request);
  Writer classic;
  ApiVersionsRequest{.unknown_tagged_fields = request.unknown_tagged_fields}.encode(classic, 2);
  EXPECT_FALSE(classic.ok());
}

TEST(Messages, TaggedFieldsAtTheirDefaultAreNotSent) {
  Writer plain, set;
  FetchRequest{}.encode(plain, 15);
  FetchRequest{.cluster_id = "c"}.encode(set, 15);
  EXPECT_EQ(set.size(), plain.size() + 1 + 1 + 2);  // tag, size, compact string
}

TEST(ApiKeys, KnowNamesAndVersions) {
  ASSERT_NE(find_api(1), nullptr);
  EXPECT_EQ(find_api(1)->name, "Fetch");
  EXPECT_EQ(find_api(1)->versions, (VersionRange{0, 18}));
  EXPECT_EQ(find_api(-1), nullptr);
  EXPECT_EQ(find_api(9999), nullptr);
  EXPECT_EQ(name(ApiKey::offset_for_leader_epoch), "OffsetForLeaderEpoch");
  EXPECT_TRUE(std::ranges::is_sorted(all_apis(), {}, &ApiInfo::key));
}

TEST(ApiKeys, KnowHeaderVersions) {
  EXPECT_EQ(request_header_version(ApiKey::produce, 8), 1);
  EXPECT_EQ(request_header_version(ApiKey::produce, 9), 2);
  EXPECT_EQ(response_header_version(ApiKey::produce, 9), 1);
  EXPECT_EQ(request_header_version(ApiKey::controlled_shutdown, 0), 0);
  EXPECT_EQ(request_header_version(ApiKey::api_versions, 3), 2);
  EXPECT_EQ(response_header_version(ApiKey::api_versions, 3), 0);
  EXPECT_EQ(request_header_version(ApiKey::sasl_handshake, 1), 1);
}

TEST(RequestHeaders, KeepTheOldClientIdEncodingInTheFlexibleVersion) {
  RequestHeader header{.request_api_key = 18, .request_api_version = 3, .correlation_id = 1, .client_id = "ab"};
  Writer writer;
  const auto back = recoded(header, 2, writer);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, header);
  EXPECT_EQ(writer.size(), 2U + 2U + 4U + (2U + 2U) + 1U);
}

}  // namespace
}  // namespace protocol
