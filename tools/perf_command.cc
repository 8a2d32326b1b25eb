// `barnabas perf`: the command line of it.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/command.h"
#include "tools/perf.h"

namespace tools {
namespace {

struct Options {
  SessionOptions session;
  ProduceLoad produce;
  ConsumeLoad consume;
  PerfLimits limits;
  std::string acks = "all", from = "beginning";
};

constexpr std::int64_t default_records = 1'000'000;

void add_limits(CLI::App& command, PerfLimits& limits) {
  command.add_option("-n,--count", limits.records, "End after so many records")
      ->type_name("N")
      ->check(CLI::PositiveNumber.description(""));
  command.add_option("-d,--duration", limits.seconds, "End after so many seconds")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber.description(""));
}

int produce(Options& options) {
  options.produce.acks = options.acks == "all" ? std::int16_t{-1} : static_cast<std::int16_t>(std::stoi(options.acks));
  options.produce.limits = options.limits;
  if (options.limits.records == 0 && options.limits.seconds == 0) options.produce.limits.records = default_records;
  return perf_produce(options.session, options.produce);
}

int consume(Options& options) {
  options.consume.consumer.start = *StartPoint::parse(options.from);
  options.consume.from_end = options.from == "end";
  options.consume.limits = options.limits;
  // What there is, unless records are waited for.
  options.consume.until_end = options.limits.records == 0 && options.limits.seconds == 0;
  return perf_consume(options.session, options.consume);
}

void add_produce(CLI::App& perf, const std::shared_ptr<Options>& options, Run& chosen) {
  ProduceLoad& load = options->produce;
  CLI::App* command = perf.add_subcommand("produce", "Send random records as fast as possible, or at a rate");
  command->add_option("topic", load.topic, "Where to; it is made where it is missing")->type_name("TOPIC")->required();
  add_limits(*command, options->limits);
  command->add_option("-s,--record-size", load.record_bytes, "Bytes of a record's value")
      ->type_name("BYTES")
      ->capture_default_str()
      ->check(CLI::Range(0, 64 << 20).description(""));
  command->add_option("--batch-size", load.batch_bytes, "Bytes of a batch before compression; one request each")
      ->type_name("BYTES")
      ->capture_default_str()
      ->check(CLI::Range(1, 512 << 20).description(""));
  add_producing_options(*command, load.codec, options->acks);
  command->add_option("--rate", load.records_per_s, "Records per second; without: as many as possible")
      ->type_name("N")
      ->check(CLI::PositiveNumber.description(""));
  command->add_option("--in-flight", load.in_flight, "Requests under way at once, for each broker")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000).description(""));
  command->add_option("-p,--partitions", load.partitions, "How many the topic gets when it is made")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000).description(""));
  add_session_options(*command, options->session);
  command->footer(R"(Without --count and --duration: a million records. The latency of a record is
from the beginning of its batch to the broker's answer.

Examples:
  barnabas perf produce load --partitions 6
  barnabas perf produce load --duration 30 --rate 5000 --record-size 1000)");
  command->callback([options, &chosen] { chosen = [options] { return produce(*options); }; });
}

void add_consume(CLI::App& perf, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* command = perf.add_subcommand("consume", "Read records as fast as possible");
  command->add_option("topic", options->consume.consumer.topic, "Where from")->type_name("TOPIC")->required();
  add_limits(*command, options->limits);
  command->add_option("--from", options->from, "beginning, end, an offset, -N for the last N, or a time")
      ->type_name("WHERE")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return StartPoint::parse(text) ? std::string() : "'" + text + "' is not a place to start from";
      });
  command
      ->add_option("--fetch-size", options->consume.consumer.max_partition_bytes, "Bytes of a partition in one answer")
      ->type_name("BYTES")
      ->capture_default_str()
      ->check(CLI::Range(1, 512 << 20).description(""));
  add_session_options(*command, options->session);
  command->footer(R"(Without --count and --duration: up to where the topic ends now. Checksums are
checked and all records read. With --from end it also tells how old records are
when they come.

Examples:
  barnabas perf consume load
  barnabas perf consume load --from end --duration 30)");
  command->callback([options, &chosen] { chosen = [options] { return consume(*options); }; });
}

}  // namespace

void add_perf_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* perf = app.add_subcommand("perf", "Put load on a topic and measure throughput and latency");
  perf->require_subcommand(1);
  add_produce(*perf, options, chosen);
  add_consume(*perf, options, chosen);
}

}  // namespace tools
