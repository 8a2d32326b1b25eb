// barnabas: a broker that speaks the Kafka protocol, and the tools around it.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "tools/command.h"

namespace {

// A broker has few long-lived allocations and many short ones on few threads: without a bound every thread gets an
// arena of its own, and freed pages stay with the process.
void keep_memory_small() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

int run(int argc, char** argv) {
  CLI::App app("A message broker that speaks the Kafka protocol");
  app.name("barnabas");
  app.set_version_flag("--version", "barnabas " BARNABAS_VERSION);
  app.require_subcommand(1);
  tools::Run chosen;
  tools::add_start_command(app, chosen);
  tools::add_topics_command(app, chosen);
  tools::add_produce_command(app, chosen);
  tools::add_consume_command(app, chosen);
  tools::add_dump_log_command(app, chosen);
  tools::add_config_command(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of code 0 to CLI11.
    return app.exit(error) == 0 ? tools::exit_code::ok : tools::exit_code::usage;
  }
  return chosen();
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory_small();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "barnabas: %s\n", error.what());
    return tools::exit_code::failed;
  }
}
