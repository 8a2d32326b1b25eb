#include "tools/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>

#include "tools/help.h"

namespace tools {
namespace {

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

const CLI::Option* find_option(const CLI::App& command, const std::string& name) {
  const auto found =
      command.get_options([&](const CLI::Option* o) { return !o->get_positional() && o->check_name(name); });
  return found.empty() ? nullptr : found.front();
}

const CLI::App* find_subcommand(const CLI::App& command, const std::string& name) {
  const auto found = command.get_subcommands([&](const CLI::App* child) {
    return child->get_name() == name || std::ranges::find(child->get_aliases(), name) != child->get_aliases().end();
  });
  return found.empty() ? nullptr : found.front();
}

// Where the words before the cursor lead.
struct Place {
  const CLI::App* command = nullptr;
  const CLI::Option* waiting = nullptr;  // an option whose value comes next
  std::size_t arguments = 0;             // so many were given
  std::string brokers;
};

void take_option(Place& place, const std::string& word) {
  const auto equals = word.starts_with("--") ? word.find('=') : std::string::npos;
  const CLI::Option* option = find_option(*place.command, word.substr(0, equals));
  if (option == nullptr || !takes_value(*option)) return;
  if (equals == std::string::npos) {
    place.waiting = option;
  } else if (option->check_name("--brokers")) {
    place.brokers = word.substr(equals + 1);
  }
}

Place find_place(const CLI::App& app, std::span<const std::string> words) {
  Place place{.command = &app, .waiting = nullptr, .arguments = 0, .brokers = {}};
  for (const std::string& word : words) {
    if (place.waiting != nullptr) {
      if (place.waiting->check_name("--brokers")) place.brokers = word;
      place.waiting = nullptr;
    } else if (word.size() > 1 && word.starts_with('-')) {
      take_option(place, word);
    } else if (const CLI::App* child = find_subcommand(*place.command, word)) {
      place.command = child;
    } else {
      ++place.arguments;
    }
  }
  return place;
}

void add_values(Completions& found, const CLI::Option& option, const Place& place, const FindNames& names) {
  const std::string type = option.get_type_name();
  for (const std::string& choice : choices(option)) found.words.push_back({choice, {}});
  found.files = type.starts_with("FILE") || type.starts_with("DIRECTORY");
  const bool topic = type.starts_with("TOPIC"), group = type.starts_with("GROUP");
  if (!topic && !group) return;
  for (const std::string& name : names(topic ? NameKind::topic : NameKind::group, place.brokers)) {
    found.words.push_back({name, {}});
  }
}

void add_options(Completions& found, const CLI::App& command) {
  for (const CLI::Option* option : visible_options(command)) {
    if (option->get_lnames().empty()) continue;
    found.words.push_back({"--" + option->get_lnames().front(), option->get_description()});
  }
}

// The argument that comes next; the last one takes all that come, where it may be given several times.
const CLI::Option* next_argument(const Place& place) {
  const auto wanted = arguments(*place.command);
  if (place.arguments < wanted.size()) return wanted[place.arguments];
  return !wanted.empty() && wanted.back()->get_items_expected_max() > 1 ? wanted.back() : nullptr;
}

void keep_matching(Completions& found, std::string_view typed) {
  std::erase_if(found.words, [&](const Completions::Word& word) { return !word.text.starts_with(typed); });
}

}  // namespace

std::vector<std::string> split_line(std::string_view line) {
  std::vector<std::string> words(1);
  char quote = 0;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        words.back() += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.emplace_back();
      in_word = false;
    } else {
      if (c == '\\' && i + 1 < line.size()) ++i;
      words.back() += line[i];
      in_word = true;
    }
  }
  return words;
}

Completions complete(const CLI::App& app, std::string_view line, const FindNames& names) {
  std::vector<std::string> words = split_line(line);
  const std::string typed = words.back();
  words.pop_back();
  if (words.empty()) return {};  // still at the program's name
  const Place place = find_place(app, std::span(words).subspan(1));
  Completions found;
  const auto equals = typed.starts_with("--") ? typed.find('=') : std::string::npos;
  if (place.waiting != nullptr) {
    add_values(found, *place.waiting, place, names);
  } else if (equals != std::string::npos) {
    const CLI::Option* option = find_option(*place.command, typed.substr(0, equals));
    if (option == nullptr) return {};
    add_values(found, *option, place, names);
    for (auto& word : found.words) word.text.insert(0, typed.substr(0, equals + 1));
  } else if (typed.starts_with('-')) {
    add_options(found, *place.command);
  } else if (const auto children = visible_subcommands(*place.command); !children.empty()) {
    for (const CLI::App* child : children) found.words.push_back({child->get_name(), child->get_description()});
  } else if (const CLI::Option* argument = next_argument(place)) {
    add_values(found, *argument, place, names);
  } else {
    add_options(found, *place.command);
  }
  keep_matching(found, typed);
  return found;
}

std::string_view bash_completion() {
  return R"(# Completion of barnabas for bash: source <(barnabas completion bash)
_barnabas() {
  local line=${COMP_LINE:0:COMP_POINT} found
  local typed=${line##*[[:space:]]}
  mapfile -t found < <("${COMP_WORDS[0]}" __complete -- "$line" 2>/dev/null)
  COMPREPLY=()
  if [[ ${found[0]:-} == :files ]]; then
    compopt -o default 2>/dev/null
    return
  fi
  # Bash breaks words at = and :, and puts the reply in the place of the last piece only.
  local kept=${typed%"${typed##*[=:]}"} word
  for word in "${found[@]}"; do
    word=${word%%$'\t'*}
    COMPREPLY+=("${word#"$kept"}")
  done
}
complete -F _barnabas barnabas
)";
}

std::string_view zsh_completion() {
  return R"(#compdef barnabas
# Completion of barnabas for zsh: source <(barnabas completion zsh), after compinit
_barnabas() {
  local -a found names shown
  local entry line="${(j: :)words[1,CURRENT]}"
  found=("${(@f)$(${words[1]} __complete -- "$line" 2>/dev/null)}")
  if [[ ${found[1]} == :files ]]; then
    _files
    return
  fi
  for entry in $found; do
    [[ -n $entry ]] || continue
    names+=("${entry%%$'\t'*}")
    shown+=("${entry/$'\t'/  -- }")
  done
  (( $#names )) && compadd -l -d shown -a names
}
compdef _barnabas barnabas
)";
}

}  // namespace tools
