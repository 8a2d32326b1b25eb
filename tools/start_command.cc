// `barnabas start`: runs a broker until it is told to stop.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "broker/broker.h"
#include "broker/config/sources.h"
#include "tools/command.h"
#include "tools/data_directory.h"
#include "tools/log_setup.h"
#include "tools/stop_signals.h"
#include "tools/topic_spec.h"

namespace tools {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string file;
  std::vector<std::string> overrides;
  std::string data_directory;
  bool ephemeral = false;
  std::string log_level = "info";
  std::vector<std::string> topics;
};

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any other thread
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

protocol::Result<std::string> read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()) || file.bad()) {
    if (file && file.peek() == std::ifstream::traits_type::eof()) return std::string();  // empty
    return protocol::fail(protocol::ErrorCode::invalid_config, "the file " + name + " can't be read");
  }
  return text.str();
}

protocol::Result<broker::LoadedConfig> load(const Options& options) {
  broker::ConfigInputs inputs;
  if (!options.file.empty()) {
    auto text = read_file(options.file);
    if (!text) return std::unexpected(text.error());
    inputs.file_text = std::move(*text);
    inputs.file_name = options.file;
  }
  inputs.environment = environment();
  inputs.overrides = options.overrides;
  inputs.default_data_directory = default_data_directory(environment_variable);
  if (!options.data_directory.empty()) inputs.data_directory = options.data_directory;
  inputs.ephemeral = options.ephemeral;
  return broker::load_config(inputs);
}

int complain(const protocol::Error& error, int code) {
  std::fprintf(stderr, "barnabas: %s\n", error.text().c_str());
  return code;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

// What people and scripts wait for. The second line is for container test kits, which look for these words of Kafka's.
void say_ready(const broker::Broker& broker, Clock::time_point begin) {
  std::vector<std::string> addresses;
  for (const auto& endpoint : broker.endpoints()) addresses.push_back(endpoint.text());
  const auto directories = broker.data_directories();
  const auto http = broker.http_endpoint();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
  spdlog::info("Ready on {}{}, {}, after {} ms", joined(addresses), http ? " and " + http->text() : std::string(),
               directories.empty() ? "keeping nothing" : "data in " + joined(directories), ms);
  spdlog::info("[KafkaServer id={}] started; Transitioning from RECOVERY to RUNNING; Kafka Server started",
               broker.broker_id());
}

protocol::Result<void> make_topics(broker::Broker& broker, const std::vector<broker::Broker::TopicAtStart>& topics) {
  for (const auto& topic : topics) {
    if (auto made = broker.create_topic(topic); !made) {
      return protocol::fail(made.error().code, "the topic " + topic.name + " of --topic: " + made.error().text());
    }
  }
  return {};
}

// Waits for the signals while the broker starts and runs: the first one ends the start early. A start that doesn't get
// anywhere (a ZooKeeper that is silent, a disk that hangs) is given up: what is stored stands a kill at any time.
class StopWatcher {
 public:
  explicit StopWatcher(StopSignals& signals) : thread_([this, &signals] { watch(signals); }) {}
  ~StopWatcher() {
    start_ended();
    if (!stop_requested()) fail();  // the thread still waits for a signal
    thread_.join();
  }
  StopWatcher(const StopWatcher&) = delete;
  StopWatcher& operator=(const StopWatcher&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  // The broker can't go on, and this is why.
  void fail() {
    failed_ = true;
    ::kill(::getpid(), SIGTERM);
  }
  bool failed() const { return failed_; }
  bool stop_requested() const { return stop_.stop_requested(); }

  // False: a signal came first.
  bool start_ended() {
    const std::lock_guard lock(mutex_);
    start_ended_ = true;
    changed_.notify_all();
    return !stop_.stop_requested();
  }
  void wait_for_stop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stop_.stop_requested(); });
  }

 private:
  static constexpr std::chrono::seconds start_ends_within{8};

  void watch(StopSignals& signals) {
    const int signal = signals.wait();
    if (!failed_) spdlog::info("Stopping ({}); once more to stop at once", name_of_stop_signal(signal));
    stop_.request_stop();
    std::unique_lock lock(mutex_);
    changed_.notify_all();
    if (changed_.wait_for(lock, start_ends_within, [this] { return start_ended_; })) return;
    spdlog::error("The start doesn't end; giving it up");
    _exit(exit_code::failed);
  }

  std::atomic<bool> failed_{false};
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool start_ended_ = false;
  std::thread thread_;
};

// Stopping is left to the calling thread.
int run(broker::Broker& broker, const std::vector<broker::Broker::TopicAtStart>& topics, StopWatcher& stop,
        Clock::time_point begin) {
  auto started = broker.start();
  if (started) started = make_topics(broker, topics);
  const bool goes_on = stop.start_ended() && started;
  if (goes_on) {
    say_ready(broker, begin);
    stop.wait_for_stop();
  }
  broker.stop();
  if (!goes_on && !stop.stop_requested()) return complain(started.error(), exit_code::failed);
  spdlog::info("Stopped");
  return stop.failed() ? exit_code::failed : exit_code::ok;
}

int start(const Options& options, Clock::time_point begin) {
  StopSignals signals;
  if (auto log = set_up_log(options.log_level); !log) return complain(log.error(), exit_code::usage);
  const auto topics = parse_topic_specs(options.topics);
  if (!topics) return complain(topics.error(), exit_code::usage);
  auto loaded = load(options);
  if (!loaded) return complain(loaded.error(), exit_code::usage);
  for (const broker::ConfigNote& note : loaded->notes) {
    spdlog::log(note.warning ? spdlog::level::warn : spdlog::level::info, "{}", note.text);
  }
  StopWatcher stop(signals);
  broker::Broker broker({.config = std::move(loaded->values),
                         .on_failure = [&stop](const std::string&) { stop.fail(); },
                         .stop = stop.token()});
  return run(broker, *topics, stop, begin);
}

}  // namespace

void add_start_command(CLI::App& app, Run& chosen) {
  const auto begin = Clock::now();
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("start", "Run a broker until SIGTERM or Ctrl-C");
  command->add_option("file", options->file, "server.properties; without one: a friendly broker on localhost:9092")
      ->type_name("FILE");
  command->add_option("-o,--override", options->overrides, "A setting, over file and environment; may come again")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command
      ->add_option("-t,--topic", options->topics,
                   "A topic to make before the broker is ready, where it is missing; may come again")
      ->type_name("NAME[:PARTITIONS[:KEY=VALUE,…]]")
      ->take_all()
      ->allow_extra_args(false);
  CLI::Option* data =
      command->add_option("-d,--data-dir", options->data_directory, "Where the data lies")->type_name("DIRECTORY");
  command->add_flag("--ephemeral", options->ephemeral, "Keep nothing when it ends")->excludes(data);
  command->add_option("--log-level", options->log_level, "How much to log")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "critical", "off"}));
  command->footer(R"(Examples:
  barnabas start
  barnabas start --ephemeral --topic orders:3 --topic users
  barnabas start --topic users:1:cleanup.policy=compact,retention.ms=60000
  barnabas start server.properties --override log.retention.hours=24)");
  command->callback([options, begin, &chosen] { chosen = [options, begin] { return start(*options, begin); }; });
}

}  // namespace tools
