// What the records of __consumer_offsets and __transaction_state say, in a line that people read. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/records/record.h"

namespace tools {

// Nothing for other topics, and for records of a form that the definitions don't know.
std::optional<std::string> describe_internal_record(std::string_view topic, const protocol::RecordView& record);

}  // namespace tools
