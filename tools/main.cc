// barnabas: a broker that speaks the Kafka protocol, and the tools around it.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "tools/command.h"
#include "tools/help.h"

namespace {

// A broker has few long-lived allocations and many short ones on few threads: without a bound every thread gets an
// arena of its own, and freed pages stay with the process.
void keep_memory_small() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

// The command that the words reached before one of them was wrong.
const CLI::App& deepest(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.front());
}

int run(int argc, char** argv) {
  CLI::App app;
  tools::Run chosen;
  tools::add_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of code 0 to CLI11.
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "barnabas: %s\nSee %s --help\n", error.what(), tools::full_name(deepest(app)).c_str());
    return tools::exit_code::usage;
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
