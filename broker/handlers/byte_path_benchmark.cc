// What a request of the byte path costs above the socket: decoding, handler, log, encoding. One thread, page cache
// only.
#include <benchmark/benchmark.h>

#include "broker/api_table.h"
#include "broker/handlers/fetch.h"
#include "broker/handlers/produce.h"
#include "broker/replication/test_replicas.h"

namespace broker {
namespace {

constexpr protocol::ApiVersion produce_version = 9, fetch_version = 12;

// Handlers in a table, called as dispatch calls them.
struct Bench {
  Bench() {
    replicas.lead("benchmark-topic", 1);
    table.add<ProduceHandler>({.advertised = {0, 13}}, replicas.replicas(), replicas.metadata(), replicas.background(),
                              replicas.clock());
    table.add<FetchHandler>({.advertised = {0, 18}}, replicas.replicas(), replicas.metadata(), sessions,
                            replicas.background(), replicas.clock(), 50 << 20);
    table.freeze();
  }

  std::size_t serve(protocol::ApiKey key, std::span<std::byte> body, protocol::ApiVersion version) {
    const ApiRow* row = table.find(static_cast<std::int16_t>(key));
    RequestContext context(replicas.loop().executor(), replicas.loop().connection(),
                           {.api_key = static_cast<std::int16_t>(key), .api_version = version}, body);
    protocol::Reader reader(body);
    protocol::Writer writer(256);
    (void)replicas.loop().run(row->invoke(row->handler, context, reader, writer));
    return writer.size();
  }

  TestReplicas replicas;
  FetchSessionCache sessions{1000, 120'000, 1};
  ApiTable table;
};

template <typename Message>
std::vector<std::byte> encoded(const Message& message, protocol::ApiVersion version) {
  protocol::Writer writer;
  message.encode(writer, version);
  const auto bytes = writer.bytes();
  return {bytes.begin(), bytes.end()};
}

// Argument: bytes of the one record in the batch.
void produce(benchmark::State& state) {
  Bench bench;
  protocol::ProduceRequest request;
  request.acks = 1;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "benchmark-topic";
  auto& partition = topic.partition_data.emplace_back();
  partition.records = protocol::Records(make_batch({.value_size = static_cast<std::size_t>(state.range(0))}));
  std::vector<std::byte> body = encoded(request, produce_version);
  for (auto _ : state) benchmark::DoNotOptimize(bench.serve(protocol::ApiKey::produce, body, produce_version));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(produce)->Arg(100)->Arg(10'000)->Arg(1'000'000);

// Argument: partition.max.bytes; the records are only located, not sent.
void fetch(benchmark::State& state) {
  Bench bench;
  for (int i = 0; i < 100; ++i) bench.replicas.append("benchmark-topic", 0, {.value_size = 100'000});
  protocol::FetchRequest request;
  request.min_bytes = 1;
  auto& topic = request.topics.emplace_back();
  topic.topic = "benchmark-topic";
  auto& partition = topic.partitions.emplace_back();
  partition.fetch_offset = 3;
  partition.partition_max_bytes = static_cast<std::int32_t>(state.range(0));
  std::vector<std::byte> body = encoded(request, fetch_version);
  for (auto _ : state) benchmark::DoNotOptimize(bench.serve(protocol::ApiKey::fetch, body, fetch_version));
}
BENCHMARK(fetch)->Arg(1 << 20);

}  // namespace
}  // namespace broker
