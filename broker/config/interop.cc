// Our side of compat-tests/config: the tables, and what we say to values. Text out, one line an answer.
//   config_interop table
//   config_interop answers <CASES
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/definition.h"
#include "broker/config/topic_config.h"

namespace broker {
namespace {

// The other side ends hexadecimal text with a dot, so that the empty text is a word as well.
std::string from_hex(std::string_view hex) {
  std::string text;
  for (std::size_t i = 0; i + 2 < hex.size(); i += 2) {
    text += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return text;
}

std::string to_hex(std::string_view text) {
  std::string hex;
  for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex + ".";
}

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    out.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

void print_row(std::string_view kind, const ConfigDefinition& row, std::string_view extra) {
  fmt::print("{} {} {} {} {} {} {}\n", kind, row.name, type_name(row.type),
             row.default_value ? fmt::format("'{}'", *row.default_value) : "null", importance_name(row.importance),
             extra, row.internal);
}

void print_tables() {
  for (const auto& row : broker_config_table()) {
    if (!row.own) print_row("broker", row, mode_name(row.mode));
  }
  for (const auto& row : topic_config_table()) {
    print_row("topic", row, row.broker_synonym.empty() ? "-" : row.broker_synonym);
  }
}

std::string single(const ConfigDefinition* row, const std::string& value) {
  if (row == nullptr) return "unknown";
  if (row->type == ConfigType::class_name || row->type == ConfigType::password) return "not judged";
  const auto valid = validate_value(*row, value);
  return valid ? "ok " + to_hex(normalized_value(*row, value)) : "refused " + valid.error().message;
}

std::string set(const std::vector<std::string>& parts, const BrokerConfig& broker) {
  Properties overrides;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find('=');
    overrides[parts[i].substr(0, equals)] = from_hex(parts[i].substr(equals + 1));
  }
  const auto valid = validate_topic_config(overrides, broker);
  return valid ? "ok" : "refused " + valid.error().message;
}

std::string properties(const std::string& text) {
  const auto read = parse_properties(text);
  if (!read) return "refused";
  Properties sorted;
  for (const auto& [name, value] : *read) {
    // A lone backslash at the very end: Java makes an empty key of it, or none, by the kind of line end.
    if (!name.empty()) sorted[to_hex(name)] = to_hex(value);
  }
  std::string line = "ok";
  for (const auto& [name, value] : sorted) line += " " + name + "=" + value;
  return line;
}

void print_answers() {
  const auto broker = make_broker_config({});
  for (std::string line; std::getline(std::cin, line);) {
    const auto parts = words(line);
    std::string answer;
    if (parts[0] == "broker") {
      answer = single(find_broker_config(parts.at(1)), from_hex(parts.at(2)));
    } else if (parts[0] == "topic") {
      answer = single(find_topic_config(parts.at(1)), from_hex(parts.at(2)));
    } else if (parts[0] == "set") {
      answer = set(parts, **broker);
    } else {
      answer = properties(from_hex(parts.at(1)));
    }
    fmt::print("{}\n", answer);
  }
}

}  // namespace
}  // namespace broker

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "table") {
    broker::print_tables();
  } else {
    broker::print_answers();
  }
}
