#include "broker/local_cluster.h"

#include <chrono>
#include <condition_variable>
#include <utility>

#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"

namespace broker {

using coordination::cluster::BrokerChannel;

// How many requests are under way. Shared with their callbacks, which may outlive a channel.
class LocalCluster::Pending {
 public:
  void begin(std::int64_t count = 1) {
    const protocol::MutexLock lock(mutex_);
    count_ += count;
  }
  void end(std::int64_t count = 1) {
    const protocol::MutexLock lock(mutex_);
    count_ -= count;
    if (count_ == 0) none_.notify_all();
  }
  bool wait(std::int64_t timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    const protocol::MutexLock lock(mutex_);
    while (count_ > 0 && none_.wait_until(mutex_, deadline) == std::cv_status::no_timeout) {
    }
    return count_ == 0;
  }

 private:
  protocol::Mutex mutex_;
  std::condition_variable_any none_;
  std::int64_t count_ GUARDED_BY(mutex_) = 0;
};

// A channel whose open requests are counted.
class LocalCluster::CountedChannel final : public BrokerChannel {
 public:
  CountedChannel(std::unique_ptr<BrokerChannel> channel, std::shared_ptr<Pending> pending)
      : pending_(std::move(pending)), channel_(std::move(channel)) {}
  ~CountedChannel() override {
    channel_.reset();
    // What the channel dropped unanswered.
    pending_->end(*own_);
  }

  void leader_and_isr(protocol::LeaderAndIsrRequest request,
                      std::function<void(const protocol::LeaderAndIsrResponse&)> done) override {
    channel_->leader_and_isr(std::move(request), counted(std::move(done)));
  }
  void update_metadata(protocol::UpdateMetadataRequest request,
                       std::function<void(const protocol::UpdateMetadataResponse&)> done) override {
    channel_->update_metadata(std::move(request), counted(std::move(done)));
  }
  void stop_replica(protocol::StopReplicaRequest request,
                    std::function<void(const protocol::StopReplicaResponse&)> done) override {
    channel_->stop_replica(std::move(request), counted(std::move(done)));
  }

 private:
  template <typename Response>
  std::function<void(const Response&)> counted(std::function<void(const Response&)> done) {
    pending_->begin();
    own_->fetch_add(1);
    return [done = std::move(done), pending = pending_, own = own_](const Response& response) {
      if (done) done(response);
      own->fetch_sub(1);
      pending->end();
    };
  }

  const std::shared_ptr<Pending> pending_;
  const std::shared_ptr<std::atomic<std::int64_t>> own_ = std::make_shared<std::atomic<std::int64_t>>(0);
  std::unique_ptr<BrokerChannel> channel_;
};

LocalCluster::LocalCluster()
    : pending_(std::make_shared<Pending>()), channels_([this](protocol::BrokerId id) { return find(id); }) {}

LocalCluster::~LocalCluster() = default;

void LocalCluster::add(protocol::BrokerId id, LocalBroker broker) {
  const protocol::MutexLock lock(mutex_);
  brokers_.insert_or_assign(id, std::move(broker));
}

void LocalCluster::remove(protocol::BrokerId id) {
  const protocol::MutexLock lock(mutex_);
  brokers_.erase(id);
}

LocalBroker LocalCluster::find(protocol::BrokerId id) {
  const protocol::MutexLock lock(mutex_);
  const auto found = brokers_.find(id);
  return found == brokers_.end() ? LocalBroker() : found->second;
}

std::unique_ptr<BrokerChannel> LocalCluster::open(const coordination::cluster::BrokerRegistration& broker) {
  return std::make_unique<CountedChannel>(channels_.open(broker), pending_);
}

bool LocalCluster::wait_until_quiet(std::int64_t timeout_ms) { return pending_->wait(timeout_ms); }

}  // namespace broker
