// The watches of one session of the embedded store, by path. ZooKeeper's two kinds: on a node's data and existence, and
// on its children. Not synchronised: the embedded store's lock guards it.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "coordination/metadata_store/metadata_store.h"

namespace coordination::metadata_store {

class WatchTable {
 public:
  void add_data_watch(const std::string& path, Watch watch) { data_[path].push_back(std::move(watch)); }
  void add_child_watch(const std::string& path, Watch watch) { children_[path].push_back(std::move(watch)); }

  // Takes out the watches that the event on this path fires.
  std::vector<Watch> take(const WatchEvent& event) {
    std::vector<Watch> fired;
    if (event.type != WatchEventType::children_changed) move_out(data_, event.path, fired);
    if (event.type == WatchEventType::children_changed || event.type == WatchEventType::deleted) {
      move_out(children_, event.path, fired);
    }
    return fired;
  }

 private:
  using Watches = std::unordered_map<std::string, std::vector<Watch>>;

  static void move_out(Watches& watches, const std::string& path, std::vector<Watch>& out) {
    const auto found = watches.find(path);
    if (found == watches.end()) return;
    for (Watch& watch : found->second) out.push_back(std::move(watch));
    watches.erase(found);
  }

  Watches data_;
  Watches children_;
};

}  // namespace coordination::metadata_store
