#include "storage/cleaner.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "storage/cleaner_offset_map.h"

namespace storage {

using protocol::MutexLock;

Cleaner::Cleaner(LogManager& logs, CleanerOptions options, const protocol::Clock& clock, std::uint64_t seed)
    : logs_(logs), clock_(clock), seed_(seed), state_(logs), options_(options) {}

Cleaner::~Cleaner() { stop(); }

void Cleaner::start() {
  MutexLock lifecycle(lifecycle_);
  start_threads();
}

void Cleaner::start_threads() {
  if (!threads_.empty()) return;
  std::int32_t count = 0;
  {
    MutexLock lock(mutex_);
    stopping_ = false;
    count = std::max(options_.threads, 1);
  }
  for (std::int32_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

void Cleaner::stop() {
  MutexLock lifecycle(lifecycle_);
  stop_threads();
}

void Cleaner::stop_threads() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stop_requested_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Cleaner::reconfigure(const CleanerOptions& options) {
  MutexLock lifecycle(lifecycle_);
  {
    MutexLock lock(mutex_);
    if (options == options_) return;
  }
  const bool running = !threads_.empty();
  if (running) stop_threads();
  {
    MutexLock lock(mutex_);
    options_ = options;
  }
  if (running) start_threads();
}

bool Cleaner::is_stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

void Cleaner::work() {
  while (!is_stopping()) {
    if (run_once()) continue;
    MutexLock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.backoff_ms);
    while (!stopping_ && stop_requested_.wait_until(mutex_, until) != std::cv_status::timeout) {
    }
  }
}

bool Cleaner::run_once() {
  const bool cleaned = clean_dirtiest();
  delete_old_segments();
  return cleaned;
}

bool Cleaner::clean_dirtiest() {
  const auto dirtiest = state_.grab_dirtiest(clock_.now_ms());
  if (!dirtiest) return false;
  const std::int64_t started_ms = clock_.monotonic_ms();
  const auto result = compact(*dirtiest, compaction_options(), clock_.now_ms());
  if (!result) {
    spdlog::error("Compacting {} failed: {}", dirtiest->log->partition().text(), result.error().text());
    // The disk's fault takes the directory offline; anything else would come back at each attempt.
    if (result.error().code != protocol::ErrorCode::kafka_storage_error) state_.mark_uncleanable(dirtiest->log);
    state_.done(dirtiest->log, std::nullopt);
    return false;
  }
  state_.done(dirtiest->log, result->stopped ? std::nullopt : std::optional(result->next_dirty));
  if (result->stopped) return false;
  record(*dirtiest, *result, clock_.monotonic_ms() - started_ms);
  return true;
}

// Compacted logs, too, lose what lies below the log start offset, and with compact,delete what is too old or too much.
void Cleaner::delete_old_segments() {
  for (const auto& log : state_.grab_deletable()) {
    if (!is_stopping()) {
      const auto deleted = log->delete_old_segments(clock_.now_ms());
      if (!deleted && !log->is_closed()) {
        spdlog::error("Deleting old segments of {} failed: {}", log->partition().text(), deleted.error().text());
      }
    }
    state_.done(log, std::nullopt);
  }
}

CompactionOptions Cleaner::compaction_options() {
  MutexLock lock(mutex_);
  const auto threads = static_cast<std::int64_t>(std::max(options_.threads, 1));
  constexpr std::int64_t smallest_buffer = 4096;
  return {
      .dedupe_buffer_bytes =
          static_cast<std::size_t>(std::max(options_.dedupe_buffer_bytes / threads, smallest_buffer)),
      .load_factor = options_.load_factor,
      .io_buffer_bytes = static_cast<std::size_t>(std::max(options_.io_buffer_bytes / threads / 2, smallest_buffer)),
      .hash_key = {seed_, seed_ ^ (++rounds_ * 0x9E3779B97F4A7C15)},
      .should_stop = [this] { return is_stopping(); },
      .throttle = [this](std::int64_t bytes) { throttle(bytes); }};
}

// Lets no more bytes pass in a period than the rate allows, and makes the caller sleep the surplus off.
void Cleaner::throttle(std::int64_t bytes) {
  constexpr std::int64_t period_ms = 300;
  MutexLock lock(mutex_);
  if (options_.io_max_bytes_per_second >= std::numeric_limits<double>::max()) return;
  const std::int64_t now_ms = clock_.monotonic_ms();
  if (period_bytes_ == 0) period_start_ms_ = now_ms;
  period_bytes_ += static_cast<double>(bytes);
  const double due_ms = period_bytes_ / options_.io_max_bytes_per_second * 1000;
  const double elapsed_ms = static_cast<double>(now_ms - period_start_ms_);
  if (elapsed_ms < static_cast<double>(period_ms) && due_ms < static_cast<double>(period_ms)) return;
  period_bytes_ = 0;
  if (due_ms <= elapsed_ms) return;
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double, std::milli>(due_ms - elapsed_ms);
  while (!stopping_ && stop_requested_.wait_until(mutex_, until) != std::cv_status::timeout) {
  }
}

void Cleaner::record(const LogToClean& cleaned, const CompactionResult& result, std::int64_t took_ms) {
  const CleaningCounts& counts = result.counts;
  spdlog::info("Compacted {} up to offset {} in {} ms: {} of {} records and {} of {} bytes remain.",
               cleaned.log->partition().text(), result.next_dirty, took_ms, counts.records_kept, counts.records_read,
               counts.bytes_kept, counts.bytes_read);
  if (counts.records_without_key > 0) {
    spdlog::warn("Compaction of {} dropped {} records without a key.", cleaned.log->partition().text(),
                 counts.records_without_key);
  }
  MutexLock lock(mutex_);
  ++totals_.compactions;
  totals_.bytes_read += counts.bytes_read;
  totals_.bytes_kept += counts.bytes_kept;
  totals_.records_read += counts.records_read;
  totals_.records_kept += counts.records_kept;
}

Cleaner::Totals Cleaner::totals() const {
  MutexLock lock(mutex_);
  return totals_;
}

}  // namespace storage
