// `barnabas config`: which settings there are.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "tools/command.h"
#include "tools/config_reference.h"

namespace tools {
namespace {

struct Options {
  std::string filter;
  bool topic = false;
  bool json = false;
  bool markdown = false;
};

int show(const Options& options) {
  std::string text;
  if (options.markdown) {
    text = config_markdown();
  } else if (options.json) {
    text = config_json(options.filter);
  } else {
    text = config_text(options.topic ? broker::topic_config_table() : broker::broker_config_table(), options.filter);
  }
  if (text.empty()) {
    std::fprintf(stderr, "barnabas: no setting's name contains '%s'\n", options.filter.c_str());
    return exit_code::failed;
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  return exit_code::ok;
}

}  // namespace

void add_config_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("config", "List the settings of the broker, or of topics");
  command->add_option("name", options->filter, "Only settings whose name contains this");
  command->add_flag("--topic", options->topic, "Settings of topics");
  command->add_flag("--json", options->json, "All of it, for programs");
  command->add_flag("--markdown", options->markdown, "The reference page");
  command->callback([options, &chosen] { chosen = [options] { return show(*options); }; });
}

}  // namespace tools
