// How topics look that nobody described: those created when a client first asks for them.
#pragma once

#include <string>

#include "coordination/cluster/topic_admin.h"

namespace broker {

struct BrokerConfig;

// The topic with the broker's defaults; the internal topics with their own settings, and not more replicas than there
// are brokers if the replication factor was nobody's choice.
coordination::cluster::NewTopic auto_created_topic(const std::string& name, const BrokerConfig& config,
                                                   std::size_t broker_count);

}  // namespace broker
