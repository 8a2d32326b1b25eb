// The metadata store inside the process: in memory for brokers that are thrown away, or backed by a SQLite file.
//
// EmbeddedStore is the store, shared by all brokers of the process; open_session() gives each one its MetadataStore.
// Self-locking; sessions may be used from any thread. All nodes are kept in memory, and reads never touch the file.
//
// The file (write-ahead log mode) holds the persistent nodes only: sessions end with the process, and so do ephemeral
// nodes. A write returns when it is on the disk (synchronous=FULL): a topic that was created and lost again would take
// its acknowledged records with it, and a producer id block handed out twice would make two producers one. Only the
// skeleton that a starting broker would write again in the same way (see Durability) may wait for the next synced
// write; the log is sequential, so whatever survives is a prefix of what was written.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "coordination/metadata_store/metadata_store.h"
#include "protocol/clock.h"
#include "protocol/result.h"

namespace coordination::metadata_store {

class EmbeddedStore {
 public:
  // A store that ends with the process. The clock outlives it.
  static std::unique_ptr<EmbeddedStore> in_memory(const protocol::Clock& clock);

  // Opens or creates the file. Errors: kafka_storage_error with the reason: not writable, not a database of ours, held
  // by another process. The clock outlives the store.
  static protocol::Result<std::unique_ptr<EmbeddedStore>> open(const std::string& file, const protocol::Clock& clock);

  EmbeddedStore(const EmbeddedStore&) = delete;
  EmbeddedStore& operator=(const EmbeddedStore&) = delete;
  ~EmbeddedStore();  // after all sessions are destroyed

  std::unique_ptr<MetadataStore> open_session();

  // Ends a session as a real store ends one that it no longer hears from: its ephemeral nodes go, it gets `expired`.
  void expire(std::int64_t session_id);

  // Writes between these two calls need not be on the disk when they return; end_startup() doesn't sync either. For the
  // nodes that every start creates where they are missing.
  void begin_startup();
  void end_startup();

 private:
  class Core;
  class Session;
  explicit EmbeddedStore(std::shared_ptr<Core> core);

  std::shared_ptr<Core> core_;
};

}  // namespace coordination::metadata_store
