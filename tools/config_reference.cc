#include "tools/config_reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace tools {
namespace {

using broker::ConfigDefinition, broker::Support;
using Table = std::span<const ConfigDefinition>;

constexpr std::size_t terminal_columns = 80;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string default_text(const ConfigDefinition& row) {
  if (!row.default_value) return "unset";
  return row.default_value->empty() ? "empty" : std::string(*row.default_value);
}

// Breaks `text` at blanks so that each line, indented, fits the terminal.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column == 0 || column + 1 + end > terminal_columns) {
      if (column != 0) out += '\n';
      out += std::string(indent, ' ');
      column = indent;
    } else {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + '\n';
}

std::string standing(const ConfigDefinition& row) {
  if (row.support == Support::works) return {};
  std::string text = fmt::format("{}: {}", broker::support_name(row.support), row.reason);
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

std::string block(const ConfigDefinition& row, bool topic) {
  std::string facts = fmt::format("{}; default {}; {}", broker::allowed_values(row), default_text(row),
                                  topic ? std::string() : std::string(broker::mode_name(row.mode)));
  if (topic) {
    facts.resize(facts.size() - 2);
    if (!row.broker_synonym.empty()) facts += fmt::format(", from the broker's {}", row.broker_synonym);
  }
  std::string out = fmt::format("{}\n{}{}", row.name, wrapped(row.doc, 2), wrapped(facts, 4));
  if (const std::string text = standing(row); !text.empty()) out += wrapped(text, 4);
  return out;
}

std::string json_object(const ConfigDefinition& row, bool topic) {
  std::string out = fmt::format(
      R"({{"name":{},"type":{},"default":{},"allowed":{},"importance":{},"support":{},"reason":{},"doc":{})",
      quoted(row.name), quoted(broker::type_name(row.type)), row.default_value ? quoted(*row.default_value) : "null",
      quoted(broker::allowed_values(row)), quoted(broker::importance_name(row.importance)),
      quoted(broker::support_name(row.support)), quoted(row.reason), quoted(row.doc));
  if (topic) {
    out += fmt::format(R"(,"broker_synonym":{})", row.broker_synonym.empty() ? "null" : quoted(row.broker_synonym));
  } else {
    out +=
        fmt::format(R"(,"mode":{},"internal":{},"own":{})", quoted(broker::mode_name(row.mode)), row.internal, row.own);
  }
  return out + fmt::format(R"(,"sensitive":{}}})", row.sensitive());
}

std::string json_array(Table table, std::string_view filter, bool topic) {
  std::string out;
  for (const ConfigDefinition& row : table) {
    if (row.name.find(filter) == std::string_view::npos) continue;
    if (!out.empty()) out += ",\n  ";
    out += json_object(row, topic);
  }
  return "[" + out + "]";
}

// A cell must not end its column.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string markdown_row(const ConfigDefinition& row, bool topic) {
  std::string doc = cell(row.doc);
  if (const std::string text = standing(row); !text.empty()) doc += " **" + cell(text) + "**";
  const std::string_view last = topic ? row.broker_synonym : broker::mode_name(row.mode);
  return fmt::format(
      "| `{}` | {} | {} | {} | {} |\n", row.name, cell(broker::allowed_values(row)),
      row.default_value && !row.default_value->empty() ? "`" + cell(*row.default_value) + "`" : default_text(row),
      last.empty() ? "" : (topic ? "`" + std::string(last) + "`" : std::string(last)), doc);
}

std::size_t count(Table table, Support support) {
  return static_cast<std::size_t>(std::ranges::count(table, support, &ConfigDefinition::support));
}

std::string counts(Table table) {
  return fmt::format("{} in all: {} work, {} are built in, {} have no effect, {} are refused.", table.size(),
                     count(table, Support::works), count(table, Support::built_in), count(table, Support::no_effect),
                     count(table, Support::refused));
}

}  // namespace

std::string config_text(Table table, std::string_view filter) {
  const bool topic = table.data() == broker::topic_config_table().data();
  std::string out;
  for (const ConfigDefinition& row : table) {
    if (row.name.find(filter) != std::string_view::npos) out += block(row, topic);
  }
  return out;
}

std::string config_json(std::string_view filter) {
  return fmt::format("{{\"broker\":{},\n\"topic\":{}}}\n", json_array(broker::broker_config_table(), filter, false),
                     json_array(broker::topic_config_table(), filter, true));
}

std::string config_markdown() {
  std::string out = R"(# Configuration

<!-- Written by `barnabas configs reference --markdown`; edit the tables in broker/config/ instead. -->

Names, types, defaults and rules are those of Apache Kafka 3.9 with ZooKeeper. Values come from, the later over the
earlier: a `server.properties` file, `KAFKA_…` environment variables (`KAFKA_LOG_RETENTION_MS` is `log.retention.ms`; `__`
stands for `_`, `___` for `-`), `--override key=value`. Without a file the broker is a friendly development broker:

)";
  out += R"(| key | value without a file |
| --- | --- |
| `listeners` | `PLAINTEXT://localhost:9092`; every interface if `advertised.listeners` is set |
| `broker.id` | `1` |
| `log.dirs` | `$XDG_DATA_HOME/barnabas`, else `~/.local/share/barnabas` |
| `group.initial.rebalance.delay.ms` | `0` |
| `offsets.topic.replication.factor`, `transaction.state.log.replication.factor`, `transaction.state.log.min.isr` | `1` |

No setting is ignored in silence. One that isn't the default and

- is **built in** is met whatever its value; the log says how, once;
- has **no effect** gets a warning at start, with the reason;
- is **refused** stops the start (or fails the request), because going on without it would be dangerous;
- isn't known gets a warning with the nearest known name.

A dynamic setting may change while the broker runs: *per-broker* ones for one broker, *cluster-wide* ones for all brokers
at once, too.

## Settings of the broker

)";
  out += counts(broker::broker_config_table());
  out += "\n\n| key | allowed | default | dynamic | what it does |\n| --- | --- | --- | --- | --- |\n";
  for (const ConfigDefinition& row : broker::broker_config_table()) out += markdown_row(row, false);
  out += "\n## Settings of a topic\n\n";
  out += counts(broker::topic_config_table());
  out += "\n\n| key | allowed | default | from the broker's | what it does |\n| --- | --- | --- | --- | --- |\n";
  for (const ConfigDefinition& row : broker::topic_config_table()) out += markdown_row(row, true);
  return out;
}

}  // namespace tools
