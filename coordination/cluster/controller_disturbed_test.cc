// What a controller does when the store changes between two reads, when a read fails, and when a broker moves while it
// is being told something.
#include "coordination/cluster/controller_test.h"

namespace coordination::cluster {
namespace {

TEST_F(ControllerTest, PartitionsAddedWhileANewTopicIsReadGetLeaders) {
  Member& member = add_member(0);
  ASSERT_TRUE(eventually([&] { return member.controller.is_active(); }));
  member.seen.after_next_read(path::topic("t"), [&] { grow_topic("t", 2); });
  create_topic("t", {{0, {0}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  EXPECT_TRUE(led_by({"t", 1}, 0));
}

TEST_F(ControllerTest, PartitionsAddedWhileAControllerTakesOverGetLeaders) {
  add_member(0);
  Member& next = add_member(1);
  create_topic("t", {{0, {1}}});
  ASSERT_TRUE(led_by({"t", 0}, 1));
  next.seen.after_next_read(path::topic("t"), [&] { grow_topic("t", 2, {{{1}}}); });
  remove_member(0);
  EXPECT_TRUE(led_by({"t", 1}, 1));
}

TEST_F(ControllerTest, AnAddressThatChangesWhileItsBrokerIsReadReachesTheBrokers) {
  Member& member = add_member(0);
  ASSERT_TRUE(eventually([&] { return member.controller.is_active(); }));
  auto moved = Member::registration(1);
  moved.endpoints[0].port = 19093;
  member.seen.after_next_read(path::broker_id(1), [&] { ASSERT_TRUE(update_broker_registration(*session_, moved)); });
  add_member(1);
  EXPECT_TRUE(eventually([&] { return brokers_.has_been_told_of(0, "PLAINTEXT", 19093); }));
}

TEST_F(ControllerTest, AReadThatFailedBeforeDoesNotHideABrokerThatWentAway) {
  Member& member = add_member(0);
  add_member(1);
  create_topic("t", {{0, {1, 0}}});
  ASSERT_TRUE(led_by({"t", 0}, 1));
  ASSERT_TRUE(eventually([&] { return brokers_.hosted(0, {"t", 0}).has_value(); }));
  member.seen.fail_read(path::topic("t"));
  grow_topic("t", 2);
  ASSERT_TRUE(eventually([&] { return !member.seen.has_failures_left(); }));
  member.controller.drain();
  remove_member(1);
  EXPECT_TRUE(led_by({"t", 0}, 0));
}

TEST_F(ControllerTest, AControllerThatCouldNotReadWhatItElectsLeadersForStartsAgain) {
  add_member(0);
  Member& next = add_member(1);
  create_topic("t", {{0, {0, 1}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  // It is read with the cluster, when the lost broker leaves the in-sync set, and for the election.
  next.seen.fail_read(path::partition_state("t", 0), 2);
  lose_member(0);
  EXPECT_TRUE(led_by({"t", 0}, 1));
  EXPECT_TRUE(eventually([&] { return next.controller.epoch() == 3; }));
}

TEST_F(ControllerTest, AControllerThatCannotReadTheClusterStandsAgainOnceItCan) {
  add_member(0);
  Member& next = add_member(1);
  create_topic("t", {{0, {0, 1}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  next.seen.fail_read(path::topic("t"), 0, 4);
  remove_member(0);
  EXPECT_TRUE(led_by({"t", 0}, 1));
  EXPECT_FALSE(next.seen.has_failures_left());
}

TEST_F(ControllerTest, AControllerThatCannotReadTheClusterLetsOthersStandMeanwhile) {
  add_member(0);
  election_pause_ = std::chrono::hours(1);
  Member& blind = add_member(1);
  create_topic("t", {{0, {0, 1}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  blind.seen.fail_read(path::topic("t"), 0, 1000);
  remove_member(0);
  ASSERT_TRUE(eventually([&] { return blind.controller.epoch() == 2; }));
  ASSERT_TRUE(eventually([&] { return !exists(path::controller); }));
  for (int i = 0; i < 3; ++i) blind.controller.drain();
  EXPECT_EQ(blind.controller.epoch(), 2) << "it doesn't try again at once";
  Member& seeing = add_member(2);
  EXPECT_TRUE(eventually([&] { return seeing.controller.is_active(); }));
}

TEST_F(ControllerTest, ANewSessionEndsThePauseBeforeTheNextElection) {
  election_pause_ = std::chrono::hours(1);
  add_member(0);
  Member& next = add_member(1);
  create_topic("t", {{0, {0, 1}}});
  ASSERT_TRUE(led_by({"t", 0}, 0));
  next.seen.fail_read(path::topic("t"));
  remove_member(0);
  ASSERT_TRUE(eventually([&] { return !next.seen.has_failures_left(); }));
  next.controller.session_expired();
  next.controller.session_renewed();
  EXPECT_TRUE(eventually([&] { return next.controller.is_active(); }));
}

TEST_F(ControllerTest, RequestsThatWaitReachABrokerThatAnnouncesAnotherClientAddress) {
  add_member(0);
  auto registration = Member::registration(1);
  registration.endpoints.push_back({"CLIENTS", "localhost", 20001, SecurityProtocol::plaintext});
  Member& moving = add_member(1, registration);
  ASSERT_TRUE(eventually([&] { return brokers_.has_been_told_of(0, "CLIENTS", 20001); }));
  brokers_.hold(1);
  create_topic("t", {{0, {1}}});
  ASSERT_TRUE(led_by({"t", 0}, 1));
  registration.endpoints[1].port = 20002;
  ASSERT_TRUE(moving.membership.update_endpoints(registration.endpoints));
  ASSERT_TRUE(eventually([&] { return brokers_.has_been_told_of(0, "CLIENTS", 20002); }));
  brokers_.release(1);
  EXPECT_TRUE(eventually([&] { return brokers_.hosted(1, {"t", 0}).has_value(); }));
  EXPECT_EQ(brokers_.times_opened(1), 1);
}

TEST_F(ControllerTest, ABrokerThatMovesIsToldAgainWhatItMayHaveMissed) {
  add_member(0);
  Member& moving = add_member(1);
  create_topic("doomed", {{0, {1}}});
  ASSERT_TRUE(eventually([&] { return brokers_.hosted(1, {"doomed", 0}).has_value(); }));
  brokers_.hold(1);
  create_topic("t", {{0, {1}}});
  ASSERT_TRUE(led_by({"t", 0}, 1));
  delete_topic("doomed");
  ASSERT_TRUE(eventually([&] { return !brokers_.knows(0, {"doomed", 0}); }));
  auto endpoints = Member::registration(1).endpoints;
  endpoints[0].port = 19093;
  ASSERT_TRUE(moving.membership.update_endpoints(endpoints));
  ASSERT_TRUE(eventually([&] { return brokers_.has_been_told_of(0, "PLAINTEXT", 19093); }));
  brokers_.release(1);
  EXPECT_TRUE(eventually([&] { return brokers_.hosted(1, {"t", 0}).has_value(); }));
  EXPECT_TRUE(eventually([&] { return !exists(path::topic("doomed")); }));
  EXPECT_EQ(brokers_.times_opened(1), 2) << "the old way leads to where the broker isn't any more";
}

}  // namespace
}  // namespace coordination::cluster
