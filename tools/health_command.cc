// `barnabas health`: whether a cluster can be worked with, as an exit code.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "protocol/clock.h"
#include "tools/cluster_session.h"
#include "tools/command.h"
#include "tools/progress.h"

namespace tools {
namespace {

using broker::client::Cluster, broker::client::Connection;
using protocol::Error, protocol::ErrorCode, protocol::Result;

constexpr int retry_pause_ms = 50;
constexpr int default_timeout_s = 5;

struct Options {
  SessionOptions session;
  int wait_s = 0;
};

struct Health {
  std::string cluster_id;
  protocol::BrokerId controller = -1;
  std::size_t brokers = 0, topics = 0, partitions = 0, leaderless = 0, under_replicated = 0;
  std::vector<std::string> problems;

  bool good() const { return problems.empty(); }
};

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void count_partitions(const protocol::MetadataResponse& metadata, Health& health) {
  for (const auto& topic : metadata.topics) {
    if (!topic.is_internal) ++health.topics;
    for (const auto& partition : topic.partitions) {
      if (!topic.is_internal) ++health.partitions;
      if (partition.leader_id < 0) ++health.leaderless;
      if (partition.isr_nodes.size() < partition.replica_nodes.size()) ++health.under_replicated;
    }
  }
  if (health.leaderless > 0) {
    health.problems.push_back(counted(health.leaderless, "partition") + " without a leader");
  }
}

// Clients go where the brokers say they are, so these addresses must answer, not only the one that was asked first.
void call_on_brokers(Cluster& cluster, Health& health) {
  const auto brokers = cluster.brokers();
  for (const auto& [id, address] : brokers) {
    const auto connection = cluster.broker(id);
    if (connection) continue;
    health.problems.push_back(fmt::format("broker {} is advertised as {}, where nobody answers: {}", id, address.text(),
                                          connection.error().text()));
  }
}

Result<Health> examine(const SessionOptions& session) {
  auto cluster = connect(session);
  if (!cluster) return std::unexpected(cluster.error());
  const auto metadata = cluster->metadata(std::nullopt);
  if (!metadata) return std::unexpected(metadata.error());
  Health health{.cluster_id = cluster->id(), .controller = cluster->controller_id()};
  health.brokers = cluster->brokers().size();
  if (health.brokers == 0) health.problems.emplace_back("no broker is known");
  if (!cluster->brokers().contains(health.controller)) health.problems.emplace_back("there is no controller");
  count_partitions(**metadata, health);
  call_on_brokers(*cluster, health);
  return health;
}

void print(const Health& health) {
  fmt::print("{}: {}, {}, {}, controller {}, cluster {}\n", health.good() ? "healthy" : "NOT healthy",
             counted(health.brokers, "broker"), counted(health.topics, "topic"),
             counted(health.partitions, "partition"), health.controller, health.cluster_id);
  if (health.under_replicated > 0) fmt::print("  {} under-replicated\n", counted(health.under_replicated, "partition"));
  for (const std::string& problem : health.problems) fmt::print("  {}\n", problem);
}

void print_json(const Health& health) {
  JsonWriter json;
  json.begin_object().field("healthy", health.good()).field("cluster", std::string_view(health.cluster_id));
  json.field("controller", health.controller).field("brokers", health.brokers).field("topics", health.topics);
  json.field("partitions", health.partitions).field("leaderless", health.leaderless);
  json.field("under_replicated", health.under_replicated).name("problems").begin_array();
  for (const std::string& problem : health.problems) json.value(std::string_view(problem));
  fmt::print("{}\n", json.end_array().end_object().text());
}

int finish(const Options& options, const Result<Health>& health) {
  if (!health) {
    if (options.session.json) {
      JsonWriter json;
      json.begin_object().field("healthy", false).name("problems").begin_array().value(health.error().text());
      fmt::print("{}\n", json.end_array().end_object().text());
      return exit_code::unreachable;
    }
    return report(health.error());
  }
  if (options.session.json) {
    print_json(*health);
  } else {
    print(*health);
  }
  return health->good() ? exit_code::ok : exit_code::failed;
}

int run(const Options& options) {
  watch_interrupts();
  const protocol::SystemClock clock;
  const std::int64_t deadline_ms = clock.monotonic_ms() + std::int64_t{options.wait_s} * 1000;
  for (;;) {
    const auto health = examine(options.session);
    if ((health && health->good()) || clock.monotonic_ms() >= deadline_ms) return finish(options, health);
    if (is_interrupted()) return exit_code::interrupted;
    std::this_thread::sleep_for(std::chrono::milliseconds(retry_pause_ms));
  }
}

}  // namespace

void add_health_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  options->session.timeout_s = default_timeout_s;
  CLI::App* command = app.add_subcommand("health", "Whether a cluster can be worked with, for scripts");
  command->add_option("-w,--wait", options->wait_s, "Try again for so many seconds until it is healthy")
      ->type_name("SECONDS")
      ->check(CLI::Range(0, 86'400).description(""));
  add_session_options(*command, options->session);
  command->footer(R"(Healthy is a cluster with a controller, whose partitions all have leaders, and
whose brokers all answer at the addresses that they advertise. Exit code 0:
healthy; 1: not, the problems are listed; 3: no broker answered.

Examples:
  barnabas health --wait 30 && run-the-tests
  HEALTHCHECK CMD ["barnabas", "health"])");
  command->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace tools
