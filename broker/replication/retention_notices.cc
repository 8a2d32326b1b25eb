#include "broker/replication/retention_notices.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <ctime>

#include "storage/log.h"
#include "storage/log_config.h"

namespace broker {
namespace {

// Live traffic is younger: it isn't looked at any closer, whatever the topic says.
constexpr std::int64_t fresh_ms = 1'000;

std::string time_text(protocol::TimestampMs timestamp_ms) {
  constexpr std::int64_t year_10000_ms = 253'402'300'800'000;
  if (timestamp_ms < 0 || timestamp_ms >= year_10000_ms) return fmt::format("the time {}", timestamp_ms);
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(timestamp_ms / 1000)));
}

}  // namespace

std::optional<std::string> reason_to_delete(protocol::TimestampMs timestamp_ms, std::int64_t retention_ms,
                                            protocol::TimestampMs now_ms) {
  // Records without a time are kept by the time of their file.
  if (retention_ms < 0 || timestamp_ms < 0 || timestamp_ms >= now_ms - retention_ms) return std::nullopt;
  return fmt::format("they are of {}, and retention.ms is {}", time_text(timestamp_ms), retention_ms);
}

void RetentionNotices::look_at(std::string_view topic, const storage::Log& log, const storage::AppendInfo& appended,
                               protocol::TimestampMs now_ms) {
  if (appended.bytes == 0 || appended.max_timestamp >= now_ms - fresh_ms) return;
  const auto config = log.config();
  if (!config->cleanup_delete || config->timestamp_type == storage::TimestampType::log_append_time) return;
  const auto reason = reason_to_delete(appended.max_timestamp, config->retention_ms, now_ms);
  if (!reason) return;
  {
    const protocol::MutexLock lock(mutex_);
    if (said_.size() >= topics_max || !said_.emplace(topic).second) return;
  }
  spdlog::warn(
      "Topic {}: records are accepted that the next retention check deletes, unless newer ones share their "
      "segment: {}",
      topic, *reason);
}

}  // namespace broker
