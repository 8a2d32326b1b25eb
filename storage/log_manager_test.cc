#include "storage/log_manager.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <stop_token>
#include <thread>

#include "storage/data_directory.h"
#include "storage/fault_injection.h"
#include "storage/log_directory.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using protocol::ErrorCode;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_batch;
using ::testing::Not;
using testing::read_all;
using testing::read_file;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using testing::write_file;

constexpr TimestampMs now = 1'700'000'000'000;
const TopicPartition orders_0{"orders", 0};

class LogManagerTest : public ::testing::Test {
 protected:
  LogManagerOptions options() {
    LogManagerOptions options{.log_dirs = {root_.path() + "/a", root_.path() + "/b"}};
    options.on_directory_failure = [this](const std::string& directory, const std::string&) {
      failed_.push_back(directory);
    };
    options.recovery_threads_per_data_dir = 2;
    options.file_system = file_system_;
    options.max_open_files = 20;
    options.default_config.file_delete_delay_ms = 1000;
    return options;
  }

  LoadSummary start(LogManagerOptions chosen) {
    manager_.reset();
    manager_ = std::make_unique<LogManager>(std::move(chosen));
    EXPECT_TRUE(manager_->lock_directories());
    EXPECT_TRUE(manager_->set_identity("cluster", 1, now));
    const auto loaded = manager_->load(now);
    EXPECT_TRUE(loaded);
    return loaded.value_or(LoadSummary{});
  }
  LoadSummary start() { return start(options()); }

  void stop() {
    manager_->shutdown(now);
    manager_.reset();
  }

  std::shared_ptr<Log> create(const TopicPartition& partition, int records = 1) {
    const auto log = manager_->get_or_create(partition, std::nullopt, now);
    EXPECT_TRUE(log) << log.error().text();
    for (int i = 0; i < records; ++i) {
      EXPECT_TRUE((*log)->append_as_leader(make_batch("value", now), 0, AppendOrigin::client, now));
    }
    return *log;
  }

  std::string a(const std::string& name = "") const { return root_.path() + "/a" + (name.empty() ? "" : "/" + name); }
  std::string b(const std::string& name = "") const { return root_.path() + "/b" + (name.empty() ? "" : "/" + name); }

  testing::TemporaryDirectory root_;
  FileSystem* file_system_ = nullptr;
  std::vector<std::string> failed_;
  std::unique_ptr<LogManager> manager_;
};

TEST_F(LogManagerTest, NewLogsGoWhereTheFewestAre) {
  start();
  for (int i = 0; i < 6; ++i) create({"topic", i});
  const auto directories = manager_->directories();
  EXPECT_EQ(directories[0].logs, 3u);
  EXPECT_EQ(directories[1].logs, 3u);
  EXPECT_GT(directories[0].usable_bytes, 0);
}

TEST_F(LogManagerTest, LogsComeBackAfterACleanShutdownAndAreOpenedLazily) {
  start();
  create(orders_0, 5);
  create({"orders", 1}, 7);
  stop();
  EXPECT_TRUE(std::filesystem::exists(a(".kafka_cleanshutdown")));
  const LoadSummary summary = start();
  EXPECT_TRUE(summary.clean);
  EXPECT_EQ(summary.logs, 2u);
  EXPECT_EQ(summary.recovered, 0u);
  EXPECT_FALSE(std::filesystem::exists(a(".kafka_cleanshutdown")));
  EXPECT_THAT(manager_->open_logs(), IsEmpty());
  const auto log = manager_->log({"orders", 1}, now);
  ASSERT_TRUE(log && *log);
  EXPECT_EQ((*log)->log_end_offset(), 7);
  EXPECT_EQ((*log)->recovery_point(), 7);
  EXPECT_EQ(manager_->open_logs().size(), 1u);
}

TEST_F(LogManagerTest, LogsAreRecoveredAfterACrash) {
  start();
  for (int i = 0; i < 20; ++i) create({"orders", i}, 3);
  manager_.reset();  // no shutdown
  const LoadSummary summary = start();
  EXPECT_FALSE(summary.clean);
  EXPECT_EQ(summary.recovered, 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ((*manager_->log({"orders", i}, now))->log_end_offset(), 3);
}

TEST_F(LogManagerTest, ARecoveryThatIsStoppedIsFinishedByTheNextStart) {
  for (const std::string& where : {std::string("topic-5"), std::string("topic-0")}) {
    start();
    for (int i = 0; i < 6; ++i) create({"topic", i}, 3);
    manager_.reset();  // a crash
    testing::FaultyFileSystem disk;
    std::stop_source told;
    disk.fault = [&](std::string_view operation, const std::string& path) {
      if (operation == "open" && path.contains(where)) told.request_stop();
      return 0;
    };
    LogManagerOptions stopping = options();
    stopping.file_system = &disk;
    stopping.stop = told.get_token();
    const LoadSummary summary = start(stopping);
    EXPECT_TRUE(summary.stopped);
    EXPECT_LT(summary.recovered, 6u);
    EXPECT_THAT(failed_, IsEmpty());
    stop();
    const LoadSummary next = start();
    EXPECT_FALSE(next.clean);
    EXPECT_FALSE(next.stopped);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(read_all(*create({"topic", i}, 0)).size() % 3, 0u);
    stop();
    EXPECT_TRUE(start().clean);
    stop();
  }
}

TEST_F(LogManagerTest, CheckpointsKeepTheEntriesOfLogsThatWereNotOpened) {
  start();
  create(orders_0, 5);
  create({"orders", 1}, 7)->update_high_watermark(6);
  stop();
  start();
  manager_->checkpoint_recovery_points(now);
  manager_->checkpoint_high_watermarks(now);
  std::string recovery =
      read_file(a("recovery-point-offset-checkpoint")) + read_file(b("recovery-point-offset-checkpoint"));
  EXPECT_THAT(recovery, HasSubstr("orders 0 5\n"));
  EXPECT_THAT(recovery, HasSubstr("orders 1 7\n"));
  EXPECT_EQ(manager_->checkpointed_high_watermark({"orders", 1}), 6);
  EXPECT_EQ(manager_->checkpointed_high_watermark({"orders", 9}), std::nullopt);
}

TEST_F(LogManagerTest, CheckpointsAreWrittenOnlyWhenSomethingChanged) {
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  start();
  const auto log = create(orders_0, 5);
  manager_->checkpoint_high_watermarks(now);
  int written = 0;
  disk.fault = [&](std::string_view operation, const std::string& path) {
    written += operation == "write" && path.find("replication-offset-checkpoint") != std::string::npos;
    return 0;
  };
  manager_->checkpoint_high_watermarks(now);
  EXPECT_EQ(written, 0);
  log->update_high_watermark(3);
  manager_->checkpoint_high_watermarks(now);
  EXPECT_EQ(written, 1);
  disk.fault = nullptr;
  manager_.reset();
}

TEST_F(LogManagerTest, TheLogStartOffsetSurvivesARestart) {
  start();
  const auto log = create(orders_0, 5);
  log->update_high_watermark(5);
  ASSERT_TRUE(log->increment_log_start_offset(3));
  stop();
  start();
  EXPECT_EQ((*manager_->log(orders_0, now))->log_start_offset(), 3);
}

TEST_F(LogManagerTest, DamagedCheckpointsAreTakenAsEmpty) {
  start();
  create(orders_0, 5);
  stop();
  for (const char* name :
       {"recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "replication-offset-checkpoint"}) {
    write_file(a(name), "0\n17\nnonsense\n");
  }
  start();
  EXPECT_EQ((*manager_->log(orders_0, now))->log_end_offset(), 5);
}

TEST_F(LogManagerTest, UnknownDirectoriesAndFilesAreLeftAlone) {
  start();
  create(orders_0);
  stop();
  for (const std::string& name :
       {"lost+found", "something", "backup-of-orders", "a-b-c", "orders-1.0123-stray", "orders-1.0123-future"}) {
    std::filesystem::create_directory(a(name));
  }
  write_file(a("notes.txt"), "mine");
  const LoadSummary summary = start();
  EXPECT_EQ(summary.logs, 1u);
  manager_->delete_pass(now + 1'000'000);
  EXPECT_TRUE(std::filesystem::exists(a("orders-1.0123-stray")));
  EXPECT_TRUE(std::filesystem::exists(a("lost+found")));
}

TEST_F(LogManagerTest, TwoLogsOfOnePartitionAreRefused) {
  start();
  create(orders_0);
  stop();
  std::filesystem::copy(a("orders-0"), b("orders-0"), std::filesystem::copy_options::recursive);
  LogManager manager(options());
  ASSERT_TRUE(manager.lock_directories());
  const auto loaded = manager.load(now);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().text(), HasSubstr("two logs of orders-0"));
}

TEST_F(LogManagerTest, DeletedLogsVanishAfterTheDelay) {
  start();
  const auto log = create(orders_0, 5);
  const auto slice = log->read({.start_offset = 0, .max_bytes = 1000, .isolation = FetchIsolation::log_end});
  ASSERT_TRUE(slice);
  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  EXPECT_FALSE(manager_->contains(orders_0));
  EXPECT_FALSE(std::filesystem::exists(a("orders-0")));
  EXPECT_EQ(log->append_as_leader(make_batch("late"), 0, AppendOrigin::client, now).code(),
            ErrorCode::kafka_storage_error);
  const auto names = [&] {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(a())) {
      if (entry.is_directory()) found.push_back(entry.path().filename());
    }
    return found;
  };
  ASSERT_THAT(names(), ElementsAre(::testing::MatchesRegex("orders-0\\.[0-9a-f]{32}-delete")));
  manager_->delete_pass(now + 999);
  EXPECT_EQ(names().size(), 1u);
  manager_->delete_pass(now + 1000);
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(testing::records_in(testing::bytes_of(slice->records)).size(), 5u);  // readers keep their file
  create(orders_0, 1);
  EXPECT_EQ((*manager_->log(orders_0, now))->log_end_offset(), 1);
}

TEST_F(LogManagerTest, DeletionGoesOnAfterARestart) {
  start();
  create(orders_0, 5);
  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  stop();
  EXPECT_EQ(start().logs, 0u);
  manager_->delete_pass(now + 1000);
  for (const auto& entry : std::filesystem::directory_iterator(a())) EXPECT_FALSE(entry.is_directory()) << entry;
}

TEST_F(LogManagerTest, StrayLogsStayOnTheDisk) {
  start();
  create(orders_0, 5);
  ASSERT_TRUE(manager_->async_delete(orders_0, now, true));
  manager_->delete_pass(now + 1'000'000);
  int kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(a())) kept += entry.path().string().ends_with("-stray");
  EXPECT_EQ(kept, 1);
}

TEST_F(LogManagerTest, TheTopicIdIsKeptAndAnotherOneRefused) {
  const Uuid first{{std::byte{1}, std::byte{2}}}, second{{std::byte{3}}};
  start();
  ASSERT_TRUE(manager_->get_or_create(orders_0, first, now));
  EXPECT_EQ(read_file(a("orders-0/partition.metadata")), fmt::format("version: 0\ntopic_id: {}", first.to_string()));
  stop();
  start();
  EXPECT_EQ(manager_->get_or_create(orders_0, second, now).code(), ErrorCode::inconsistent_topic_id);
  EXPECT_EQ((*manager_->log(orders_0, now))->topic_id(), first);
}

// Identity and locks

TEST_F(LogManagerTest, MetaPropertiesLookAsKafkaWritesThem) {
  start();
  EXPECT_EQ(read_file(a("meta.properties")),
            "#\n#Tue Nov 14 22:13:20 UTC 2023\nbroker.id=1\ncluster.id=cluster\nversion=0\n");
  EXPECT_EQ(manager_->identity().value(), (DirectoryIdentity{.cluster_id = "cluster", .broker_id = 1}));
}

TEST_F(LogManagerTest, UnknownMetaPropertiesAreKept) {
  std::filesystem::create_directories(a());
  write_file(a("meta.properties"), "version=0\nbroker.id=1\ndirectory.id = abc\n");
  start();
  EXPECT_THAT(read_file(a("meta.properties")), HasSubstr("directory.id=abc\n"));
}

TEST_F(LogManagerTest, DirectoriesOfAnotherClusterOrBrokerAreRefused) {
  start();
  stop();
  LogManager manager(options());
  ASSERT_TRUE(manager.lock_directories());
  const auto other_cluster = manager.set_identity("other", 1, now);
  EXPECT_EQ(other_cluster.code(), ErrorCode::inconsistent_cluster_id);
  EXPECT_THAT(other_cluster.error().text(), AllOf(HasSubstr("'cluster'"), HasSubstr(a("meta.properties"))));
  const auto other_broker = manager.set_identity("cluster", 2, now);
  ASSERT_FALSE(other_broker);
  EXPECT_THAT(other_broker.error().text(), HasSubstr(a("meta.properties")));
  EXPECT_TRUE(manager.set_identity("cluster", 1, now));
}

TEST_F(LogManagerTest, ADirectoryOfKRaftIsRefused) {
  std::filesystem::create_directories(a());
  write_file(a("meta.properties"), "version=1\nnode.id=1\ncluster.id=abc\n");
  LogManager manager(options());
  const auto locked = manager.lock_directories();
  ASSERT_FALSE(locked);
  EXPECT_THAT(locked.error().text(), HasSubstr("version 1"));
}

TEST_F(LogManagerTest, ALockedDirectoryIsRefusedWithAClearMessage) {
  start();
  LogManager second(options());
  const auto locked = second.lock_directories();
  ASSERT_FALSE(locked);
  EXPECT_THAT(locked.error().text(), HasSubstr("in use by another process"));
  stop();
  LogManager third(options());
  EXPECT_TRUE(third.lock_directories());
}

// Failing disks

TEST_F(LogManagerTest, AFailedDirectoryTakesItsLogsOfflineAndTheOthersGoOn) {
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  start();
  const auto first = create({"orders", 0}, 3), second = create({"orders", 1}, 3);
  ASSERT_NE(first->directory().path(), second->directory().path());
  disk.fault = [&](std::string_view operation, const std::string& path) {
    return path.starts_with(a()) && operation == "write" ? EIO : 0;
  };
  EXPECT_EQ(first->append_as_leader(make_batch("x"), 0, AppendOrigin::client, now).code(),
            ErrorCode::kafka_storage_error);
  EXPECT_THAT(failed_, ElementsAre(a()));
  EXPECT_EQ(first->read({.start_offset = 0, .max_bytes = 10}).code(), ErrorCode::kafka_storage_error);
  EXPECT_TRUE(manager_->is_offline({"orders", 0}));
  EXPECT_EQ(manager_->log({"orders", 0}, now).code(), ErrorCode::kafka_storage_error);
  EXPECT_THAT(manager_->online_directories(), ElementsAre(b()));
  EXPECT_TRUE(second->append_as_leader(make_batch("x"), 0, AppendOrigin::client, now));
  create({"orders", 2}, 1);
  create({"orders", 3}, 1);
  EXPECT_THAT(manager_->directories()[1].logs, 3u);
  stop();
  EXPECT_FALSE(std::filesystem::exists(a(".kafka_cleanshutdown")));
  EXPECT_TRUE(std::filesystem::exists(b(".kafka_cleanshutdown")));
  EXPECT_EQ(failed_.size(), 1u);
}

TEST_F(LogManagerTest, AFailedSyncTakesTheDirectoryOffline) {
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  start();
  const auto log = create(orders_0, 3);
  disk.fault = [](std::string_view operation, const std::string&) { return operation == "sync" ? EIO : 0; };
  EXPECT_EQ(log->flush(now).code(), ErrorCode::kafka_storage_error);
  EXPECT_EQ(log->recovery_point(), 0);
  EXPECT_THAT(failed_, ElementsAre(a()));
}

TEST_F(LogManagerTest, AnUnusableDirectoryIsOfflineFromTheStart) {
  write_file(a(), "a file where a directory should be");
  manager_ = std::make_unique<LogManager>(options());
  ASSERT_TRUE(manager_->lock_directories());
  ASSERT_TRUE(manager_->set_identity("cluster", 1, now));
  ASSERT_TRUE(manager_->load(now));
  EXPECT_THAT(manager_->online_directories(), ElementsAre(b()));
  create(orders_0);
}

TEST_F(LogManagerTest, WithoutAnyUsableDirectoryTheStartFails) {
  write_file(a(), "");
  write_file(b(), "");
  LogManager manager(options());
  const auto locked = manager.lock_directories();
  ASSERT_FALSE(locked);
  EXPECT_THAT(locked.error().text(), HasSubstr("None of the log.dirs"));
}

// Many partitions

TEST_F(LogManagerTest, FewFilesAreOpenHoweverManyPartitionsAreInUse) {
  start();
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  const auto before = open_files();
  for (int i = 0; i < 100; ++i) create({"orders", i}, 2);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(read_all(**manager_->log({"orders", i}, now)).size(), 2u);
  EXPECT_LE(open_files(), before + 20);
}

TEST_F(LogManagerTest, ALogThatOpensSlowlyDoesNotHoldUpAllOthers) {
  start();
  for (int i = 0; i < 8; ++i) create({"topic", i}, 3);
  stop();
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  start();
  std::promise<void> another;
  std::atomic<bool> one_opened{false};
  std::future<void> opened = another.get_future();
  disk.fault = [&](std::string_view operation, const std::string& path) {
    if (operation == "list" && path.ends_with("topic-0")) {
      EXPECT_EQ(opened.wait_for(std::chrono::seconds(20)), std::future_status::ready);
    }
    return 0;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      EXPECT_TRUE(manager_->log({"topic", i}, now));
      if (i > 0 && !one_opened.exchange(true)) another.set_value();
    });
  }
  for (std::thread& thread : threads) thread.join();
  manager_.reset();
}

TEST_F(LogManagerTest, UpkeepIsWantedWhileThereIsSome) {
  start();
  const auto log = create(orders_0, 3);
  EXPECT_FALSE(manager_->has_upkeep(now)) << "nothing rolled, and flush.ms says never";
  ASSERT_TRUE(log->roll(now));
  EXPECT_TRUE(manager_->has_upkeep(now));
  for (int i = 0; i < 2; ++i) manager_->flush_pass(now);
  EXPECT_FALSE(manager_->has_upkeep(now));

  LogConfig ages;
  ages.flush_ms = 1000;
  ages.file_delete_delay_ms = 1000;
  log->set_config(std::make_shared<const LogConfig>(ages));
  EXPECT_FALSE(manager_->has_upkeep(now));
  create(orders_0, 1);
  for (int i = 0; i < 3; ++i) {
    manager_->flush_pass(now);
    EXPECT_TRUE(manager_->has_upkeep(now)) << "it isn't old enough yet";
  }
  for (int i = 0; i < 2; ++i) manager_->flush_pass(now + 1000);
  EXPECT_FALSE(manager_->has_upkeep(now + 1000));

  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  EXPECT_FALSE(manager_->has_upkeep(now + 999));
  EXPECT_TRUE(manager_->has_upkeep(now + 1000));
  manager_->delete_pass(now + 1000);
  EXPECT_FALSE(manager_->has_upkeep(now + 1000));
}

TEST_F(LogManagerTest, TopicSettingsReachOpenLogsAndNewOnes) {
  start();
  const auto log = create(orders_0);
  auto config = std::make_shared<LogConfig>();
  config->segment_bytes = 1234;
  manager_->update_topic_config("orders", config);
  EXPECT_EQ(log->config()->segment_bytes, 1234);
  EXPECT_EQ(create({"orders", 1})->config()->segment_bytes, 1234);
  EXPECT_NE(create({"other", 1})->config()->segment_bytes, 1234);
  LogConfig changed;
  changed.segment_bytes = 99;
  manager_->update_default_config(changed);
  EXPECT_EQ((*manager_->log({"other", 1}, now))->config()->segment_bytes, 99);
  EXPECT_EQ(log->config()->segment_bytes, 1234);
}

TEST_F(LogManagerTest, ARecreatedTopicGetsItsOwnSettings) {
  auto current = std::make_shared<LogConfig>();
  auto chosen = options();
  chosen.config_of_topic = [&current](const std::string&) { return current; };
  start(chosen);
  create(orders_0);
  auto short_lived = std::make_shared<LogConfig>();
  short_lived->retention_ms = 1000;
  manager_->update_topic_config("orders", short_lived);
  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  EXPECT_EQ(create(orders_0)->config()->retention_ms, current->retention_ms);
}

TEST_F(LogManagerTest, ManyThreadsMayOpenAppendReadAndTidyUpAtOnce) {
  auto chosen = options();
  chosen.default_config.segment_bytes = 2000;
  chosen.default_config.retention_bytes = 6000;
  chosen.default_config.file_delete_delay_ms = 0;
  start(chosen);
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&, worker] {
      for (int i = 0; i < 300; ++i) {
        const auto log = manager_->get_or_create({"orders", (i + worker) % 3}, std::nullopt, now);
        ASSERT_TRUE(log && *log);
        const auto info = (*log)->append_as_leader(make_batch("value"), 0, AppendOrigin::client, now);
        ASSERT_TRUE(info) << info.error().text();
        (*log)->update_high_watermark(info->last_offset + 1);
        const auto slice = (*log)->read({.start_offset = info->first_offset, .max_bytes = 500});
        ASSERT_TRUE(slice || slice.code() == ErrorCode::offset_out_of_range);
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 30; ++i) {
      manager_->retention_pass(now);
      manager_->flush_pass(now);
      manager_->delete_pass(now);
      manager_->checkpoint_recovery_points(now);
      manager_->checkpoint_high_watermarks(now);
      manager_->checkpoint_log_start_offsets(now);
      manager_->producer_expiry_pass(now);
    }
  });
  for (std::thread& thread : threads) thread.join();
  Offset total = 0;
  for (int i = 0; i < 3; ++i) total += (*manager_->log({"orders", i}, now))->log_end_offset();
  EXPECT_EQ(total, 4 * 300);
  EXPECT_THAT(failed_, IsEmpty());
}

}  // namespace
}  // namespace storage
