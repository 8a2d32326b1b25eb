// RetentionNotices: says, once for each topic, that a producer sends records which retention deletes right away. Kafka
// accepts them and deletes them without a word, and people search for hours: replayed history, a device without a
// clock, a test's fixed timestamps.
//
// Self-locking; one for all partitions of a broker.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "protocol/mutex.h"
#include "protocol/types.h"
#include "storage/types.h"

namespace storage {
class Log;
}

namespace broker {

class RetentionNotices {
 public:
  // Logs the notice for what was just appended, if one is due.
  void look_at(std::string_view topic, const storage::Log& log, const storage::AppendInfo& appended,
               protocol::TimestampMs now_ms);

 private:
  static constexpr std::size_t topics_max = 1'000;

  protocol::Mutex mutex_;
  std::set<std::string, std::less<>> said_ GUARDED_BY(mutex_);
};

// Why retention would delete a record of this time at once, as a sentence's end; nothing if it wouldn't.
std::optional<std::string> reason_to_delete(protocol::TimestampMs timestamp_ms, std::int64_t retention_ms,
                                            protocol::TimestampMs now_ms);

}  // namespace broker
