// What decoding and encoding of the frequent messages costs.
#include <benchmark/benchmark.h>

#include <string>

#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"

namespace {

using namespace protocol;

ProduceRequest produce_request(int partitions) {
  static const std::vector<std::byte> batch(1000);
  ProduceRequest request{.acks = -1, .timeout_ms = 30'000};
  auto& topic = request.topic_data.emplace_back();
  topic.name = "orders";
  for (int i = 0; i < partitions; ++i) topic.partition_data.push_back({.index = i, .records = Records(Bytes(batch))});
  return request;
}

FetchRequest fetch_request(int partitions) {
  FetchRequest request{.max_wait_ms = 500, .min_bytes = 1};
  auto& topic = request.topics.emplace_back();
  topic.topic_id.bytes[0] = std::byte{1};
  for (int i = 0; i < partitions; ++i) {
    topic.partitions.push_back({.partition = i, .fetch_offset = 1000, .partition_max_bytes = 1 << 20});
  }
  return request;
}

MetadataResponse metadata_response(int partitions) {
  MetadataResponse response{.cluster_id = "cluster", .controller_id = 1};
  response.brokers = {{.node_id = 1, .host = "localhost", .port = 9092}};
  auto& topic = response.topics.emplace_back();
  topic.name = "orders";
  for (int i = 0; i < partitions; ++i) {
    topic.partitions.push_back(
        {.partition_index = i, .leader_id = 1, .replica_nodes = {1, 2, 3}, .isr_nodes = {1, 2, 3}});
  }
  return response;
}

template <typename Message>
void decode(benchmark::State& state, const Message& message, std::int16_t version) {
  Writer writer;
  message.encode(writer, version);
  for (auto _ : state) {
    Reader reader(writer.bytes());
    auto decoded = Message::decode(reader, version);
    benchmark::DoNotOptimize(decoded);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * writer.size()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <typename Message>
void encode(benchmark::State& state, const Message& message, std::int16_t version) {
  Writer writer;
  for (auto _ : state) {
    writer.clear();
    message.encode(writer, version);
    benchmark::DoNotOptimize(writer.bytes().data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void decode_produce(benchmark::State& state) { decode(state, produce_request(static_cast<int>(state.range(0))), 9); }
void decode_fetch(benchmark::State& state) { decode(state, fetch_request(static_cast<int>(state.range(0))), 13); }
void encode_metadata(benchmark::State& state) {
  encode(state, metadata_response(static_cast<int>(state.range(0))), 12);
}

BENCHMARK(decode_produce)->Arg(1)->Arg(100);
BENCHMARK(decode_fetch)->Arg(1)->Arg(100);
BENCHMARK(encode_metadata)->Arg(1)->Arg(100);

}  // namespace
