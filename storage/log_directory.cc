#include "storage/log_directory.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace storage {

using protocol::ErrorCode;

LogDirectory::LogDirectory(std::string path, OpenFiles& files, FailureHandler on_failure)
    : path_(std::move(path)), files_(files), on_failure_(std::move(on_failure)) {}

protocol::Result<void> LogDirectory::check_online() const {
  if (is_online()) return {};
  return protocol::fail(ErrorCode::kafka_storage_error, fmt::format("The log directory {} is offline.", path_));
}

std::string LogDirectory::failure_reason() const {
  protocol::MutexLock lock(mutex_);
  return failure_reason_;
}

protocol::Error LogDirectory::failed(const IoError& error) {
  if (error.is_disk_full() || error.is_resource_shortage() || error.is_passing()) {
    spdlog::error("A file operation failed: {}.", error.text());
  } else {
    take_offline(error.text());
  }
  return protocol::Error(ErrorCode::kafka_storage_error, error.text());
}

void LogDirectory::take_offline(const std::string& reason) {
  if (offline_.exchange(true)) return;
  {
    protocol::MutexLock lock(mutex_);
    failure_reason_ = reason;
  }
  spdlog::error("Taking the log directory {} offline: {}.", path_, reason);
  unreported_ = true;
}

void LogDirectory::report_failure() {
  if (!unreported_.load(std::memory_order_relaxed) || !unreported_.exchange(false)) return;
  if (on_failure_) on_failure_(path_, failure_reason());
}

void LogDirectory::delete_later(TimestampMs due, std::function<Io<void>()> remove) {
  protocol::MutexLock lock(mutex_);
  deletions_.push_back({due, std::move(remove)});
}

bool LogDirectory::has_due_deletions(TimestampMs now) const {
  protocol::MutexLock lock(mutex_);
  return std::ranges::any_of(deletions_, [now](const Deletion& deletion) { return deletion.due <= now; });
}

void LogDirectory::run_deletions(TimestampMs now, const std::stop_token& stop) {
  if (!is_online()) return;
  std::vector<Deletion> due;
  {
    protocol::MutexLock lock(mutex_);
    std::vector<Deletion> later;
    for (Deletion& deletion : deletions_) (deletion.due <= now ? due : later).push_back(std::move(deletion));
    deletions_ = std::move(later);
  }
  for (const Deletion& deletion : due) {
    if (stop.stop_requested()) return;
    if (auto removed = deletion.remove(); !removed) (void)failed(removed.error());
  }
  report_failure();
}

LogDirectory::Scratch LogDirectory::borrow_scratch() {
  constexpr std::size_t kept = 8;
  protocol::MutexLock lock(mutex_);
  std::unique_ptr<protocol::RecordScratch> scratch;
  if (scratches_.empty()) {
    scratch = std::make_unique<protocol::RecordScratch>();
  } else {
    scratch = std::move(scratches_.back());
    scratches_.pop_back();
  }
  return Scratch(scratch.release(), [this](protocol::RecordScratch* returned) {
    std::unique_ptr<protocol::RecordScratch> owned(returned);
    protocol::MutexLock guard(mutex_);
    if (scratches_.size() < kept) scratches_.push_back(std::move(owned));
  });
}

}  // namespace storage
