// Where an ephemeral broker's data lies, and that nothing there waits for the disk.
#include "broker/data_home.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace broker {
namespace {

namespace fs = std::filesystem;

class UnsyncedFileSystemTest : public ::testing::Test {
 protected:
  UnsyncedFileSystemTest() {
    char path[] = "/tmp/data_home_test.XXXXXX";
    directory_ = ::mkdtemp(path);
  }
  ~UnsyncedFileSystemTest() override { fs::remove_all(directory_); }
  std::string file(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_;
  UnsyncedFileSystem unsynced_;
  storage::FileSystem real_;
};

TEST_F(UnsyncedFileSystemTest, FilesHoldWhatWasWritten) {
  ASSERT_TRUE(unsynced_.replace_file(file("a"), "content", true));
  EXPECT_EQ(unsynced_.read_text(file("a")).value_or(""), "content");
  const auto opened = unsynced_.open(file("a"), storage::OpenMode::existing);
  ASSERT_TRUE(opened);
  ASSERT_TRUE((*opened)->truncate(3));
  EXPECT_EQ((*opened)->size().value_or(-1), 3);
  EXPECT_EQ(unsynced_.open(file("missing"), storage::OpenMode::existing).error().error_number, ENOENT);
}

// A pipe has nothing that could be synced, and says so to who tries.
TEST_F(UnsyncedFileSystemTest, FilesAreNotSynced) {
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  const auto really = real_.open(file("pipe"), storage::OpenMode::existing);
  ASSERT_TRUE(really);
  EXPECT_FALSE((*really)->sync());
  const auto opened = unsynced_.open(file("pipe"), storage::OpenMode::existing);
  ASSERT_TRUE(opened);
  EXPECT_TRUE((*opened)->sync());
}

TEST_F(UnsyncedFileSystemTest, NeitherDirectoriesNorVolumesAreSynced) {
  EXPECT_FALSE(real_.sync_directory(file("missing")));
  EXPECT_TRUE(unsynced_.sync_directory(file("missing")));
  EXPECT_TRUE(unsynced_.sync_volume(file("missing")).value_or(false)) << "the logs need sync nothing themselves";
}

// By these names clients see them and move partitions between them.
TEST(DataHome, LogDirectoriesAreNamedFromTheRootOn) {
  BrokerConfig config;
  config.log_dirs = {"/a//b/", "data", "/c/../d", "/"};
  DataHome home;
  ASSERT_TRUE(home.open(config));
  EXPECT_EQ(home.log_dirs(), (std::vector<std::string>{"/a/b", fs::current_path().string() + "/data", "/c/../d", "/"}));
}

TEST(DataHome, TheDirectoryOfAnEphemeralBrokerGoesWithIt) {
  BrokerConfig config;
  config.ephemeral = true;
  DataHome home;
  ASSERT_TRUE(home.open(config));
  ASSERT_EQ(home.log_dirs().size(), 1U);
  const std::string path = home.log_dirs().front();
  EXPECT_TRUE(fs::is_directory(path));
  EXPECT_NE(home.file_system(), nullptr);
  home.close();
  EXPECT_FALSE(fs::exists(path));
}

TEST(DataHome, ADirectoryThatWasNamedStays) {
  BrokerConfig config;
  config.ephemeral = true;
  config.values["log.dirs"] = "/named/by/somebody";
  config.log_dirs = {"/named/by/somebody"};
  DataHome home;
  ASSERT_TRUE(home.open(config));
  EXPECT_EQ(home.log_dirs(), config.log_dirs);
  EXPECT_EQ(home.file_system(), nullptr);
}

TEST(DataHome, TheStoreIsFoundWhateverTheOrderOfTheDirectories) {
  char path[] = "/tmp/data_home_test.XXXXXX";
  const std::string root = ::mkdtemp(path);
  const std::string a = root + "/a", b = root + "/b", c = root + "/c";
  for (const std::string& directory : {a, b, c}) std::filesystem::create_directory(directory);
  const auto store_with = [](const std::vector<std::string>& log_dirs) {
    BrokerConfig config;
    config.log_dirs = log_dirs;
    DataHome home;
    EXPECT_TRUE(home.open(config));
    return home.store_file();
  };
  EXPECT_EQ(store_with({b, a}), b + "/barnabas-metadata.sqlite");
  std::ofstream(a + "/barnabas-metadata.sqlite").close();
  EXPECT_EQ(store_with({b, a}), a + "/barnabas-metadata.sqlite");
  EXPECT_EQ(store_with({c, a, b}), a + "/barnabas-metadata.sqlite");
  fs::remove_all(root);
}

}  // namespace
}  // namespace broker
