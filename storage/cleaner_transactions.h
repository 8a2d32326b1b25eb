// What the cleaner knows of transactions while it walks through a log: which batches were aborted, and when a marker
// may go because nothing of its transaction is left. What Kafka calls CleanedTransactionMetadata.
//
// Owned by one cleaner thread; no synchronisation.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocol/records/record.h"
#include "protocol/result.h"
#include "storage/transaction_index.h"
#include "storage/types.h"

namespace storage {

class CleanerTransactions {
 public:
  // Aborted transactions that the walk is about to meet. One that is known already may come again.
  void add_aborted(const std::vector<AbortedTxnEntry>& transactions);

  // A batch of data. True: it was aborted and may go.
  bool on_batch(const protocol::BatchHeader& batch);

  // A control batch. True: nothing of its transaction was met, so the marker may go (after its delete horizon).
  // Fails when the marker cannot be read.
  protocol::Result<bool> on_control_batch(const protocol::RecordBatchView& batch, protocol::RecordScratch& scratch);

  // The aborted transactions whose markers stay, since the last call: entries for the cleaned segment's index.
  std::vector<AbortedTxnEntry> take_retained_aborted();

 private:
  struct Ongoing {
    AbortedTxnEntry transaction;
    bool has_batches = false;
  };
  struct LaterFirst {
    bool operator()(const AbortedTxnEntry& a, const AbortedTxnEntry& b) const {
      return a.first_offset > b.first_offset;
    }
  };

  void start_transactions_up_to(Offset offset);

  std::priority_queue<AbortedTxnEntry, std::vector<AbortedTxnEntry>, LaterFirst> upcoming_;
  std::unordered_map<ProducerId, Ongoing> ongoing_aborted_;
  std::unordered_set<ProducerId> ongoing_committed_;
  std::vector<AbortedTxnEntry> retained_;
};

}  // namespace storage
