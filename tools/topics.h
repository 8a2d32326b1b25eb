// What `barnabas topics` does: each function is one action, prints its result to stdout and gives the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/cluster_session.h"
#include "tools/configs.h"

namespace tools {

struct ListTopics {
  bool internal = false;
};
int list_topics(const SessionOptions& session, const ListTopics& wanted);

struct DescribeTopics {
  std::vector<std::string> names;  // none: all that are not internal
  bool all_configs = false;        // not only those set for the topic
};
int describe_topics(const SessionOptions& session, const DescribeTopics& wanted);

struct CreateTopics {
  std::vector<std::string> names;
  std::int32_t partitions = -1;  // -1: the broker's default
  std::int16_t replication_factor = -1;
  std::vector<ConfigValue> configs;
  bool if_not_exists = false;
  bool validate_only = false;
};
int create_topics(const SessionOptions& session, const CreateTopics& wanted);

struct DeleteTopics {
  std::vector<std::string> names;
  bool all = false;  // all that aren't internal
  bool if_exists = false;
};
int delete_topics(const SessionOptions& session, const DeleteTopics& wanted);

struct AlterTopic {
  std::string name;
  std::int32_t partitions = -1;  // -1: as they are
  std::vector<ConfigValue> set;
  std::vector<std::string> reset;
};
int alter_topic(const SessionOptions& session, const AlterTopic& wanted);

struct ShowOffsets {
  std::vector<std::string> topics;  // "orders" or "orders:0,2"; none: all
  std::optional<protocol::TimestampMs> time;
};
int show_offsets(const SessionOptions& session, const ShowOffsets& wanted);

struct DeleteRecords {
  std::vector<std::string> topics;  // "orders" or "orders:0,2"
  // Records before this are deleted: an offset, or else a time; neither: all.
  std::optional<protocol::Offset> offset;
  std::optional<protocol::TimestampMs> time;
};
int delete_records(const SessionOptions& session, const DeleteRecords& wanted);

}  // namespace tools
