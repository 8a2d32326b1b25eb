// `barnabas completion`: the scripts for shells, and the hidden command that these call.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "tools/cluster_session.h"
#include "tools/command.h"
#include "tools/completion.h"
#include "tools/group_state.h"

namespace tools {
namespace {

// Somebody waits at the keyboard.
constexpr int patience_s = 1;

// Names that the cluster knows; none when it can't be asked.
std::vector<std::string> find_names(NameKind kind, const std::string& brokers) {
  SessionOptions session{.timeout_s = patience_s};
  const char* from_environment = std::getenv("BARNABAS_BROKERS");  // NOLINT(concurrency-mt-unsafe): one thread
  if (from_environment != nullptr) session.brokers = from_environment;
  if (!brokers.empty()) session.brokers = brokers;
  std::vector<std::string> names;
  auto cluster = connect(session);
  if (!cluster) return names;
  if (kind == NameKind::group) {
    const auto groups = list_all_groups(*cluster, {});
    if (!groups) return names;
    for (const ListedGroup& group : *groups) names.push_back(group.group);
    return names;
  }
  const auto metadata = cluster->metadata(std::nullopt);
  if (!metadata) return names;
  for (const auto& topic : (*metadata)->topics) {
    if (topic.name) names.push_back(topic.name->str());
  }
  std::ranges::sort(names);
  return names;
}

// One candidate a line, its description behind a tab; or ":files".
int print_completions(const CLI::App& app, const std::string& line) {
  const Completions found = complete(app, line, find_names);
  if (found.files) fmt::print(":files\n");
  for (const auto& word : found.words) {
    fmt::print("{}{}{}\n", word.text, word.description.empty() ? "" : "\t", word.description);
  }
  return exit_code::ok;
}

}  // namespace

void add_completion_command(CLI::App& app, Run& chosen) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print the script that makes bash or zsh complete commands");
  command->add_option("shell", *shell, "Which shell")->required()->check(CLI::IsMember({"bash", "zsh"}));
  command->footer(R"(Completes commands, options and their values, and names of topics and groups.

Examples:
  source <(barnabas completion bash)          in ~/.bashrc
  source <(barnabas completion zsh)           in ~/.zshrc, after compinit)");
  command->callback([shell, &chosen] {
    chosen = [shell] {
      fmt::print("{}", *shell == "bash" ? bash_completion() : zsh_completion());
      return exit_code::ok;
    };
  });

  auto line = std::make_shared<std::string>();
  CLI::App* hidden = app.add_subcommand("__complete", "What may come next on a command line");
  hidden->group("");
  hidden->add_option("line", *line);
  hidden->callback([line, &app, &chosen] { chosen = [line, &app] { return print_completions(app, *line); }; });
}

}  // namespace tools
