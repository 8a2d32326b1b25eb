#include "broker/dispatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "broker/handlers/api_versions.h"
#include "broker/network/address_watch.h"
#include "broker/test_support.h"
#include "protocol/messages/heartbeat.h"

namespace broker {
namespace {

using protocol::ErrorCode;
using testing::HasSubstr;

// Answers with what the test says; fails, closes or stays silent by the group's name.
class ScriptedHandler {
 public:
  using Request = protocol::HeartbeatRequest;
  using Response = protocol::HeartbeatResponse;
  awaitable<Response> handle(RequestContext& context, const Request& request) const {
    if (request.group_id == "throw") throw std::runtime_error("on purpose");
    if (request.group_id == "close") context.close_connection();
    if (request.group_id == "again and again") context.refuse_to_answer();
    if (request.group_id == "silent") context.suppress_response();
    Response response;
    response.error_code = ErrorCode::rebalance_in_progress;
    response.throttle_time_ms = request.generation_id;
    co_return response;
  }
};

class DispatchTest : public testing::Test {
 protected:
  DispatchTest() {
    apis_.add<ApiVersionsHandler>({.advertised = {0, 4}}, apis_, [] { return std::int64_t{7}; });
    apis_.add<ScriptedHandler>({.advertised = {0, 4}});
    apis_.freeze();
  }

  template <typename Request>
  std::vector<std::byte> frame_of(const Request& request, protocol::ApiVersion version) {
    protocol::Writer writer;
    writer.put(static_cast<std::int16_t>(Request::api_key));
    writer.put(version);
    writer.put(std::int32_t{42});
    writer.put(std::optional<protocol::String>("me"), protocol::Encoding::classic, "client_id", true);
    if (version >= Request::first_flexible_version) writer.unsigned_varint(0);
    request.encode(writer, version);
    return writer.to_vector();
  }

  Reply dispatch(std::vector<std::byte> frame) {
    Reply reply;
    loop_.run(run(frame, reply));
    return reply;
  }

  ApiTable apis_;
  Metrics metrics_;
  TestLoop loop_;
  std::optional<Dispatcher> dispatcher_{std::in_place, apis_, metrics_};

 private:
  awaitable<bool> run(std::span<std::byte> frame, Reply& reply) {
    const RequestSource source{.executor = loop_.executor(), .connection = loop_.connection()};
    co_await dispatcher_->dispatch(source, frame, reply);
    co_return true;
  }
};

protocol::HeartbeatRequest heartbeat(const char* group) {
  protocol::HeartbeatRequest request;
  request.group_id = group;
  request.generation_id = 5;
  request.member_id = "m";
  return request;
}

TEST_F(DispatchTest, AnswersWithAWholeFrameAtEveryVersion) {
  for (protocol::ApiVersion version = 0; version <= 4; ++version) {
    const Reply reply = dispatch(frame_of(heartbeat("g"), version));
    ASSERT_EQ(reply.action, Reply::Action::send);
    protocol::Reader reader(reply.response.bytes());
    EXPECT_EQ(reader.read<std::int32_t>(), static_cast<std::int32_t>(reply.response.size()) - 4);
    EXPECT_EQ(reader.read<std::int32_t>(), 42);
    if (version >= 4) {
      EXPECT_EQ(reader.unsigned_varint(), 0u);
    }
    const auto response = protocol::HeartbeatResponse::decode(reader, version);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->error_code, ErrorCode::rebalance_in_progress);
    EXPECT_EQ(reader.remaining(), 0u);
  }
}

TEST_F(DispatchTest, ApiVersionsListsTheTableAndTheFeaturesEpoch) {
  protocol::ApiVersionsRequest request;
  request.client_software_name = "test";
  request.client_software_version = "1.0";
  const Reply reply = dispatch(frame_of(request, 3));
  ASSERT_EQ(reply.action, Reply::Action::send);
  protocol::Reader reader(reply.response.bytes().subspan(8));  // no tagged fields in this header
  const auto response = protocol::ApiVersionsResponse::decode(reader, 3);
  ASSERT_TRUE(response);
  ASSERT_EQ(response->api_keys.size(), 2u);
  EXPECT_EQ(response->api_keys[0].api_key, 12);
  EXPECT_EQ(response->api_keys[1].api_key, 18);
  EXPECT_EQ(response->api_keys[1].max_version, 4);
  EXPECT_EQ(response->finalized_features_epoch, 7);
  EXPECT_EQ(loop_.connection().software_name, "test");
}

TEST_F(DispatchTest, ApiVersionsRefusesSoftwareNamesOutsideKip511) {
  for (const char* name : {"", "-a", "a-", "a b", "a_b", "\xc3\xa4"}) {
    protocol::ApiVersionsRequest request;
    request.client_software_name = name;
    request.client_software_version = "1.0";
    const Reply reply = dispatch(frame_of(request, 3));
    protocol::Reader reader(reply.response.bytes().subspan(8));
    EXPECT_EQ(protocol::ApiVersionsResponse::decode(reader, 3)->error_code, ErrorCode::invalid_request) << name;
  }
}

TEST_F(DispatchTest, AnUnknownVersionOfApiVersionsIsAnsweredAsVersion0) {
  std::vector<std::byte> frame = frame_of(protocol::ApiVersionsRequest{}, 0);
  frame[3] = std::byte{99};
  const Reply reply = dispatch(frame);
  ASSERT_EQ(reply.action, Reply::Action::send);
  protocol::Reader reader(reply.response.bytes().subspan(4));
  EXPECT_EQ(reader.read<std::int32_t>(), 42);
  const auto response = protocol::ApiVersionsResponse::decode(reader, 0);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->error_code, ErrorCode::unsupported_version);
  ASSERT_EQ(response->api_keys.size(), 1u);
  EXPECT_EQ(response->api_keys[0].api_key, 18);
  EXPECT_EQ(response->api_keys[0].max_version, 4);
}

TEST_F(DispatchTest, UnknownApisAndVersionsCloseWithAReason) {
  std::vector<std::byte> unknown_api = frame_of(heartbeat("g"), 0);
  unknown_api[1] = std::byte{77};
  EXPECT_THAT(dispatch(unknown_api).reason, HasSubstr("API key 77"));
  std::vector<std::byte> unknown_version = frame_of(heartbeat("g"), 0);
  unknown_version[3] = std::byte{9};
  const Reply reply = dispatch(unknown_version);
  EXPECT_EQ(reply.action, Reply::Action::close);
  EXPECT_THAT(reply.reason, HasSubstr("v0 to v4"));
}

TEST_F(DispatchTest, EveryTruncationOfARequestCloses) {
  for (const protocol::ApiVersion version : {0, 4}) {
    const std::vector<std::byte> whole = frame_of(heartbeat("g"), version);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Reply reply = dispatch({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
      EXPECT_EQ(reply.action, Reply::Action::close) << size;
      EXPECT_FALSE(reply.reason.empty());
    }
  }
}

TEST_F(DispatchTest, ARequestThatDecodesToFarMoreThanItsBytesCloses) {
  protocol::HeartbeatRequest bloated = heartbeat("g");
  for (std::uint32_t tag = 0; tag < 2'000'000; ++tag) bloated.unknown_tagged_fields.push_back({.tag = tag, .data = {}});
  const Reply reply = dispatch(frame_of(bloated, 4));
  EXPECT_EQ(reply.action, Reply::Action::close);
  EXPECT_THAT(reply.reason, HasSubstr("more memory"));
}

TEST_F(DispatchTest, AHandlerMayAskForSilenceOrForTheConnectionsEnd) {
  EXPECT_EQ(dispatch(frame_of(heartbeat("silent"), 4)).action, Reply::Action::nothing);
  const Reply closing = dispatch(frame_of(heartbeat("close"), 4));
  EXPECT_EQ(closing.action, Reply::Action::close);
  EXPECT_TRUE(closing.quiet);
}

TEST_F(DispatchTest, ARequestThatAsksForTheSameTooOftenCloses) {
  const Reply reply = dispatch(frame_of(heartbeat("again and again"), 4));
  EXPECT_EQ(reply.action, Reply::Action::close);
  EXPECT_FALSE(reply.quiet);
  EXPECT_THAT(reply.reason, HasSubstr("asks for the same"));
}

TEST_F(DispatchTest, AFailingHandlerClosesInsteadOfCrashing) {
  EXPECT_EQ(dispatch(frame_of(heartbeat("throw"), 4)).action, Reply::Action::close);
}

TEST_F(DispatchTest, CountsRequestsByApiAndVersion) {
  dispatch(frame_of(heartbeat("g"), 3));
  dispatch(frame_of(heartbeat("g"), 3));
  EXPECT_EQ(metrics_.request(12).requests_by_version[3].value(), 2);
  EXPECT_EQ(metrics_.request(12).total_time_us.count(), 2);
  const auto rebalances = static_cast<std::size_t>(ErrorCode::rebalance_in_progress) + 1;
  EXPECT_EQ(metrics_.request(12).answers_by_error[rebalances].value(), 2);
}

TEST_F(DispatchTest, AClientThatWorksWhereItAskedIsNotLost) {
  AddressWatch addresses;
  dispatcher_.emplace(apis_, metrics_, &addresses);
  ConnectionInfo& connection = loop_.connection();
  connection.local_port = 9092;
  connection.is_watched = addresses.told(connection, "me", "elsewhere", 9092);
  ASSERT_TRUE(connection.is_watched);
  dispatch(frame_of(protocol::ApiVersionsRequest(), 0));
  EXPECT_TRUE(connection.is_watched) << "that was on the way only";
  dispatch(frame_of(heartbeat("g"), 4));
  EXPECT_FALSE(connection.is_watched);
  addresses.due(0);
  EXPECT_TRUE(addresses.due(AddressWatch::patience_ms).empty());
}

TEST(ApiTable, RefusesVersionsThatTheCodecDoesNotKnowAndDuplicates) {
  ApiTable apis;
  EXPECT_THROW(apis.add<ScriptedHandler>({.advertised = {0, 99}}), std::logic_error);
  apis.add<ScriptedHandler>({.advertised = {0, 4}});
  EXPECT_THROW(apis.add<ScriptedHandler>({.advertised = {0, 4}}), std::logic_error);
}

}  // namespace
}  // namespace broker
