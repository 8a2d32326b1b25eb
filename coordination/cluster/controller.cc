#include "coordination/cluster/controller.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "coordination/cluster/active_controller.h"
#include "coordination/cluster/controller_store.h"
#include "coordination/cluster/event_queue.h"
#include "coordination/cluster/producer_ids.h"

namespace coordination::cluster {

using metadata_store::MetadataStore;
using protocol::ErrorCode, protocol::fail, protocol::Result;

// Everything but the atomics is used on the event thread only.
class Controller::Impl {
 public:
  Impl(ControllerOptions options, MetadataStore& store, BrokerChannels& channels, const protocol::Clock& clock)
      : options_(std::move(options)), metadata_store_(store), store_(store), channels_(channels), clock_(clock) {}

  void start() {
    queue_->post([this] { stand_for_election(); });
  }

  void stop() {
    queue_->run_and_wait([this] {
      stopping_ = true;
      resign();
    });
    queue_->stop();
    leave_office();
  }

  bool is_active() const { return is_active_; }
  std::int32_t epoch() const { return epoch_; }
  void drain() {
    queue_->run_and_wait([] {});
  }

  void allocate_producer_ids(BrokerId broker, std::int64_t broker_epoch,
                             std::function<void(Result<ProducerIdBlock>)> done) {
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    queue_->post_answerable([this, broker, broker_epoch, shared] { (*shared)(allocate(broker, broker_epoch)); },
                            [shared] { (*shared)(fail(ErrorCode::not_controller)); });
  }

  void elect_leaders(const std::set<TopicPartition>& partitions, ElectionType type,
                     std::function<void(ElectionResults)> done) {
    const auto elect = [partitions, type](ActiveController& active) { return active.elect_leaders(partitions, type); };
    const auto refuse = [partitions] {
      ElectionResults results;
      for (const TopicPartition& tp : partitions) results.emplace(tp, fail(ErrorCode::not_controller));
      return results;
    };
    ask(elect, refuse, std::move(done));
  }

  void alter_reassignments(WantedReplicas wanted, bool may_change_factor,
                           std::function<void(Result<ReassignmentResults>)> done) {
    const auto alter = [wanted = std::move(wanted), may_change_factor](ActiveController& active) {
      return Result<ReassignmentResults>(active.reassignment().alter(wanted, may_change_factor));
    };
    const auto refuse = [] { return Result<ReassignmentResults>(fail(ErrorCode::not_controller)); };
    ask(alter, refuse, std::move(done));
  }

  void list_reassignments(std::optional<std::set<TopicPartition>> partitions,
                          std::function<void(Result<Reassignments>)> done) {
    const auto list = [partitions = std::move(partitions)](ActiveController& active) {
      return Result<Reassignments>(active.reassignment().list(partitions));
    };
    const auto refuse = [] { return Result<Reassignments>(fail(ErrorCode::not_controller)); };
    ask(list, refuse, std::move(done));
  }

  void set_unclean_leader_election(bool allowed) {
    queue_->post([this, allowed] {
      options_.unclean_leader_election = allowed;
      if (active_) handle([this, allowed] { active_->set_unclean_leader_election(allowed); });
    });
  }

  void session_expired() {
    queue_->drop_queued();
    queue_->run_and_wait([this] {
      leave_office();
      pausing_ = false;  // the event that ends the pause may be among those dropped
    });
  }

  void session_renewed() { start(); }

 private:
  // Has the active controller answer on the event thread; `refuse` answers when this broker isn't it.
  template <typename Answer, typename Refuse, typename Done>
  void ask(Answer answer, const Refuse& refuse, Done done) {
    auto shared = std::make_shared<Done>(std::move(done));
    const auto run = [this, answer = std::move(answer), refuse, shared] {
      if (!active_) return (*shared)(refuse());
      handle([&] { (*shared)(answer(*active_)); });
    };
    queue_->post_answerable(run, [refuse, shared] { (*shared)(refuse()); });
  }

  // Called for every change of /controller, and whenever an election may be due.
  void stand_for_election() {
    const BrokerId current = store_.controller_id(
        [this, queue = queue_](const metadata_store::WatchEvent&) { queue->post([this] { stand_for_election(); }); });
    if (active_ && current == options_.broker_id && !store_.deposed()) return;
    leave_office();
    if (stopping_) return;
    if (current == options_.broker_id && store_.abandon()) return;  // the watch calls again
    if (current >= 0) {
      epoch_ = store_.controller_epoch();
      return;
    }
    if (pausing_) return;
    const auto election = store_.elect(options_.broker_id, clock_.now_ms());
    if (!election) {
      if (store_.controller_id() < 0) stand_again_later();
      return;  // else the watch tells about whoever won
    }
    take_office(*election);
  }

  void take_office(ControllerStore::Election election) {
    epoch_ = election.epoch;
    // What the active controller posts is dropped once it isn't the active one any more.
    auto post = [this, queue = queue_, term = ++term_](std::function<void()> event) {
      queue->post([this, term, event = std::move(event)] {
        if (active_ && term == term_) handle(event);
      });
    };
    active_ = std::make_unique<ActiveController>(options_, store_, channels_, post, election);
    is_active_ = true;
    spdlog::info("This broker ({}) is the controller, epoch {}.", options_.broker_id, election.epoch);
    if (!active_->take_over()) {
      spdlog::error("The new controller could not read the cluster's metadata and resigns.");
      stand_again_later();  // before the watch of /controller can call
      resign();
      return;
    }
    pause_ = options_.election_pause;
  }

  // Another broker may have more luck; and a store that fails to answer shall not be asked as fast as it can.
  void stand_again_later() {
    if (pausing_) return;
    pausing_ = true;
    queue_->post_later(pause_, [this] {
      if (!std::exchange(pausing_, false)) return;
      stand_for_election();
    });
    pause_ = std::min(2 * pause_, options_.election_pause_max);
  }

  void handle(const std::function<void()>& event) {
    store_.begin_event();
    event();
    if (store_.deposed()) {
      spdlog::warn("Another broker was elected controller; this one ({}) steps back.", options_.broker_id);
      stand_for_election();
    }
  }

  void resign() {
    if (!active_) return;
    store_.resign();
    leave_office();
  }

  void leave_office() {
    is_active_ = false;
    ++term_;
    active_.reset();
  }

  Result<ProducerIdBlock> allocate(BrokerId broker, std::int64_t broker_epoch) {
    if (!active_) return fail(ErrorCode::not_controller);
    const ErrorCode known = active_->check_broker(broker, broker_epoch);
    if (known != ErrorCode::none) return fail(known);
    return allocate_producer_id_block(metadata_store_, broker);
  }

  ControllerOptions options_;
  MetadataStore& metadata_store_;
  ControllerStore store_;
  BrokerChannels& channels_;
  const protocol::Clock& clock_;
  std::unique_ptr<ActiveController> active_;  // while this broker is the controller
  std::uint64_t term_ = 0;
  bool stopping_ = false;
  bool pausing_ = false;  // an event to come ends it
  std::chrono::milliseconds pause_ = options_.election_pause;
  std::atomic<bool> is_active_ = false;
  std::atomic<std::int32_t> epoch_ = 0;
  // Shared with watches and answers that may come after the end.
  const std::shared_ptr<EventQueue> queue_ = std::make_shared<EventQueue>();
};

Controller::Controller(ControllerOptions options, MetadataStore& store, BrokerChannels& channels,
                       const protocol::Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), store, channels, clock)) {}

Controller::~Controller() { stop(); }

void Controller::start() { impl_->start(); }

void Controller::set_unclean_leader_election(bool allowed) { impl_->set_unclean_leader_election(allowed); }

void Controller::stop() { impl_->stop(); }

bool Controller::is_active() const { return impl_->is_active(); }

std::int32_t Controller::epoch() const { return impl_->epoch(); }

void Controller::allocate_producer_ids(BrokerId broker, std::int64_t broker_epoch,
                                       std::function<void(Result<ProducerIdBlock>)> done) {
  impl_->allocate_producer_ids(broker, broker_epoch, std::move(done));
}

void Controller::elect_leaders(const std::set<TopicPartition>& partitions, ElectionType type,
                               std::function<void(ElectionResults)> done) {
  impl_->elect_leaders(partitions, type, std::move(done));
}

void Controller::alter_reassignments(WantedReplicas wanted, bool may_change_factor,
                                     std::function<void(Result<ReassignmentResults>)> done) {
  impl_->alter_reassignments(std::move(wanted), may_change_factor, std::move(done));
}

void Controller::list_reassignments(std::optional<std::set<TopicPartition>> partitions,
                                    std::function<void(Result<Reassignments>)> done) {
  impl_->list_reassignments(std::move(partitions), std::move(done));
}

void Controller::session_expired() { impl_->session_expired(); }

void Controller::session_renewed() { impl_->session_renewed(); }

void Controller::drain() { impl_->drain(); }

}  // namespace coordination::cluster
