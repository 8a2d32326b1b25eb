// Key-value settings as text, and the reader of Java's .properties syntax. Values; no synchronisation of their own.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace broker {

// Settings by name, ordered so that listings and messages are stable.
using Properties = std::map<std::string, std::string, std::less<>>;

// The value set for `name`, or null. The pointer lives as long as the entry.
const std::string* find_property(const Properties& properties, std::string_view name);

// Reads java.util.Properties syntax: # and ! comments, `=`, `:` or blanks between key and value, continuation lines,
// \t \n \f \r and \uXXXX escapes. A later line for the same key wins. Values are kept as they stand, trailing blanks
// included. Errors: invalid_config with the line's number, for a broken \u escape.
protocol::Result<Properties> parse_properties(std::string_view text);

}  // namespace broker
