#include "broker/handlers/list_config_resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "broker/test_support.h"
#include "protocol/messages/update_metadata.h"

namespace broker {
namespace {

using protocol::ErrorCode;
using Resources = std::vector<std::pair<int, std::string>>;

class ListConfigResources : public testing::Test {
 protected:
  ListConfigResources() {
    protocol::UpdateMetadataRequest update;
    update.live_brokers.resize(1);
    update.live_brokers[0].id = 7;
    update.topic_states.resize(1);
    update.topic_states[0].topic_name = "t";
    update.topic_states[0].topic_id.bytes[0] = std::byte{1};
    update.topic_states[0].partition_states.resize(1);
    metadata_.update(update);
  }

  Resources listed(std::vector<std::int8_t> types, protocol::ApiVersion version) {
    protocol::ListConfigResourcesRequest request;
    request.resource_types = std::move(types);
    const auto response = loop_.handle(handler_, request, {.version = version});
    EXPECT_EQ(response.error_code, ErrorCode::none);
    Resources resources;
    for (const auto& resource : response.config_resources) {
      resources.emplace_back(resource.resource_type, resource.resource_name.str());
    }
    return resources;
  }

  MetadataCache metadata_;
  ListConfigResourcesHandler handler_{metadata_};
  TestLoop loop_;
};

TEST_F(ListConfigResources, ListsEverythingWhenNoTypeIsNamed) {
  EXPECT_EQ(listed({}, 1), (Resources{{2, "t"}, {4, "7"}, {8, "7"}}));
}

TEST_F(ListConfigResources, ListsTheTypesAskedFor) {
  EXPECT_EQ(listed({4}, 1), (Resources{{4, "7"}}));
  EXPECT_EQ(listed({16, 32}, 1), Resources());
}

TEST_F(ListConfigResources, OldVersionListsClientMetricsOfWhichThereAreNone) { EXPECT_EQ(listed({}, 0), Resources()); }

TEST_F(ListConfigResources, RefusesTypesNobodyKnows) {
  protocol::ListConfigResourcesRequest request;
  request.resource_types = {2, 99};
  const auto response = loop_.handle(handler_, request, {.version = 1});
  EXPECT_EQ(response.error_code, ErrorCode::unsupported_version);
  EXPECT_TRUE(response.config_resources.empty());
}

}  // namespace
}  // namespace broker
