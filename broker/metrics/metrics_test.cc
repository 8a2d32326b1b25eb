#include "broker/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broker {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string_view no_name(std::int16_t) { return "Some"; }

TEST(Histogram, QuantileLiesWithinAFifthAboveTheValue) {
  for (const std::int64_t value : {0LL, 1LL, 3LL, 4LL, 7LL, 100LL, 12345LL, 1LL << 30}) {
    Histogram histogram;
    histogram.record(value);
    EXPECT_GE(histogram.quantile(0.5), value);
    EXPECT_LE(histogram.quantile(0.5), value + value / 4);
  }
}

TEST(Histogram, QuantilesFollowTheDistribution) {
  Histogram histogram;
  for (int i = 0; i < 99; ++i) histogram.record(10);
  histogram.record(1000);
  EXPECT_LT(histogram.quantile(0.99), 20);
  EXPECT_GE(histogram.quantile(0.999), 1000);
  EXPECT_EQ(histogram.count(), 100);
  EXPECT_EQ(histogram.sum(), 99 * 10 + 1000);
}

TEST(Histogram, HugeAndNegativeValuesStayInRange) {
  Histogram histogram;
  histogram.record(-5);
  histogram.record(INT64_MAX);
  EXPECT_EQ(histogram.count(), 2);
  EXPECT_EQ(histogram.quantile(0.1), 0);
}

TEST(Metrics, ShowsTotalsAndTopicsUnderKafkasNames) {
  Metrics metrics;
  metrics.all_topics().bytes_in.add(100);
  metrics.topic("a\"b")->bytes_in.add(7);
  const std::string text = metrics.render(no_name);
  EXPECT_THAT(text, HasSubstr("kafka_server_brokertopicmetrics_bytesin_total 100\n"));
  EXPECT_THAT(text, HasSubstr("kafka_server_brokertopicmetrics_bytesin_total{topic=\"a\\\"b\"} 7\n"));
}

TEST(Metrics, AForgottenTopicIsNoLongerShown) {
  Metrics metrics;
  metrics.topic("gone")->bytes_in.add(7);
  metrics.forget_topic("gone");
  EXPECT_THAT(metrics.render(no_name), Not(HasSubstr("gone")));
}

TEST(Metrics, TopicsBeyondTheBoundShareOneHiddenEntry) {
  Metrics metrics;
  for (int i = 0; i < 5000; ++i) metrics.topic("t" + std::to_string(i));
  EXPECT_EQ(metrics.topic("one more"), metrics.topic("and another"));
  EXPECT_THAT(metrics.render(no_name), Not(HasSubstr("one more")));
}

TEST(Metrics, CountsRequestsByApiAndVersion) {
  Metrics metrics;
  metrics.request(3).requests_by_version[12].add();
  const std::string text = metrics.render([](std::int16_t key) { return key == 3 ? "Metadata" : "?"; });
  EXPECT_THAT(text, HasSubstr("kafka_network_requestmetrics_requests_total{request=\"Metadata\",version=\"12\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kafka_network_requestmetrics_totaltimems_count{request=\"Metadata\"} 0\n"));
}

TEST(Metrics, CountsErrorsByApiAndCode) {
  Metrics metrics;
  metrics.request(3).count_error(protocol::ErrorCode::none);
  metrics.request(3).count_error(protocol::ErrorCode::unknown_server_error);
  metrics.request(3).count_error(static_cast<protocol::ErrorCode>(32'000));
  const std::string text = metrics.render([](std::int16_t) { return "Metadata"; });
  EXPECT_THAT(text, HasSubstr("kafka_network_requestmetrics_errors_total{request=\"Metadata\",error=\"NONE\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("request=\"Metadata\",error=\"UNKNOWN_SERVER_ERROR\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("request=\"Metadata\",error=\"UNKNOWN_ERROR_CODE\"} 1\n"));
}

TEST(Metrics, GaugesOfOneNameShareAHeading) {
  Metrics metrics;
  metrics.gauge("g", "Some gauge.", [] { return 1.5; }, {{"directory", "/a"}});
  metrics.gauge("g", "Some gauge.", [] { return 2; }, {{"directory", "/b"}});
  EXPECT_THAT(metrics.render(no_name), HasSubstr("# TYPE g gauge\ng{directory=\"/a\"} 1.5\ng{directory=\"/b\"} 2\n"));
}

TEST(Metrics, GaugesOfAGroupAreAskedForOnce) {
  Metrics metrics;
  int asked = 0;
  metrics.gauges({{"one", "The first."}, {"two", "The second."}}, [&] {
    ++asked;
    return std::vector<double>{1, 2.5};
  });
  const std::string text = metrics.render(no_name);
  EXPECT_THAT(text, HasSubstr("# HELP one The first.\n# TYPE one gauge\none 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE two gauge\ntwo 2.5\n"));
  EXPECT_EQ(asked, 1);
}

TEST(Metrics, GaugesMayComeAndGo) {
  Metrics metrics;
  std::vector<Metrics::Sample> now = {{"kafka_x", {{"user", "a\"b"}}, 1.5}, {"kafka_x", {{"user", "c"}}, 2}};
  metrics.samples("X.", [&] { return now; });
  const auto text = [&] { return metrics.render([](std::int16_t) { return std::string_view(); }); };
  EXPECT_NE(text().find("# TYPE kafka_x gauge\nkafka_x{user=\"a\\\"b\"} 1.5\nkafka_x{user=\"c\"} 2\n"),
            std::string::npos);
  now.clear();
  EXPECT_EQ(text().find("kafka_x"), std::string::npos);
}

}  // namespace
}  // namespace broker
