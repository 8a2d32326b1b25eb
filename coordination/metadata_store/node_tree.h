// The embedded store's nodes in memory, and how an operation changes them: ZooKeeper's rules, without sessions,
// watches, threads or files. Not synchronised: the embedded store's lock guards it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coordination/metadata_store/metadata_store.h"

namespace coordination::metadata_store {

// What one operation did, with all it takes to undo it.
struct Change {
  enum class Kind { created, set, removed };

  Kind kind = Kind::created;
  std::string path;
  bool ephemeral = false;
  std::string old_data;  // set, removed
  Stat old_stat;         // set, removed
  Stat old_parent;       // created, removed
};

// Who asks, and when: what an operation needs to know besides its arguments.
struct ChangeContext {
  std::int64_t zxid = 0;
  std::int64_t now_ms = 0;
  std::int64_t session_id = 0;
};

class NodeTree {
 public:
  struct Entry {
    std::string data;
    Stat stat;  // cversion counts the creations only, as in ZooKeeper; num_children and data_length aren't kept
    std::map<std::string, std::unique_ptr<Entry>, std::less<>> children;
  };

  // nullptr: there is no such node.
  const Entry* find(std::string_view path) const;

  // The node's stat as clients see it.
  static Stat stat(const Entry& entry);

  // Applies one operation and appends what it changed to `changes`. On an error nothing is changed.
  StoreResult<OperationResult> apply(const Operation& operation, const ChangeContext& context,
                                     std::vector<Change>& changes);

  // Takes back the changes after the first `keep` ones, newest first, and drops them from the list.
  void undo(std::vector<Change>& changes, std::size_t keep);

  // Puts a node where the file had it. Its parent must be there already.
  bool restore(std::string_view path, std::string data, const Stat& stat);

 private:
  Entry* find(std::string_view path);
  StoreResult<OperationResult> create(const Operation& operation, const ChangeContext& context,
                                      std::vector<Change>& changes);
  StoreResult<OperationResult> remove(const Operation& operation, const ChangeContext& context,
                                      std::vector<Change>& changes);

  Entry root_;
};

}  // namespace coordination::metadata_store
