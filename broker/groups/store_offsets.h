// Offsets as consumers before 0.9 keep them: in the metadata store under
// /consumers/<group>/offsets/<topic>/<partition>. Free functions; they block on the store.
#pragma once

#include <optional>
#include <string_view>

#include "coordination/metadata_store/metadata_store.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace broker {

struct StoredOffsetKey {
  std::string_view group_id;
  std::string_view topic;
  protocol::PartitionIndex partition = 0;
};

protocol::ErrorCode put_offset(coordination::metadata_store::MetadataStore& store, const StoredOffsetKey& key,
                               protocol::Offset offset);

// No value inside: none was committed.
protocol::Result<std::optional<protocol::Offset>> get_offset(coordination::metadata_store::MetadataStore& store,
                                                             const StoredOffsetKey& key);

}  // namespace broker
