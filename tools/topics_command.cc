// `barnabas topics`: the command line of it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "tools/command.h"
#include "tools/consumer.h"
#include "tools/text.h"
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
  ShowOffsets offsets;
  DeleteRecords records;
  std::vector<std::string> settings;  // key=value, of create and alter
  std::string time, before;
  bool yes = false;
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

int wrong_usage(const char* what) {
  std::fprintf(stderr, "barnabas: %s\n", what);
  return exit_code::usage;
}

// One action of `topics`: its subcommand with the session's options, and `action` when it is chosen.
template <typename Action>
CLI::App* add(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen, const char* name,
              const char* description, Action action) {
  CLI::App* command = topics.add_subcommand(name, description);
  command->callback([options, action, &chosen] { chosen = [options, action] { return action(*options); }; });
  return command;
}

void add_settings(CLI::App& command, Options& options, const char* description) {
  command.add_option("-c,--config", options.settings, description)
      ->type_name("KEY=VALUE")
      ->check(check_setting)
      ->allow_extra_args(false);
}

void add_create(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* create = add(topics, options, chosen, "create", "Create topics", [](Options& o) {
    o.create.configs = split_settings(o.settings);
    return create_topics(o.session, o.create);
  });
  create->add_option("names", options->create.names, "What they shall be called")->type_name("NAME")->required();
  create->add_option("-p,--partitions", options->create.partitions, "Partitions of each (default: the broker's)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000).description(""));
  create
      ->add_option("-r,--replication-factor", options->create.replication_factor,
                   "Replicas of each partition (default: the broker's)")
      ->type_name("N")
      ->check(CLI::Range(1, 32767).description(""));
  add_settings(*create, *options, "A setting of the topics; may come again");
  create->add_flag("--if-not-exists", options->create.if_not_exists, "No failure when a topic is there already");
  create->add_flag("--validate-only", options->create.validate_only, "Ask whether it would work");
  add_session_options(*create, options->session);
}

void add_alter(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* alter = add(topics, options, chosen, "alter", "Add partitions, change settings", [](Options& o) {
    o.alter.set = split_settings(o.settings);
    return alter_topic(o.session, o.alter);
  });
  alter->add_option("topic", options->alter.name, "Which")->type_name("TOPIC")->required();
  alter->add_option("-p,--partitions", options->alter.partitions, "How many it shall have, more than now")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000).description(""));
  add_settings(*alter, *options, "A setting; may come again");
  alter->add_option("--reset", options->alter.reset, "A setting to go back to its default; may come again")
      ->type_name("KEY")
      ->allow_extra_args(false);
  add_session_options(*alter, options->session);
}

void add_delete(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* remove = add(topics, options, chosen, "delete", "Delete topics and all their records", [](Options& o) {
    if (o.remove.all == o.remove.names.empty() && (!o.remove.all || o.yes)) return delete_topics(o.session, o.remove);
    return wrong_usage(o.remove.all && o.remove.names.empty() ? "--all deletes every topic; add --yes if that is meant"
                                                              : "name topics, or give --all --yes");
  });
  remove->add_option("topics", options->remove.names, "Which")->type_name("TOPIC");
  remove->add_flag("--all", options->remove.all, "All that aren't internal: a quick reset for tests");
  remove->add_flag("-y,--yes", options->yes, "--all is meant");
  remove->add_flag("--if-exists", options->remove.if_exists, "No failure when a topic is not there");
  add_session_options(*remove, options->session);
}

void add_offsets(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* offsets = add(topics, options, chosen, "offsets", "Where partitions begin and end", [](Options& o) {
    if (!o.time.empty()) o.offsets.time = parse_time(o.time);
    return show_offsets(o.session, o.offsets);
  });
  offsets->add_option("topics", options->offsets.topics, "Which (default: all)")->type_name("TOPIC[:0,1,…]");
  offsets->add_option("--at", options->time, "Also the first offset from this time on, such as 2024-05-01T12:00")
      ->type_name("TIME")
      ->check([](const std::string& text) {
        return parse_time(text) ? std::string() : "'" + text + "' is not a time such as 2024-05-01T12:00";
      });
  add_session_options(*offsets, options->session);
}

void add_truncate(CLI::App& topics, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* truncate = add(topics, options, chosen, "truncate", "Delete the oldest records of topics", [](Options& o) {
    const auto start = StartPoint::parse(o.before);
    o.records.offset = start->offset;
    if (!start->offset && start->time >= 0) o.records.time = start->time;
    return delete_records(o.session, o.records);
  });
  truncate->add_option("topics", options->records.topics, "Which")->type_name("TOPIC[:0,1,…]")->required();
  truncate
      ->add_option("--before", options->before,
                   "What goes: records before an offset, a time (2024-05-01T12:00), or end")
      ->type_name("OFFSET|TIME|end")
      ->required()
      ->check([](const std::string& text) {
        const auto start = StartPoint::parse(text);
        const bool good = start && start->last_records == 0 && start->time != StartPoint::earliest;
        return good ? std::string() : "'" + text + "' is not an offset, a time or end";
      });
  add_session_options(*truncate, options->session);
}

}  // namespace

void add_topics_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* topics = app.add_subcommand("topics", "Topics: list, describe, create, alter, delete, offsets, truncate");
  topics->require_subcommand(1);

  CLI::App* list = add(*topics, options, chosen, "list", "Names and sizes of the topics",
                       [](Options& o) { return list_topics(o.session, o.list); });
  list->add_flag("--internal", options->list.internal, "Internal topics as well");
  add_session_options(*list, options->session);

  CLI::App* describe = add(*topics, options, chosen, "describe", "Partitions, replicas and settings",
                           [](Options& o) { return describe_topics(o.session, o.describe); });
  describe->add_option("topics", options->describe.names, "Which (default: all)")->type_name("TOPIC");
  describe->add_flag("--all-configs", options->describe.all_configs, "Settings at their default as well");
  add_session_options(*describe, options->session);

  add_create(*topics, options, chosen);
  add_alter(*topics, options, chosen);
  add_delete(*topics, options, chosen);
  add_offsets(*topics, options, chosen);
  add_truncate(*topics, options, chosen);
}

}  // namespace tools
