#include "storage/cleaner_transactions.h"

#include <utility>

#include "protocol/records/control_record.h"

namespace storage {

using protocol::ControlRecordType;

void CleanerTransactions::add_aborted(const std::vector<AbortedTxnEntry>& transactions) {
  for (const AbortedTxnEntry& transaction : transactions) upcoming_.push(transaction);
}

void CleanerTransactions::start_transactions_up_to(Offset offset) {
  while (!upcoming_.empty() && upcoming_.top().first_offset <= offset) {
    ongoing_aborted_.try_emplace(upcoming_.top().producer_id, Ongoing{.transaction = upcoming_.top()});
    upcoming_.pop();
  }
}

bool CleanerTransactions::on_batch(const protocol::BatchHeader& batch) {
  start_transactions_up_to(batch.last_offset());
  if (!batch.is_transactional()) return false;
  const auto aborted = ongoing_aborted_.find(batch.producer_id());
  if (aborted == ongoing_aborted_.end()) {
    ongoing_committed_.insert(batch.producer_id());
    return false;
  }
  aborted->second.has_batches = true;
  return true;
}

protocol::Result<bool> CleanerTransactions::on_control_batch(const protocol::RecordBatchView& batch,
                                                             protocol::RecordScratch& scratch) {
  start_transactions_up_to(batch.last_offset());
  protocol::RecordReader reader(batch, scratch);
  protocol::RecordView record;
  if (!reader.next(record)) {
    if (auto read = reader.finish(); !read) return std::unexpected(read.error());
    return true;  // an empty control batch was cleaned before
  }
  const auto type = protocol::parse_control_type(record);
  if (!type) return std::unexpected(type.error());
  if (*type == ControlRecordType::commit) return ongoing_committed_.erase(batch.producer_id()) == 0;
  if (*type != ControlRecordType::abort) return false;
  const auto aborted = ongoing_aborted_.extract(batch.producer_id());
  if (aborted.empty() || !aborted.mapped().has_batches) return true;
  retained_.push_back(aborted.mapped().transaction);
  return false;
}

std::vector<AbortedTxnEntry> CleanerTransactions::take_retained_aborted() { return std::exchange(retained_, {}); }

}  // namespace storage
