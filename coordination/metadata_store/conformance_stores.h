// The stores that the conformance tests run on. For tests only; each test has a store of its own.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "coordination/metadata_store/metadata_store.h"

namespace coordination::metadata_store {

enum class StoreKind { memory, sqlite, zookeeper };

std::string_view name(StoreKind kind);

// Those that can be tested here: ZooKeeper only when BARNABAS_ZOOKEEPER names a server.
std::vector<StoreKind> store_kinds();

class TestStore {
 public:
  virtual ~TestStore() = default;
  virtual std::unique_ptr<MetadataStore> open() = 0;
  // Ends the session as the server ends one that it no longer hears from.
  virtual void expire(MetadataStore& session) = 0;
};

std::unique_ptr<TestStore> make_test_store(StoreKind kind);

}  // namespace coordination::metadata_store
