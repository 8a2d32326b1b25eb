// `barnabas consume`: records to stdout.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "tools/cluster_session.h"
#include "tools/command.h"
#include "tools/consumer.h"
#include "tools/json_writer.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace tools {
namespace {

struct Options {
  SessionOptions session;
  ConsumerOptions consumer;
  std::string from = "end";
  std::int64_t count = 0;  // 0: no limit
  bool until_end = false;
  bool keys = false;
  bool verbose = false;
};

// Prints records in the way that the options ask for.
class Printer {
 public:
  explicit Printer(const Options& options) : options_(options) {}

  void print(protocol::PartitionIndex partition, const protocol::RecordView& record) {
    if (options_.session.json) {
      print_json(partition, record);
    } else if (options_.verbose) {
      print_verbose(partition, record);
    } else {
      if (options_.keys) {
        write(record.key);
        std::fputc('\t', stdout);
      }
      write(record.value);
      std::fputc('\n', stdout);
    }
  }

 private:
  static void write(const std::optional<protocol::Bytes>& bytes) {
    if (bytes) std::fwrite(bytes->data(), 1, bytes->size(), stdout);
  }

  static std::string shown(const std::optional<protocol::Bytes>& bytes) { return bytes ? printable(*bytes) : "null"; }

  void print_verbose(protocol::PartitionIndex partition, const protocol::RecordView& record) {
    fmt::print("{}:{}  {}", partition, record.offset, utc_time(record.timestamp));
    for (const protocol::RecordHeader& header : record.headers) {
      fmt::print("  {}={}", printable(protocol::as_bytes(header.key)), shown(header.value));
    }
    fmt::print("\n  {}: {}\n", shown(record.key), shown(record.value));
  }

  void print_json(protocol::PartitionIndex partition, const protocol::RecordView& record) {
    json_.clear();
    json_.begin_object().field("topic", std::string_view(options_.consumer.topic)).field("partition", partition);
    json_.field("offset", record.offset).field("timestamp", record.timestamp);
    json_.bytes_field("key", record.key).bytes_field("value", record.value).name("headers").begin_array();
    for (const protocol::RecordHeader& header : record.headers) {
      json_.begin_object().field("key", header.key).bytes_field("value", header.value).end_object();
    }
    json_.end_array().end_object();
    fmt::print("{}\n", json_.text());
  }

  const Options& options_;
  JsonWriter json_;
};

int consume(const Options& options, Consumer& consumer) {
  Printer printer(options);
  std::int64_t printed = 0;
  bool enough = false;
  while (!enough && !is_interrupted() && std::ferror(stdout) == 0) {
    if (options.until_end && consumer.reached_first_end()) break;
    const auto polled = consumer.poll([&](protocol::PartitionIndex partition, const protocol::RecordView& record) {
      printer.print(partition, record);
      enough = ++printed == options.count || is_interrupted();
      return !enough;
    });
    std::fflush(stdout);
    if (!polled) return report(polled.error());
  }
  // Ctrl-C is how one ends following a topic; it is a failure only where an end was asked for.
  const bool was_bounded = options.until_end || options.count > 0;
  return is_interrupted() && was_bounded ? exit_code::interrupted : exit_code::ok;
}

int run(Options& options) {
  options.consumer.start = *StartPoint::parse(options.from);
  auto cluster = connect(options.session);
  if (!cluster) return report(cluster.error());
  auto consumer = Consumer::open(*cluster, options.consumer);
  if (!consumer) return report(consumer.error());
  watch_interrupts();
  return consume(options, *consumer);
}

}  // namespace

void add_consume_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("consume", "Print records as they come");
  command->add_option("topic", options->consumer.topic, "Where from")->type_name("TOPIC")->required();
  command->add_option("-p,--partition", options->consumer.partitions, "Only these (default: all)")
      ->type_name("0,1,…")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      ->add_option("--from", options->from,
                   "beginning, end, an offset, -N for the last N of each partition, or a time such as 2024-05-01T12:00")
      ->type_name("WHERE")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return StartPoint::parse(text) ? std::string() : "'" + text + "' is not a place to start from";
      });
  command->add_option("-n,--count", options->count, "End after this many records")
      ->type_name("N")
      ->check(CLI::PositiveNumber.description(""));
  command->add_flag("-e,--until-end", options->until_end, "End where the topic ends now, instead of waiting for more");
  command->add_flag("-k,--keys", options->keys, "The key and a tab in front of each value");
  command->add_flag("-v,--verbose", options->verbose, "Partition, offset, time, headers and key as well");
  add_session_options(*command, options->session);
  command->footer(R"(Without --count and --until-end it follows the topic until Ctrl-C.

Examples:
  barnabas consume orders --from beginning --until-end
  barnabas consume orders --from=-10 --verbose
  barnabas consume orders --json | jq .value)");
  command->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace tools
