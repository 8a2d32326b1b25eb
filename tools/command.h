// The subcommands of `barnabas`. Each add_… puts one subcommand with its options on the command line; when the user
// chose it, `chosen` is what main then runs, and its result is the program's exit code.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace tools {

// What scripts can tell apart.
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int failed = 1;         // the broker or a file said no; the message says why
inline constexpr int usage = 2;          // wrong options
inline constexpr int unreachable = 3;    // no broker answered
inline constexpr int partly = 4;         // some of several things failed
inline constexpr int interrupted = 130;  // Ctrl-C before the end
}  // namespace exit_code

using Run = std::function<int()>;

// Everything: the program's name, its help, and all commands. `app` is empty before.
void add_commands(CLI::App& app, Run& chosen);

void add_start_command(CLI::App& app, Run& chosen);
void add_health_command(CLI::App& app, Run& chosen);
void add_topics_command(CLI::App& app, Run& chosen);
void add_produce_command(CLI::App& app, Run& chosen);
void add_consume_command(CLI::App& app, Run& chosen);
void add_groups_command(CLI::App& app, Run& chosen);
void add_configs_command(CLI::App& app, Run& chosen);
void add_perf_command(CLI::App& app, Run& chosen);
void add_dump_log_command(CLI::App& app, Run& chosen);
void add_completion_command(CLI::App& app, Run& chosen);

// --compression and --acks, as `produce` and `perf produce` have them.
void add_producing_options(CLI::App& command, std::string& codec, std::string& acks);

}  // namespace tools
