// The files that mark a log.dir as a whole: .lock, meta.properties, .kafka_cleanshutdown. As Kafka's, so that either
// broker respects the other's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "storage/file_system.h"
#include "storage/log_manager.h"

namespace storage {

inline constexpr std::string_view lock_file = ".lock";
inline constexpr std::string_view meta_properties_file = "meta.properties";
inline constexpr std::string_view clean_shutdown_file = ".kafka_cleanshutdown";

// Holds the lock of a directory against other processes and other managers; gives it up when destroyed.
class DirectoryLock {
 public:
  // EWOULDBLOCK: another process holds it.
  static Io<std::unique_ptr<DirectoryLock>> acquire(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  const int fd_;
};

// meta.properties: Java properties. Keys we don't know are kept.
protocol::Result<DirectoryIdentity> parse_meta_properties(std::string_view text);
std::string format_meta_properties(std::string_view former, const std::string& cluster_id, protocol::BrokerId broker_id,
                                   TimestampMs now);

}  // namespace storage
