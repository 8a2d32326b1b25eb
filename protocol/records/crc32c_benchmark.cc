// CRC32C by each way this CPU has, over the sizes of small and large batches.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "protocol/records/crc32c.h"

namespace {

void measure(benchmark::State& state, const protocol::Crc32cWay& way) {
  const std::vector<std::byte> data(static_cast<std::size_t>(state.range(0)), std::byte{0x5A});
  for (auto _ : state) benchmark::DoNotOptimize(way.compute(data, 0));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

const bool registered = [] {
  for (const auto& way : protocol::crc32c_ways()) {
    auto* measured = benchmark::RegisterBenchmark(("crc32c/" + std::string(way.name)).c_str(), measure, way);
    measured->Arg(100)->Arg(1'000)->Arg(16'384)->Arg(1'000'000);
  }
  return true;
}();

}  // namespace
