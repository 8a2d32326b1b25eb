// The SQLite file of an embedded store: the persistent nodes as rows, and the store's last zxid epoch. Knows nothing of
// sessions and watches. Not synchronised: the embedded store's lock guards it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coordination/metadata_store/node_tree.h"
#include "protocol/result.h"

namespace coordination::metadata_store {

class NodeFile {
 public:
  // Opens or creates the file, takes the exclusive lock and reads all nodes into the tree.
  static protocol::Result<std::unique_ptr<NodeFile>> open(const std::string& path, NodeTree& tree);
  NodeFile(const NodeFile&) = delete;
  NodeFile& operator=(const NodeFile&) = delete;
  ~NodeFile();

  // One above the epoch of any earlier opening that wrote something. The zxids of an opening start at epoch << 32, as
  // those of a ZooKeeper leader do, so they grow from one opening to the next without a write for each.
  std::int64_t epoch() const { return epoch_; }

  // Writes what the changes left of the nodes they touched, as one SQLite transaction. With `sync` it is on the disk
  // when this returns. Errors: kafka_storage_error; the file is as before then.
  protocol::Result<void> save(const std::vector<Change>& changes, const NodeTree& tree, bool sync);

 private:
  struct Statements;
  NodeFile();

  protocol::Result<void> prepare(NodeTree& tree);
  void reserve_space();
  protocol::Result<void> load(NodeTree& tree);
  bool write(const std::vector<Change>& changes, const NodeTree& tree);
  bool set_sync(bool sync);

  std::unique_ptr<Statements> sql_;
  std::string path_;
  std::int64_t epoch_ = 1;
  bool epoch_saved_ = false;
  bool syncing_ = true;
};

}  // namespace coordination::metadata_store
