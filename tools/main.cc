// barnabas: a broker that speaks the Kafka protocol, and the tools around it.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>

#include "tools/command.h"
#include "tools/help.h"

namespace {

constexpr const char* thread_hint =
    ": no thread can be started; is their number (ulimit -u, a container's limit) or the address space (ulimit -v) "
    "limited? A broker needs some 256 MB of the latter.";

void say_out_of_memory() {
  std::fputs("barnabas: out of memory; is the address space limited (ulimit -v)? A broker needs some 256 MB of it.\n",
             stderr);
}

// A broker has few long-lived allocations and many short ones on few threads: without a bound every thread gets an
// arena of its own, and freed pages stay with the process.
void keep_memory_small() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

// On a thread where nobody can handle it: out of memory or threads is no fault of the program, and needs a sentence
// instead of a core dump.
[[noreturn]] void explain_the_end() {
  try {
    if (const auto reason = std::current_exception()) std::rethrow_exception(reason);
  } catch (const std::bad_alloc&) {
    say_out_of_memory();
    std::_Exit(tools::exit_code::failed);
  } catch (const std::system_error& error) {
    const bool is_shortage = error.code() == std::errc::resource_unavailable_try_again;
    std::fprintf(stderr, "barnabas: ending: %s%s\n", error.what(), is_shortage ? thread_hint : "");
    if (is_shortage) std::_Exit(tools::exit_code::failed);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "barnabas: ending: %s\n", error.what());
  } catch (...) {
    std::fprintf(stderr, "barnabas: ending: an exception of no known kind\n");
  }
  std::abort();
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
  std::set_terminate(explain_the_end);
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    say_out_of_memory();
    return tools::exit_code::failed;
  } catch (const std::system_error& error) {
    std::fprintf(stderr, "barnabas: %s%s\n", error.what(),
                 error.code() == std::errc::resource_unavailable_try_again ? thread_hint : "");
    return tools::exit_code::failed;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "barnabas: %s\n", error.what());
    return tools::exit_code::failed;
  }
}
