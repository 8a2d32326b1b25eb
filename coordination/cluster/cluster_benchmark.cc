// What cluster metadata costs on the embedded store: starting, and ten thousand partitions, with brokers that answer at
// once. Files are made in the temporary directory.
#include <benchmark/benchmark.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>

#include <filesystem>

#include "coordination/cluster/fake_brokers.h"
#include "coordination/cluster/membership.h"
#include "coordination/cluster/topic_admin.h"
#include "coordination/metadata_store/embedded_store.h"

namespace coordination::cluster {
namespace {

using metadata_store::EmbeddedStore;

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "metadata-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string file() const { return path_ / "metadata.sqlite"; }

 private:
  std::filesystem::path path_;
};

// A broker up to the point where its controller is ready.
struct Running {
  explicit Running(const std::string& file) {
    spdlog::set_level(spdlog::level::warn);
    embedded = std::move(*EmbeddedStore::open(file, clock));
    store = embedded->open_session();
    controller = std::make_unique<Controller>(ControllerOptions{.broker_id = 0}, *store, brokers, clock);
    const BrokerRegistration registration{.id = 0,
                                          .endpoints = {{"PLAINTEXT", "localhost", 9092, SecurityProtocol::plaintext}}};
    membership = std::make_unique<Membership>(*store, *controller, registration);
    embedded->begin_startup();
    (void)create_permanent_nodes(*store);
    (void)read_or_create_cluster_id(*store, "AAAAAAAAAAAAAAAAAAAAAA");
    (void)membership->join();
    controller->drain();
    embedded->end_startup();
  }

  void create(const std::vector<NewTopic>& topics) {
    const std::vector<BrokerRack> racks = {{0, std::nullopt}};
    const TopicAdmin admin(
        *store, [] { return TopicAdminOptions(); }, [](const ConfigMap&) { return protocol::Result<void>(); });
    (void)admin.create(topics, racks, 1, false);
    const TopicPartition last{topics.back().name, topics.back().partition_count - 1};
    eventually([&] { return brokers.knows(0, last); });
  }

  protocol::SystemClock clock;
  FakeBrokers brokers;
  std::unique_ptr<EmbeddedStore> embedded;
  std::unique_ptr<metadata_store::MetadataStore> store;
  std::unique_ptr<Controller> controller;
  std::unique_ptr<Membership> membership;
};

std::vector<NewTopic> topics(int count, int partitions) {
  std::vector<NewTopic> list;
  for (int i = 0; i < count; ++i) {
    list.push_back({.name = "topic-" + std::to_string(i), .partition_count = partitions, .replication_factor = 1});
  }
  return list;
}

void BM_StartFresh(benchmark::State& state) {
  for (auto _ : state) {
    const Directory directory;
    const Running broker(directory.file());
  }
}
BENCHMARK(BM_StartFresh)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_StartAgain(benchmark::State& state) {
  const Directory directory;
  {
    Running broker(directory.file());
    if (state.range(0) > 0) broker.create(topics(static_cast<int>(state.range(0)), 1));
  }
  for (auto _ : state) const Running broker(directory.file());
}
BENCHMARK(BM_StartAgain)->Arg(0)->Arg(10'000)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_CreateOneTopic(benchmark::State& state) {
  const Directory directory;
  Running broker(directory.file());
  int next = 0;
  for (auto _ : state) {
    broker.create({{.name = "t" + std::to_string(next++), .partition_count = 1, .replication_factor = 1}});
  }
}
BENCHMARK(BM_CreateOneTopic)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_CreatePartitions(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    auto directory = std::make_unique<Directory>();
    auto broker = std::make_unique<Running>(directory->file());
    state.ResumeTiming();
    broker->create(topics(static_cast<int>(state.range(0)), static_cast<int>(state.range(1))));
    state.PauseTiming();
    broker.reset();
    directory.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(BM_CreatePartitions)
    ->Args({1, 10'000})
    ->Args({10'000, 1})
    ->Args({1'000, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace coordination::cluster
