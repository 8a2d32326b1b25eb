#include "broker/replication/local_broker_channel.h"

#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

#include <spdlog/spdlog.h>

#include "broker/replication/replica_manager.h"
#include "coordination/cluster/broker_registration.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"
#include "protocol/mutex.h"

namespace broker {

using protocol::MutexLock;

namespace {

// Requests that stay within the process need no version on the wire; these are what inter-broker protocol 3.9 sends.
constexpr protocol::ApiVersion leader_and_isr_version = 7, stop_replica_version = 4;

}  // namespace

// One thread and its queue. The controller keeps at most a handful of requests waiting per broker.
class LocalBrokerChannel::Worker {
 public:
  explicit Worker(LocalBroker broker) : broker_(std::move(broker)), thread_([this] { work(); }) {}
  ~Worker() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const LocalBroker& broker() const { return broker_; }

  void enqueue(std::function<void()> request) {
    {
      MutexLock lock(mutex_);
      queue_.push_back(std::move(request));
    }
    wake_.notify_one();
  }

 private:
  void work() {
    while (true) {
      std::function<void()> request;
      {
        MutexLock lock(mutex_);
        while (queue_.empty() && !stopping_) wake_.wait(mutex_);
        if (stopping_) return;
        request = std::move(queue_.front());
        queue_.pop_front();
      }
      carry_out(request);
    }
  }

  // A request that throws stays unanswered, as one that broke a connection would.
  static void carry_out(const std::function<void()>& request) {
    try {
      request();
    } catch (const std::exception& thrown) {
      spdlog::error("A request of the controller to this process's broker failed: {}", thrown.what());
    }
  }

  const LocalBroker broker_;
  protocol::Mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses everything above
};

LocalBrokerChannel::LocalBrokerChannel(LocalBroker broker) : worker_(std::make_unique<Worker>(std::move(broker))) {}

LocalBrokerChannel::~LocalBrokerChannel() = default;

void LocalBrokerChannel::leader_and_isr(protocol::LeaderAndIsrRequest request,
                                        std::function<void(const protocol::LeaderAndIsrResponse&)> done) {
  worker_->enqueue([&broker = worker_->broker(), request = std::move(request), done = std::move(done)] {
    if (broker.replicas != nullptr) done(broker.replicas->become_leader_or_follower(request, leader_and_isr_version));
  });
}

void LocalBrokerChannel::update_metadata(protocol::UpdateMetadataRequest request,
                                         std::function<void(const protocol::UpdateMetadataResponse&)> done) {
  worker_->enqueue([&broker = worker_->broker(), request = std::move(request), done = std::move(done)] {
    if (broker.replicas == nullptr) return;
    protocol::UpdateMetadataResponse response;
    response.error_code = broker.replicas->update_metadata(request).code();
    done(response);
  });
}

void LocalBrokerChannel::stop_replica(protocol::StopReplicaRequest request,
                                      std::function<void(const protocol::StopReplicaResponse&)> done) {
  worker_->enqueue([&broker = worker_->broker(), request = std::move(request), done = std::move(done)] {
    if (broker.replicas != nullptr) done(broker.replicas->stop_replicas(request, stop_replica_version));
  });
}

std::unique_ptr<coordination::cluster::BrokerChannel> LocalBrokerChannels::open(
    const coordination::cluster::BrokerRegistration& broker) {
  return std::make_unique<LocalBrokerChannel>(lookup_(broker.id));
}

}  // namespace broker
