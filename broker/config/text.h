// How configuration values are read from text and written back, as Java does it. Free functions; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace broker {

// Without the blanks (any character up to U+0020, as Java's trim) at both ends.
std::string_view trim(std::string_view text);

// Items between commas, without the blanks around them. Empty text: no items.
std::vector<std::string_view> split_list(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII
std::string to_upper(std::string_view text);                       // ASCII
std::string to_lower(std::string_view text);                       // ASCII

// Decimal with an optional sign; nothing else around it.
std::optional<std::int64_t> parse_int64(std::string_view text);

// What Java's Double.parseDouble takes, hexadecimal forms excepted.
std::optional<double> parse_double(std::string_view text);

// As Java's Double.toString writes it: "0.5", "3.0", "1.7976931348623157E308".
std::string java_double_text(double number);

}  // namespace broker
