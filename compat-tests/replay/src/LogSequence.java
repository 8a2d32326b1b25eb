// Requests about what lies in a partition's log, for sequences that write and read records.

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.DeleteRecordsRequestData;
import org.apache.kafka.common.message.DescribeLogDirsRequestData;
import org.apache.kafka.common.message.DescribeProducersRequestData;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.OffsetForLeaderEpochRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

abstract class LogSequence extends Sequence {
    LogSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    CreateTopicsResponseData createTopic(String name, int partitions, Map<String, String> configs) throws IOException {
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(20_000);
        CreateTopicsRequestData.CreatableTopic topic = new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(partitions)
            .setReplicationFactor((short) 1);
        configs.forEach((key, value) -> topic.configs().add(new CreateTopicsRequestData.CreatableTopicConfig().setName(key).setValue(value)));
        request.topics().add(topic);
        made.add(name);
        return (CreateTopicsResponseData) ask(ApiKeys.CREATE_TOPICS, 7, request);
    }

    // The whole log as it lies there, down-converted now and then.
    void readAll(String topic, int partition) throws IOException {
        short version = sometimes(2) ? version(ApiKeys.FETCH, unconvertible ? 4 : 0) : 12;
        if (version >= 13) version = 12;
        FetchRequestData request = new FetchRequestData().setMaxWaitMs(0).setMinBytes(0);
        if (version >= 3) request.setMaxBytes(50_000_000);
        if (version >= 7) request.setSessionId(0).setSessionEpoch(-1);
        request.topics().add(new FetchRequestData.FetchTopic().setTopic(topic).setPartitions(List.of(
            new FetchRequestData.FetchPartition().setPartition(partition).setFetchOffset(0).setPartitionMaxBytes(10_000_000))));
        FetchResponseData answer = (FetchResponseData) ask(ApiKeys.FETCH, version, request);
        long start = answer.responses().get(0).partitions().get(0).logStartOffset();
        if (answer.responses().get(0).partitions().get(0).errorCode() == 0 || start <= 0) return;
        request.topics().get(0).partitions().get(0).setFetchOffset(start);
        ask(ApiKeys.FETCH, version, request);
    }

    void listOffsets(String topic, int partition, long timestamp) throws IOException {
        short version = version(ApiKeys.LIST_OFFSETS);
        ListOffsetsRequestData request = new ListOffsetsRequestData().setReplicaId(sometimes(15) ? oneOf(-2, 0, 3, -3) : -1);
        if (version >= 2) request.setIsolationLevel((byte) random.nextInt(2));
        ListOffsetsRequestData.ListOffsetsPartition one = new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(partition)
            .setTimestamp(timestamp);
        if (version == 0) one.setMaxNumOffsets(oneOf(1, 2, 0, 100));
        if (version >= 4) one.setCurrentLeaderEpoch(sometimes(6) ? oneOf(0, 1, 5, -2) : -1);
        ListOffsetsRequestData.ListOffsetsTopic entry = new ListOffsetsRequestData.ListOffsetsTopic().setName(topic);
        entry.partitions().add(one);
        if (sometimes(15)) entry.partitions().add(one.duplicate().setTimestamp(-1));
        if (sometimes(8)) entry.partitions().add(one.duplicate().setPartitionIndex(1 - partition));
        request.topics().add(entry);
        ask(ApiKeys.LIST_OFFSETS, version, request);
    }

    void offsetForLeaderEpoch(String topic, int partition) throws IOException {
        short version = version(ApiKeys.OFFSET_FOR_LEADER_EPOCH);
        OffsetForLeaderEpochRequestData request = new OffsetForLeaderEpochRequestData();
        if (version >= 3) request.setReplicaId(oneOf(-1, -1, -2, 0, 7));
        OffsetForLeaderEpochRequestData.OffsetForLeaderPartition one = new OffsetForLeaderEpochRequestData.OffsetForLeaderPartition()
            .setPartition(partition).setLeaderEpoch(oneOf(0, 0, -1, 1, 5, -2));
        if (version >= 2) one.setCurrentLeaderEpoch(oneOf(-1, -1, 0, 1));
        OffsetForLeaderEpochRequestData.OffsetForLeaderTopic entry = new OffsetForLeaderEpochRequestData.OffsetForLeaderTopic().setTopic(topic);
        entry.partitions().add(one);
        request.topics().add(entry);
        ask(ApiKeys.OFFSET_FOR_LEADER_EPOCH, version, request);
    }

    void deleteRecords(String topic, int partition) throws IOException {
        short version = version(ApiKeys.DELETE_RECORDS);
        DeleteRecordsRequestData request = new DeleteRecordsRequestData().setTimeoutMs(5000);
        DeleteRecordsRequestData.DeleteRecordsTopic entry = new DeleteRecordsRequestData.DeleteRecordsTopic()
            .setName(sometimes(20) ? oneOf("__consumer_offsets", "", "bad name") : topic);
        entry.partitions().add(new DeleteRecordsRequestData.DeleteRecordsPartition().setPartitionIndex(partition)
            .setOffset(oneOf(-1L, 0L, 1L, 2L, 3L, 1000L, -2L)));
        request.topics().add(entry);
        ask(ApiKeys.DELETE_RECORDS, version, request);
    }

    void describeProducers(String topic, int partition) throws IOException {
        DescribeProducersRequestData request = new DescribeProducersRequestData();
        request.topics().add(new DescribeProducersRequestData.TopicRequest().setName(sometimes(20) ? oneOf("", "bad name") : topic)
            .setPartitionIndexes(sometimes(8) ? List.of() : List.of(partition)));
        ask(ApiKeys.DESCRIBE_PRODUCERS, version(ApiKeys.DESCRIBE_PRODUCERS), request);
    }

    void describeLogDirs(String topic) throws IOException {
        DescribeLogDirsRequestData request = new DescribeLogDirsRequestData();
        if (sometimes(5)) {
            request.setTopics(null);
        } else if (!sometimes(8)) {
            request.topics().add(new DescribeLogDirsRequestData.DescribableLogDirTopic().setTopic(topic).setPartitions(oneOf(List.of(0, 1), List.of(1), List.of(), List.of(9))));
        }
        ask(ApiKeys.DESCRIBE_LOG_DIRS, version(ApiKeys.DESCRIBE_LOG_DIRS), request);
    }
}
