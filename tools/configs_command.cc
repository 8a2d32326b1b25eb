// `barnabas configs`: the command line of it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "tools/command.h"
#include "tools/config_reference.h"
#include "tools/configs.h"
#include "tools/quotas.h"

namespace tools {
namespace {

struct ReferenceOptions {
  std::string filter;
  bool topic = false;
  bool json = false;
  bool markdown = false;
};

struct Options {
  SessionOptions session;
  ReferenceOptions reference;
  DescribeConfigs describe;
  bool validate_only = false;
  std::string kind;
  std::vector<std::string> words;  // a name and what to change, as they came
};

int show_reference(const ReferenceOptions& options) {
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

int wrong_usage(const std::string& what) {
  fmt::print(stderr, "barnabas: {}\n", what);
  return exit_code::usage;
}

ConfigKind kind_of(const std::string& word) {
  if (word == "topic") return ConfigKind::topic;
  return word == "group" ? ConfigKind::group : ConfigKind::broker;
}

bool is_broker_id(const std::string& word) {
  return !word.empty() && word.size() < 10 &&
         std::ranges::all_of(word, [](unsigned char c) { return std::isdigit(c); });
}

bool is_default(std::string_view kind) { return kind.starts_with("all-"); }

std::optional<double> number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return value;
}

int change_quotas(const Options& options, QuotaOwner owner, bool set) {
  AlterQuotas wanted{.owner = std::move(owner), .validate_only = options.validate_only};
  for (const std::string& word : options.words) {
    if (!set) {
      wanted.unset.push_back(word);
      continue;
    }
    const auto equals = word.find('=');
    const auto value = equals == std::string::npos ? std::nullopt : number(word.substr(equals + 1));
    if (!value || equals == 0) return wrong_usage("'" + word + "' is not key=number");
    wanted.set.emplace_back(word.substr(0, equals), *value);
  }
  return alter_quotas(options.session, wanted);
}

int describe(Options& options) {
  if (const auto owner = quota_owner(options.kind)) {
    if (is_default(options.kind) && !options.describe.names.empty()) {
      return wrong_usage(options.kind + " needs no name");
    }
    return describe_quotas(options.session, *owner, options.describe.names, is_default(options.kind));
  }
  options.describe.kind = kind_of(options.kind);
  if (options.kind == "all-brokers") {
    if (!options.describe.names.empty()) return wrong_usage("all-brokers needs no name");
    options.describe.names = {""};
  } else if (options.kind == "broker" && !std::ranges::all_of(options.describe.names, is_broker_id)) {
    return wrong_usage("a broker is named by its number");
  }
  return describe_configs(options.session, options.describe);
}

// Takes the name off the front of the words; all-brokers and the like have none.
std::string take_name(Options& options) {
  if (is_default(options.kind)) return {};
  std::string name = options.words.front();
  options.words.erase(options.words.begin());
  return name;
}

int change(Options& options, bool set) {
  AlterConfigs wanted{.validate_only = options.validate_only};
  wanted.resource = {.kind = kind_of(options.kind), .name = take_name(options)};
  if (options.words.empty()) {
    return wrong_usage(fmt::format("what of {} {} shall change?", options.kind, wanted.resource.name));
  }
  if (auto owner = quota_owner(options.kind)) {
    if (!is_default(options.kind)) owner->name = wanted.resource.name;
    return change_quotas(options, std::move(*owner), set);
  }
  if (options.kind == "broker" && !is_broker_id(wanted.resource.name)) {
    return wrong_usage(fmt::format("'{}' is not the number of a broker", wanted.resource.name));
  }
  for (const std::string& word : options.words) {
    const auto equals = word.find('=');
    if (set && (equals == std::string::npos || equals == 0)) return wrong_usage("'" + word + "' is not key=value");
    if (set) {
      wanted.set.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    } else {
      wanted.unset.push_back(word);
    }
  }
  return alter_configs(options.session, wanted);
}

void add_kind(CLI::App& command, Options& options) {
  command.add_option("type", options.kind, "What has the settings")
      ->required()
      ->check(CLI::IsMember(
          {"topic", "broker", "all-brokers", "group", "user", "all-users", "client", "all-clients", "ip", "all-ips"}));
}

void add_change(CLI::App& configs, const std::shared_ptr<Options>& options, Run& chosen, bool set) {
  CLI::App* command = set ? configs.add_subcommand("set", "Change settings of a live cluster")
                          : configs.add_subcommand("unset", "Let settings go back to what they'd be otherwise");
  add_kind(*command, *options);
  command
      ->add_option(
          "words", options->words,
          set ? "Its name or number (all-…: none), and the settings" : "Its name or number (all-…: none), and the keys")
      ->type_name(set ? "[NAME] KEY=VALUE" : "[NAME] KEY")
      ->required();
  command->add_flag("--validate-only", options->validate_only, "Ask whether it would work");
  add_session_options(*command, options->session);
  command->footer(set ? R"(Examples:
  barnabas configs set topic orders retention.ms=3600000 cleanup.policy=compact
  barnabas configs set broker 1 log.cleaner.threads=2
  barnabas configs set all-brokers log.retention.ms=86400000
  barnabas configs set client loader producer_byte_rate=1048576)"
                      : R"(Example:
  barnabas configs unset topic orders retention.ms)");
  command->callback([options, set, &chosen] { chosen = [options, set] { return change(*options, set); }; });
}

void add_describe(CLI::App& configs, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* command = configs.add_subcommand("describe", "Settings that a live cluster has, and where they come from");
  add_kind(*command, *options);
  command->add_option("names", options->describe.names, "Names, or numbers of brokers (default: all)")
      ->type_name("NAME");
  command->add_flag("-a,--all", options->describe.all, "Settings at their default as well");
  add_session_options(*command, options->session);
  command->callback([options, &chosen] { chosen = [options] { return describe(*options); }; });
}

void add_reference(CLI::App& configs, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* command = configs.add_subcommand("reference", "What can be set at all, with defaults; asks no cluster");
  command->add_option("filter", options->reference.filter, "Only settings whose name contains this")->type_name("TEXT");
  command->add_flag("--topic", options->reference.topic, "Settings of topics, not of the broker");
  command->add_flag("--json", options->reference.json, "All of it, for programs");
  command->add_flag("--markdown", options->reference.markdown, "The reference page");
  command->callback([options, &chosen] { chosen = [options] { return show_reference(options->reference); }; });
}

}  // namespace

void add_configs_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* configs = app.add_subcommand("configs", "Settings: of a live cluster, and the reference of all there are");
  configs->alias("config");
  configs->require_subcommand(1);
  add_describe(*configs, options, chosen);
  add_change(*configs, options, chosen, true);
  add_change(*configs, options, chosen, false);
  add_reference(*configs, options, chosen);
}

}  // namespace tools
