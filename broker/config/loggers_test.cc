#include "broker/config/loggers.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace broker {
namespace {

class Loggers : public testing::Test {
 protected:
  static std::string error_of(std::string logger, AlterOperation operation, std::optional<std::string> value) {
    const auto changed = change_log_levels({{std::move(logger), operation, std::move(value)}}, false);
    return changed ? "" : changed.error().message;
  }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

TEST_F(Loggers, SetTheLevelOfEverything) {
  EXPECT_EQ(error_of("root", AlterOperation::set, "ERROR"), "");
  EXPECT_EQ(spdlog::get_level(), spdlog::level::err);
  EXPECT_EQ(root_log_level(), "ERROR");
}

TEST_F(Loggers, RefuseAsKafkaDoes) {
  EXPECT_EQ(error_of("kafka.server", AlterOperation::set, "INFO"), "Logger kafka.server does not exist!");
  EXPECT_EQ(error_of("root", AlterOperation::set, "LOUD"),
            "Cannot set the log level of root to LOUD as it is not a supported log level. Valid log levels are DEBUG, "
            "ERROR, FATAL, INFO, TRACE, WARN");
  EXPECT_EQ(error_of("root", AlterOperation::remove, std::nullopt),
            "Removing the log level of the root logger is not allowed");
  EXPECT_EQ(error_of("root", AlterOperation::append, "INFO"),
            "APPEND operation is not allowed for the BROKER_LOGGER resource");
}

TEST_F(Loggers, CheckEverythingBeforeChangingAnything) {
  EXPECT_FALSE(change_log_levels({{"root", AlterOperation::set, "ERROR"}, {"x", AlterOperation::set, "INFO"}}, false));
  EXPECT_TRUE(change_log_levels({{"root", AlterOperation::set, "ERROR"}}, true));
  EXPECT_EQ(root_log_level(), "INFO");
}

}  // namespace
}  // namespace broker
