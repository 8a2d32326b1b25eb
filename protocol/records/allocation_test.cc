// The produce path must cost no allocation per record and no copy of the batch: counted here by replacing operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "protocol/records/testing.h"
#include "protocol/records/validation.h"

namespace {
std::atomic<std::int64_t> allocations = 0;
std::atomic<std::int64_t> allocated_bytes = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  allocated_bytes += static_cast<std::int64_t>(size);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace protocol {
namespace {

struct Cost {
  std::int64_t allocations = 0, bytes = 0;
};

std::vector<std::byte> batch_of(CompressionType codec, std::size_t records) {
  std::vector<testing::OwnedRecord> all(
      records, {.timestamp = 1000, .key = "key", .value = std::string(100, 'v'), .headers = {{"h", "x"}}});
  return testing::build({.compression = Compression::of(codec)}, all);
}

Cost cost_of_prepare(Bytes batch, RecordScratch& scratch) {
  const std::int64_t allocations_before = allocations, bytes_before = allocated_bytes;
  const auto summary = analyze_records(batch, {.partition = "topic-0"});
  auto prepared = prepare_append(batch, *summary, {.compacted = true, .now = 1000, .partition = "topic-0"}, scratch);
  EXPECT_TRUE(prepared);
  prepared->assign(5, 1);
  return {allocations - allocations_before, allocated_bytes - bytes_before};
}

TEST(ProducePath, AllocatesNothingForUncompressedBatches) {
  RecordScratch scratch;
  for (const std::size_t records : {1u, 100u, 10'000u}) {
    const Cost cost = cost_of_prepare(batch_of(CompressionType::none, records), scratch);
    EXPECT_EQ(cost.allocations, 0) << records;
  }
}

TEST(ProducePath, AllocatesNothingForCompressedBatchesOnceItsBuffersAreThere) {
  for (const CompressionType codec : testing::codecs_of(magic_v2)) {
    RecordScratch scratch;
    const auto large = batch_of(codec, 10'000);
    cost_of_prepare(large, scratch);
    const Cost cost = cost_of_prepare(large, scratch);
    EXPECT_EQ(cost.allocations, 0) << name(codec);
    EXPECT_EQ(cost.bytes, 0) << name(codec);
  }
}

}  // namespace
}  // namespace protocol
