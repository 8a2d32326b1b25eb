#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "tools/command.h"
#include "tools/help.h"

namespace tools {
namespace {

constexpr const char* footer = R"(Exit codes:
  0    it worked
  1    the broker or a file said no; the message says why
  2    wrong options
  3    no broker answered
  4    some of several things failed, others worked
  130  Ctrl-C before the end

Examples:
  barnabas start --ephemeral --topic orders:3
  echo hello | barnabas produce orders
  barnabas consume orders --from beginning --until-end
  barnabas health --wait 10 && barnabas topics list
  export BARNABAS_BROKERS=kafka-1:9092,kafka-2:9092
  source <(barnabas completion bash))";

}  // namespace

void add_commands(CLI::App& app, Run& chosen) {
  app.name("barnabas");
  app.description("A message broker that speaks the Kafka protocol, and its tools, which work with any Kafka cluster.");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "This text; every command has its own");
  app.set_version_flag("--version", "barnabas " BARNABAS_VERSION);
  app.footer(footer);
  app.add_flag_callback(
         "--markdown",
         [&app] {
           std::fputs(command_line_markdown(app).c_str(), stdout);
           throw CLI::Success();
         },
         "docs/command-line.md")
      ->group("");
  app.require_subcommand(1);
  add_start_command(app, chosen);
  add_health_command(app, chosen);
  add_topics_command(app, chosen);
  add_produce_command(app, chosen);
  add_consume_command(app, chosen);
  add_groups_command(app, chosen);
  add_configs_command(app, chosen);
  add_perf_command(app, chosen);
  add_dump_log_command(app, chosen);
  add_completion_command(app, chosen);
}

}  // namespace tools
