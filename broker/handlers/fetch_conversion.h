// What a fetched slice becomes for clients of old Fetch versions: message sets instead of v2 batches (v0-v3), and no
// topic whose records are zstd for those who can't read it (before v10). As KafkaApis.maybeConvertFetchedData.
// A value; converting reads the slice's file and may wait for the disk.
#pragma once

#include <cstdint>

#include "protocol/error_code.h"
#include "protocol/messages/fetch.h"
#include "protocol/types.h"

namespace storage {
class Log;
}

namespace broker {

class FetchConversion {
 public:
  using PartitionData = protocol::FetchResponse::PartitionData;

  // Followers are never refused the conversion.
  explicit FetchConversion(protocol::ApiVersion version, bool for_follower = false)
      : version_(version), for_follower_(for_follower) {}

  // Whether responses of this version need a look at all.
  static bool concerns(protocol::ApiVersion version);

  // Whether apply() will read and convert records.
  bool needs_work(const PartitionData& data) const;

  // Converts the records of an answer without error, or puts an error in its place. `log` (may be null) tells the
  // topic's settings.
  void apply(const storage::Log* log, protocol::Offset fetch_offset, PartitionData& data) const;

 private:
  protocol::ErrorCode convert(protocol::Offset fetch_offset, PartitionData& data) const;

  protocol::ApiVersion version_;
  bool for_follower_;
};

}  // namespace broker
