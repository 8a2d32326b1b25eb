// What an append and a read cost beside the bare system calls for the same bytes.
#include <benchmark/benchmark.h>
#include <spdlog/spdlog.h>

#include <string>

#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/test_support.h"

namespace {

using storage::Log;
constexpr storage::TimestampMs now = 1'700'000'000'000;

struct OpenLog {
  OpenLog() {
    spdlog::set_level(spdlog::level::off);
    log = std::move(*Log::open({.partition = {"topic", 0},
                                .path = root.path() + "/topic-0",
                                .directory = &directory,
                                .config = std::make_shared<const storage::LogConfig>()},
                               now));
  }
  storage::testing::TemporaryDirectory root;
  storage::OpenFiles files{storage::real_file_system(), 100};
  storage::LogDirectory directory{root.path(), files};
  std::shared_ptr<Log> log;
};

std::vector<std::byte> batch_of(std::int64_t bytes) {
  std::vector<storage::testing::TestRecord> records(static_cast<std::size_t>(bytes) / 110 + 1,
                                                    {.timestamp = now, .value = std::string(100, 'x')});
  return storage::testing::make_batch(records);
}

void append(benchmark::State& state) {
  OpenLog open;
  const auto batch = batch_of(state.range(0));
  for (auto _ : state) {
    const auto info = open.log->append_as_leader(batch, 0, storage::AppendOrigin::client, now);
    if (!info) state.SkipWithError("append failed");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch.size()));
}
BENCHMARK(append)->Arg(100)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Iterations(2000);

void bare_write(benchmark::State& state) {
  const storage::testing::TemporaryDirectory root;
  const auto batch = batch_of(state.range(0));
  const auto file = std::move(*storage::real_file_system().open(root.path() + "/file", storage::OpenMode::create));
  std::int64_t position = 0;
  for (auto _ : state) {
    if (!file->write_at(position, batch)) state.SkipWithError("write failed");
    position += static_cast<std::int64_t>(batch.size());
  }
  state.SetBytesProcessed(position);
}
BENCHMARK(bare_write)->Arg(100)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Iterations(2000);

// A slice, not its bytes: those go out by sendfile.
void read(benchmark::State& state) {
  OpenLog open;
  const auto batch = batch_of(state.range(0));
  for (int i = 0; i < 2000; ++i) (void)open.log->append_as_leader(batch, 0, storage::AppendOrigin::client, now);
  open.log->update_high_watermark(open.log->log_end_offset());
  const storage::Offset end = open.log->log_end_offset();
  storage::Offset offset = 0;
  for (auto _ : state) {
    const auto slice = open.log->read({.start_offset = offset, .max_bytes = 1 << 20, .cached_only = true});
    if (!slice || slice->records.empty()) state.SkipWithError("read failed");
    offset = (offset + end / 17) % end;
  }
}
BENCHMARK(read)->Arg(100)->Arg(10'000)->Arg(100'000);

}  // namespace
