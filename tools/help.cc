#include "tools/help.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "tools/text.h"

namespace tools {
namespace {

constexpr std::size_t columns = 80;
constexpr std::size_t text_column = 24;  // where descriptions begin

// The name that stands for the option's value: "TOPIC", or "all|1|0".
std::string value_name(const CLI::Option& option) {
  if (const auto fixed = choices(option); !fixed.empty()) return fmt::format("{}", fmt::join(fixed, "|"));
  return option.get_type_name();
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// "-z, --compression none|gzip|…".
std::string option_title(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
  // Further long names are for the memory of those who know other tools; they needn't be shown.
  if (!option.get_lnames().empty()) names += (names.empty() ? "--" : ", --") + option.get_lnames().front();
  return takes_value(option) ? names + " " + value_name(option) : names;
}

// In the line that shows all arguments, a fixed set of values would take too much room.
std::string usage_name(const CLI::Option& option) {
  if (choices(option).empty()) return value_name(option);
  std::string name = option.get_name();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

std::string argument_title(const CLI::Option& option, std::string title) {
  if (option.get_items_expected_max() > 1) title += "…";
  return option.get_required() ? title : "[" + title + "]";
}

std::string description(const CLI::Option& option) {
  std::string facts;
  if (!option.get_envname().empty()) facts = "$" + option.get_envname();
  const std::string preset = option.get_default_str();
  if (takes_value(option) && !preset.empty()) facts += (facts.empty() ? "" : ", else ") + preset;
  return option.get_description() + (facts.empty() ? "" : fmt::format(" [{}]", facts));
}

// A title and its text beside it, or below it when the title is long.
std::string entry(const std::string& title, const std::string& text) {
  std::string out = "  " + title;
  const std::size_t width = character_count(out);
  std::string pad(width + 2 <= text_column ? text_column - width : 0, ' ');
  if (pad.empty()) {
    out += '\n';
    pad.assign(text_column, ' ');
  }
  for (const std::string& line : wrapped_words(text, columns - text_column)) {
    out += pad + line + '\n';
    pad.assign(text_column, ' ');
  }
  return out;
}

std::string usage(const CLI::App& app) {
  std::string line = "Usage: " + full_name(app);
  if (!visible_subcommands(app).empty()) return line + " COMMAND …\n";
  if (!visible_options(app).empty()) line += " [OPTIONS]";
  for (const CLI::Option* argument : arguments(app)) line += " " + argument_title(*argument, usage_name(*argument));
  return line + '\n';
}

std::string paragraph(std::string_view text) {
  std::string out;
  for (const std::string& line : wrapped_words(text, columns)) out += line + '\n';
  return out;
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

// Footers are laid out by hand: a block of plain text.
std::string code_block(const std::string& text) { return text.empty() ? "" : "```\n" + text + "\n```\n\n"; }

void append_command(std::string& out, const CLI::App& command) {
  const auto children = visible_subcommands(command);
  if (children.empty()) {
    out += fmt::format("### `{}`\n\n{}\n\n", full_name(command), command.get_description());
    out += code_block(usage(command).substr(7, usage(command).size() - 8));
    out += "| | |\n| --- | --- |\n";
    for (const CLI::Option* argument : arguments(command)) {
      out += fmt::format("| `{}` | {} |\n", cell(argument_title(*argument, value_name(*argument))),
                         cell(description(*argument)));
    }
    for (const CLI::Option* option : visible_options(command)) {
      out += fmt::format("| `{}` | {} |\n", cell(option_title(*option)), cell(description(*option)));
    }
    out += "\n" + code_block(command.get_footer());
  }
  for (const CLI::App* child : children) append_command(out, *child);
}

}  // namespace

std::vector<const CLI::App*> visible_subcommands(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App* child) { return !child->get_group().empty(); });
}

std::vector<const CLI::Option*> visible_options(const CLI::App& command) {
  return command.get_options(
      [](const CLI::Option* option) { return !option->get_positional() && !option->get_group().empty(); });
}

std::vector<const CLI::Option*> arguments(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<std::string> choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto begin = type.find(":{"), end = type.rfind('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return CLI::detail::split(type.substr(begin + 2, end - begin - 2), ',');
}

std::string full_name(const CLI::App& command) {
  if (command.get_parent() == nullptr) return command.get_name();
  return full_name(*command.get_parent()) + " " + command.get_name();
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string /*name*/, CLI::AppFormatMode /*mode*/) const {
  std::string out = paragraph(app->get_description()) + "\n" + usage(*app);
  if (const auto children = visible_subcommands(*app); !children.empty()) {
    out += "\nCommands:\n";
    for (const CLI::App* child : children) out += entry(child->get_name(), child->get_description());
  }
  if (const auto wanted = arguments(*app); !wanted.empty()) {
    out += "\nArguments:\n";
    for (const CLI::Option* argument : wanted)
      out += entry(argument_title(*argument, value_name(*argument)), description(*argument));
  }
  out += "\nOptions:\n";
  for (const CLI::Option* option : visible_options(*app)) out += entry(option_title(*option), description(*option));
  if (!app->get_footer().empty()) out += "\n" + app->get_footer() + "\n";
  return out;
}

std::string command_line_markdown(const CLI::App& app) {
  std::string out = R"(# The command line

<!-- Written by `barnabas --markdown`; edit the commands in tools/ instead. -->

One program: `barnabas start` runs a broker, everything else is an ordinary client of any Kafka-compatible cluster.

)";
  out += "| command | what it does |\n| --- | --- |\n";
  for (const CLI::App* command : visible_subcommands(app)) {
    out += fmt::format("| `{}` | {} |\n", command->get_name(), cell(command->get_description()));
  }
  out += "\n" + code_block(app.get_footer()) + "## Commands\n\n";
  for (const CLI::App* command : visible_subcommands(app)) append_command(out, *command);
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace tools
