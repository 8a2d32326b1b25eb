#include "broker/handlers/init_producer_id.h"

#include <gtest/gtest.h>

#include "broker/test_support.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class InitProducerIdTest : public ::testing::Test {
 protected:
  auto ask(const protocol::InitProducerIdRequest& request) { return loop.handle(handler, request, {.version = 5}); }
  protocol::InitProducerIdRequest idempotent() {
    protocol::InitProducerIdRequest request;
    request.transactional_id.reset();
    return request;
  }

  TestLoop loop;
  protocol::ManualClock clock;
  std::function<void(ProducerIds::BlockResult)> pending;
  ProducerIds ids{[this](auto done) { pending = std::move(done); }, clock};
  InitProducerIdHandler handler{ids, 900'000};
};

TEST_F(InitProducerIdTest, TheFirstProducerWaitsForTheControllersBlock) {
  boost::asio::post(loop.executor(), [this] {
    boost::asio::post(loop.executor(), [this] { pending(coordination::cluster::ProducerIdBlock{3000, 1000}); });
  });
  const auto response = ask(idempotent());
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.producer_id, 3000);
  EXPECT_EQ(response.producer_epoch, 0);
  EXPECT_EQ(ask(idempotent()).producer_id, 3001);
}

TEST_F(InitProducerIdTest, WithoutAControllerProducersMustTryAgain) {
  boost::asio::post(loop.executor(), [this] {
    boost::asio::post(loop.executor(), [this] { pending(protocol::fail(ErrorCode::not_controller)); });
  });
  EXPECT_EQ(ask(idempotent()).error_code, ErrorCode::coordinator_load_in_progress);
}

TEST_F(InitProducerIdTest, TransactionsHaveNoCoordinatorYet) {
  auto request = idempotent();
  request.transactional_id = "tx";
  request.transaction_timeout_ms = 60'000;
  EXPECT_EQ(ask(request).error_code, ErrorCode::coordinator_not_available);
  EXPECT_EQ(ask(request).producer_id, -1);
  request.transaction_timeout_ms = 900'001;
  EXPECT_EQ(ask(request).error_code, ErrorCode::invalid_transaction_timeout);
  request.transactional_id = "";
  EXPECT_EQ(ask(request).error_code, ErrorCode::invalid_request);
}

TEST_F(InitProducerIdTest, IdAndEpochComeTogether) {
  auto request = idempotent();
  request.producer_id = 5;
  EXPECT_EQ(ask(request).error_code, ErrorCode::invalid_request);
}

}  // namespace
}  // namespace broker
