// What may come next on a command line, found in the commands' definitions: `barnabas completion` prints a small script
// for the shell, which asks the program itself, so that it never knows less or more than the program. Pure functions,
// but for what the caller's `names` does.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace tools {

struct Completions {
  struct Word {
    std::string text, description;
    bool operator==(const Word&) const = default;
  };
  std::vector<Word> words;
  bool files = false;  // the shell shall offer files and directories
};

// Names of a live cluster; `brokers` as the command line gives it, empty for the default.
enum class NameKind : std::uint8_t { topic, group };
using FindNames = std::function<std::vector<std::string>(NameKind kind, const std::string& brokers)>;

// What may stand where `line`, a command line up to the cursor, ends.
Completions complete(const CLI::App& app, std::string_view line, const FindNames& names);

// The words of a command line as a shell splits it; the last one is what is being typed, perhaps empty.
std::vector<std::string> split_line(std::string_view line);

std::string_view bash_completion();
std::string_view zsh_completion();

}  // namespace tools
