// `barnabas groups`: the command line of it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "protocol/clock.h"
#include "tools/command.h"
#include "tools/groups.h"
#include "tools/text.h"

namespace tools {
namespace {

using Kind = ResetTarget::Kind;

// The ways to say where to; exactly one is given.
struct TargetOptions {
  std::vector<const CLI::Option*> all;
  bool earliest = false, latest = false, current = false;
  std::int64_t offset = -1;
  std::string time, ago;
  std::optional<std::int64_t> shift;
};

struct Options {
  SessionOptions session;
  ListGroups list;
  DescribeGroups describe;
  ResetOffsets reset;
  TargetOptions target;
  std::vector<std::string> names, topics;
};

template <typename Action>
CLI::App* add(CLI::App& groups, const std::shared_ptr<Options>& options, Run& chosen, const char* name,
              const char* description, Action action) {
  CLI::App* command = groups.add_subcommand(name, description);
  command->callback([options, action, &chosen] { chosen = [options, action] { return action(*options); }; });
  return command;
}

ResetTarget target_of(const TargetOptions& given, protocol::TimestampMs now) {
  if (given.earliest) return {.kind = Kind::earliest};
  if (given.latest) return {.kind = Kind::latest};
  if (given.current) return {.kind = Kind::current};
  if (given.offset >= 0) return {.kind = Kind::offset, .value = given.offset};
  if (given.shift) return {.kind = Kind::shift, .value = *given.shift};
  if (!given.ago.empty())
    return {.kind = Kind::time, .value = std::max<std::int64_t>(0, now - *parse_duration(given.ago))};
  return {.kind = Kind::time, .value = *parse_time(given.time)};
}

int reset(Options& options) {
  if (options.reset.topics.empty() != options.reset.all_topics) {
    fmt::print(stderr, "barnabas: say which topics: --topic, or --all-topics\n");
    return exit_code::usage;
  }
  const auto given = std::ranges::count_if(options.target.all, [](const CLI::Option* o) { return o->count() > 0; });
  if (given != 1) {
    fmt::print(stderr,
               "barnabas: say where to, in one way: --to-earliest, --to-latest, --to-current, --to-offset, "
               "--to-datetime, --by-duration or --shift-by\n");
    return exit_code::usage;
  }
  options.reset.target = target_of(options.target, protocol::SystemClock().now_ms());
  return reset_offsets(options.session, options.reset);
}

void add_targets(CLI::App& command, TargetOptions& target) {
  const auto is_time = [](const std::string& text) {
    return parse_time(text) ? std::string() : "'" + text + "' is not a time such as 2024-05-01T12:00";
  };
  const auto is_duration = [](const std::string& text) {
    return parse_duration(text) ? std::string() : "'" + text + "' is not a duration such as 90s or PT1H30M";
  };
  target.all = {
      command.add_flag("--to-earliest", target.earliest, "To the first record"),
      command.add_flag("--to-latest", target.latest, "To the end"),
      command.add_flag("--to-current", target.current, "To what is committed, kept within the log"),
      command.add_option("--to-offset", target.offset, "To this offset")
          ->type_name("OFFSET")
          ->check(CLI::NonNegativeNumber.description("")),
      command
          .add_option("--to-datetime", target.time, "To the first record from then on, such as 2024-05-01T12:00 (UTC)")
          ->type_name("TIME")
          ->check(is_time),
      command.add_option("--by-duration", target.ago, "To the first record younger than 90s, 15m, 2h, 7d or PT1H30M")
          ->type_name("DURATION")
          ->check(is_duration),
      command.add_option("--shift-by", target.shift, "On by so many records; back when negative")->type_name("N"),
  };
}

void add_reset(CLI::App& groups, const std::shared_ptr<Options>& options, Run& chosen) {
  CLI::App* command =
      add(groups, options, chosen, "reset-offsets",
          "Move a group that has no members now; shows only, without --execute", [](Options& o) { return reset(o); });
  command->add_option("group", options->reset.group, "The group; a new one is made")->type_name("GROUP")->required();
  command->add_option("-t,--topic", options->reset.topics, "A topic, or some of its partitions; may come again")
      ->type_name("TOPIC[:0,1,…]")
      ->allow_extra_args(false);
  command->add_flag("--all-topics", options->reset.all_topics, "All partitions that the group committed to");
  add_targets(*command, options->target);
  command->add_flag("--execute", options->reset.execute, "Do it");
  add_session_options(*command, options->session);
  command->footer(R"(Examples:
  barnabas groups reset-offsets app --topic orders --to-earliest
  barnabas groups reset-offsets app -t orders:0,2 --shift-by -100 --execute
  barnabas groups reset-offsets app --all-topics --by-duration 2h --execute)");
}

}  // namespace

void add_groups_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* groups = app.add_subcommand("groups", "Consumer groups: list, describe with lag, reset, delete");
  groups->require_subcommand(1);

  CLI::App* list = add(*groups, options, chosen, "list", "Names and states of the groups",
                       [](Options& o) { return list_groups(o.session, o.list); });
  list->add_option("--state", options->list.states,
                   "Only groups in this state, such as Stable or Empty; may come again")
      ->type_name("STATE")
      ->allow_extra_args(false);
  add_session_options(*list, options->session);

  CLI::App* describe = add(*groups, options, chosen, "describe", "Committed offsets, lag and members of groups",
                           [](Options& o) { return describe_groups(o.session, o.describe); });
  describe->add_option("groups", options->describe.groups, "Which (default: all)")->type_name("GROUP");
  describe->add_flag("-m,--members", options->describe.members, "The members and what they have, instead of offsets");
  add_session_options(*describe, options->session);

  add_reset(*groups, options, chosen);

  CLI::App* remove = add(*groups, options, chosen, "delete", "Delete groups without members, and their offsets",
                         [](Options& o) { return delete_groups(o.session, o.names); });
  remove->add_option("groups", options->names, "Which")->type_name("GROUP")->required();
  add_session_options(*remove, options->session);

  CLI::App* forget = add(*groups, options, chosen, "delete-offsets", "Forget what a group committed to topics",
                         [](Options& o) { return delete_offsets(o.session, o.reset.group, o.topics); });
  forget->add_option("group", options->reset.group, "The group")->type_name("GROUP")->required();
  forget->add_option("topics", options->topics, "Topics, or some of their partitions")
      ->type_name("TOPIC[:0,1,…]")
      ->required();
  add_session_options(*forget, options->session);
}

}  // namespace tools
