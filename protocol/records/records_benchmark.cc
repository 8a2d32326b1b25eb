// The byte path of a batch: a leader's checks and offset assignment, reading records, decompression, building. Sizes
// are those of the batch as it is sent; "records" counts records a second.
#include <benchmark/benchmark.h>

#include <cstring>
#include <map>
#include <random>

#include "protocol/records/crc32c.h"
#include "protocol/records/testing.h"
#include "protocol/records/validation.h"

namespace {

using namespace protocol;

// Values that compress about as JSON logs do.
std::string value_of(std::mt19937& random, std::size_t size) {
  std::string value;
  while (value.size() < size) value += "{\"user\":" + std::to_string(random() % 100'000) + ",\"action\":\"click\"},";
  value.resize(size);
  return value;
}

std::vector<std::byte> make_batch(CompressionType codec, std::size_t count, std::size_t value_size) {
  std::mt19937 random(1);
  std::vector<testing::OwnedRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    records.push_back({.timestamp = 1'700'000'000'000,
                       .key = std::to_string(random() % 1000),
                       .value = value_of(random, value_size)});
  }
  return testing::build({.compression = Compression::of(codec)}, records);
}

void report(benchmark::State& state, std::size_t batch_size, std::int64_t records) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch_size));
  state.counters["records"] =
      benchmark::Counter(static_cast<double>(state.iterations() * records), benchmark::Counter::kIsRate);
}

// All that a leader does before it writes: CRC, the walk over the records, the patched header.
void prepare(benchmark::State& state, CompressionType codec, std::optional<CompressionType> target,
             std::size_t value_size) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto batch = make_batch(codec, count, value_size);
  RecordScratch scratch;
  PrepareOptions options{.now = 1'700'000'000'000, .partition = "topic-0"};
  if (target) options.compression = Compression::of(*target);
  for (auto _ : state) {
    const auto summary = analyze_records(batch, {.partition = "topic-0"});
    auto prepared = prepare_append(batch, *summary, options, scratch);
    prepared->assign(1'000, 3);
    benchmark::DoNotOptimize(prepared->header().data());
  }
  report(state, batch.size(), static_cast<std::int64_t>(count));
}

void read_records(benchmark::State& state, CompressionType codec, std::size_t value_size) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto bytes = make_batch(codec, count, value_size);
  RecordBatchView batch;
  RecordBatchView::parse(bytes, batch);
  RecordScratch scratch;
  for (auto _ : state) {
    RecordReader reader(batch, scratch);
    RecordView record;
    std::size_t total = 0;
    while (reader.next(record)) total += record.value->size();
    benchmark::DoNotOptimize(total);
  }
  report(state, bytes.size(), static_cast<std::int64_t>(count));
}

void build_batch(benchmark::State& state, CompressionType codec, std::size_t value_size) {
  std::mt19937 random(1);
  const std::string value = value_of(random, value_size);
  std::size_t size = 0;
  for (auto _ : state) {
    RecordBatchBuilder builder({.compression = Compression::of(codec)});
    for (std::int64_t i = 0; i < state.range(0); ++i) builder.append(1'700'000'000'000, std::nullopt, as_bytes(value));
    size = builder.build()->size();
  }
  report(state, size, state.range(0));
}

// The floor: what the checksum alone costs.
void checksum_alone(benchmark::State& state) {
  const auto batch = make_batch(CompressionType::none, static_cast<std::size_t>(state.range(0)), 100);
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(Bytes(batch).subspan(batch_v2::attributes)));
  report(state, batch.size(), state.range(0));
}

const bool registered = [] {
  using Codec = CompressionType;
  const auto name_of = [](const char* what, Codec codec) { return std::string(what) + "/" + std::string(name(codec)); };
  benchmark::RegisterBenchmark("checksum_alone", checksum_alone)->Arg(1)->Arg(150)->Arg(8'000);
  for (const Codec codec : testing::codecs_of(magic_v2)) {
    benchmark::RegisterBenchmark(name_of("prepare_100_bytes", codec).c_str(), prepare, codec, std::nullopt, 100)
        ->Arg(1)
        ->Arg(150)
        ->Arg(8'000);
    benchmark::RegisterBenchmark(name_of("prepare_10_kb", codec).c_str(), prepare, codec, std::nullopt, 10'000)
        ->Arg(100);
    benchmark::RegisterBenchmark(name_of("read_100_bytes", codec).c_str(), read_records, codec, 100)
        ->Arg(150)
        ->Arg(8'000);
    benchmark::RegisterBenchmark(name_of("build_100_bytes", codec).c_str(), build_batch, codec, 100)->Arg(8'000);
  }
  benchmark::RegisterBenchmark("recompress_none_to_lz4", prepare, Codec::none, Codec::lz4, 100)->Arg(8'000);
  benchmark::RegisterBenchmark("recompress_gzip_to_zstd", prepare, Codec::gzip, Codec::zstd, 100)->Arg(8'000);
  return true;
}();

}  // namespace
