#include "broker/api_table.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace broker {

void ApiTable::list(ApiRow row, protocol::VersionRange known) {
  const auto key = static_cast<std::size_t>(row.key);
  if (frozen_) throw std::logic_error("an API was registered after the broker started");
  if (key >= key_limit || by_key_[key] >= 0)
    throw std::logic_error("API key " + std::to_string(key) + " is listed twice");
  if (row.advertised.min < known.min || row.advertised.max > known.max || row.advertised.min > row.advertised.max) {
    throw std::logic_error("API key " + std::to_string(key) +
                           " is advertised with versions that the codec doesn't know");
  }
  row.name = protocol::name(row.key);
  row.index = rows_.size();
  by_key_[key] = static_cast<std::int16_t>(row.index);
  rows_.push_back(row);
}

void ApiTable::freeze() {
  std::ranges::sort(rows_, {}, &ApiRow::key);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].index = i;
    by_key_[static_cast<std::size_t>(rows_[i].key)] = static_cast<std::int16_t>(i);
  }
  frozen_ = true;
}

}  // namespace broker
