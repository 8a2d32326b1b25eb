// DescribeProducers (API key 61, v0; KIP-664). Follows KafkaApis.handleDescribeProducersRequest of Kafka 3.9.
#include "broker/handlers/describe_producers.h"

#include <optional>

#include "broker/background.h"
#include "broker/handlers/repeated_answers.h"
#include "broker/metadata_cache.h"
#include "broker/replication/replica_manager.h"
#include "protocol/topic_name.h"
#include "storage/log.h"

namespace broker {

using protocol::Error, protocol::ErrorCode;

namespace {

std::optional<Error> topic_error(const MetadataSnapshot& metadata, std::string_view topic) {
  if (const auto valid = protocol::check_topic_name(topic); !valid) return valid.error();
  if (!metadata.contains(topic)) return Error(ErrorCode::unknown_topic_or_partition);
  return std::nullopt;
}

}  // namespace

DescribeProducersHandler::Answer DescribeProducersHandler::describe(std::string_view topic,
                                                                    protocol::PartitionIndex index) const {
  Answer answer{.partition_index = index};
  const auto partition = replicas_.find(topic, index);
  answer.error_code = partition.code();
  if (!partition) return answer;
  const auto log = (*partition)->log();
  answer.error_code = log.code();
  if (!log) return answer;
  for (const storage::ProducerSummary& producer : (*log)->active_producers()) {
    auto& entry = answer.active_producers.emplace_back();
    entry.producer_id = producer.producer_id;
    entry.producer_epoch = producer.producer_epoch;
    entry.last_sequence = producer.last_sequence;
    entry.last_timestamp = producer.last_timestamp;
    entry.coordinator_epoch = producer.coordinator_epoch;
    entry.current_txn_start_offset = producer.current_txn_start_offset;
  }
  return answer;
}

awaitable<protocol::DescribeProducersResponse> DescribeProducersHandler::handle(RequestContext& context,
                                                                                const Request& request) const {
  const MetadataCache::Snapshot metadata = metadata_.snapshot();
  Response response;
  RepeatedAnswers repeated;
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    const auto error = topic_error(*metadata, topic.name);
    for (const protocol::PartitionIndex index : topic.partition_indexes) {
      if (error) {
        auto& answer = answers.partitions.emplace_back();
        answer.partition_index = index;
        answer.error_code = error->code;
        answer.error_message = error->text();
        continue;
      }
      const auto look = [&] { return describe(topic.name, index); };
      Answer answer = co_await background_.run(look);
      const std::size_t bytes = sizeof(answer) + answer.active_producers.size() * sizeof(Response::ProducerState);
      if (!repeated.allow(protocol::TopicPartition{topic.name.str(), index}.text(), bytes)) {
        context.refuse_to_answer();
        co_return Response();
      }
      answers.partitions.push_back(std::move(answer));
    }
  }
  co_return response;
}

}  // namespace broker
