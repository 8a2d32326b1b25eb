// How `--help` looks, and the same as Markdown (docs/command-line.md). Both are written from the commands' definitions.
// Stateless.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tools {

// Help that fits 80 columns.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

// The reference page of all commands that aren't hidden.
std::string command_line_markdown(const CLI::App& app);

// What a user calls it: "barnabas topics create".
std::string full_name(const CLI::App& command);

// The subcommands that people shall see, in the order in which they were added.
std::vector<const CLI::App*> visible_subcommands(const CLI::App& command);
// The options that people shall see.
std::vector<const CLI::Option*> visible_options(const CLI::App& command);
std::vector<const CLI::Option*> arguments(const CLI::App& command);

// The values that an option takes where they are a fixed set; else empty. CLI11 tells them only in the type's name.
std::vector<std::string> choices(const CLI::Option& option);

}  // namespace tools
