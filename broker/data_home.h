// DataHome: where a broker's data lies: the configured log directories, or, for an ephemeral broker, a temporary
// directory that goes when the broker does.
// Used by the thread that starts and stops the broker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/config/broker_config.h"
#include "protocol/result.h"
#include "storage/file_system.h"

namespace broker {

// The real file system without its syncs.
class UnsyncedFileSystem final : public storage::FileSystem {
 public:
  storage::Io<std::shared_ptr<storage::File>> open(const std::string& path, storage::OpenMode mode) override;
  storage::Io<void> sync_directory(const std::string& path) override;
  storage::Io<bool> sync_volume(const std::string& directory) override;
};

class DataHome {
 public:
  DataHome() = default;
  ~DataHome();
  DataHome(const DataHome&) = delete;
  DataHome& operator=(const DataHome&) = delete;

  // Makes the temporary directory if there shall be one. Errors: kafka_storage_error.
  protocol::Result<void> open(const BrokerConfig& config);

  // Removes the temporary directory. Nothing in it may be used any more.
  void close();

  const std::vector<std::string>& log_dirs() const { return log_dirs_; }
  bool is_temporary() const { return !temporary_.empty(); }

  // What the logs shall use. In a temporary directory nothing waits for the disk: no file of it outlives the broker.
  // Valid as long as this object.
  storage::FileSystem* file_system() { return is_temporary() ? &unsynced_ : nullptr; }

  // The embedded metadata store's file: in the first of the log directories that has one, else in the first of all. So
  // the directories may be named in another order, and others put before them.
  std::string store_file() const;

 private:
  std::vector<std::string> log_dirs_;
  std::string temporary_;
  UnsyncedFileSystem unsynced_;
};

}  // namespace broker
