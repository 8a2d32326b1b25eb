// `barnabas topics`: the command line of it.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/command.h"
#include "tools/topics.h"

namespace tools {
namespace {

struct Options {
  SessionOptions session;
  ListTopics list;
  DescribeTopics describe;
  CreateTopics create;
  DeleteTopics remove;
  AlterTopic alter;
  std::vector<std::string> settings;  // key=value, of create and alter
};

std::vector<ConfigValue> split_settings(const std::vector<std::string>& settings) {
  std::vector<ConfigValue> result;
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    result.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return result;
}

std::string check_setting(const std::string& text) {
  const auto equals = text.find('=');
  return equals == std::string::npos || equals == 0 ? "'" + text + "' is not key=value" : "";
}

// One action of `topics`: its subcommand with the session's options, and `action` when it is chosen.
template <typename Action>
CLI::App* add(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen, const char* name,
              const char* description, Action action) {
  CLI::App* command = topics.add_subcommand(name, description);
  add_session_options(*command, options->session);
  command->callback([options, action, &chosen] { chosen = [options, action] { return action(*options); }; });
  return command;
}

void add_settings(CLI::App& command, Options& options, const char* description) {
  command.add_option("-c,--config", options.settings, description)->check(check_setting)->allow_extra_args(false);
}

void add_create(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* create = add(topics, options, chosen, "create", "Create topics", [](Options& o) {
    o.create.configs = split_settings(o.settings);
    return create_topics(o.session, o.create);
  });
  create->add_option("name", options->create.names, "Names")->required();
  create->add_option("-p,--partitions", options->create.partitions, "Partitions of each (default: the broker's)")
      ->check(CLI::Range(1, 1'000'000));
  create
      ->add_option("-r,--replication-factor", options->create.replication_factor,
                   "Replicas of each partition (default: the broker's)")
      ->check(CLI::Range(1, 32767));
  add_settings(*create, *options, "A setting of the topic, key=value; may come again");
  create->add_flag("--if-not-exists", options->create.if_not_exists, "No failure when a topic is there already");
  create->add_flag("--validate-only", options->create.validate_only, "Ask whether it would work");
}

void add_alter(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* alter = add(topics, options, chosen, "alter", "Add partitions, change settings", [](Options& o) {
    o.alter.set = split_settings(o.settings);
    return alter_topic(o.session, o.alter);
  });
  alter->add_option("name", options->alter.name, "The topic")->required();
  alter->add_option("-p,--partitions", options->alter.partitions, "How many it shall have, more than now")
      ->check(CLI::Range(1, 1'000'000));
  add_settings(*alter, *options, "A setting, key=value; may come again");
  alter->add_option("--reset", options->alter.reset, "A setting to go back to its default; may come again")
      ->allow_extra_args(false);
}

}  // namespace

void add_topics_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* topics = app.add_subcommand("topics", "List, describe, create, delete and alter topics");
  topics->require_subcommand(1);

  CLI::App* list = add(*topics, options, chosen, "list", "Names and sizes of the topics",
                       [](Options& o) { return list_topics(o.session, o.list); });
  list->add_flag("--internal", options->list.internal, "Internal topics as well");

  CLI::App* describe = add(*topics, options, chosen, "describe", "Partitions, replicas and settings",
                           [](Options& o) { return describe_topics(o.session, o.describe); });
  describe->add_option("name", options->describe.names, "Topics (default: all)");
  describe->add_flag("--all-configs", options->describe.all_configs, "Settings at their default as well");

  add_create(*topics, options, chosen);

  CLI::App* remove = add(*topics, options, chosen, "delete", "Delete topics and all their records",
                         [](Options& o) { return delete_topics(o.session, o.remove); });
  remove->add_option("name", options->remove.names, "Names")->required();
  remove->add_flag("--if-exists", options->remove.if_exists, "No failure when a topic is not there");

  add_alter(*topics, options, chosen);
}

}  // namespace tools
