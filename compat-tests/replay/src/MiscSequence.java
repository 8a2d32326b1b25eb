// InitProducerId, FindCoordinator, ListGroups, DescribeGroups, DeleteGroups, OffsetCommit and OffsetFetch without members,
// OffsetDelete, DescribeLogDirs, DescribeProducers, OffsetForLeaderEpoch and ListOffsets: each in every version, with odd
// contents.
//
// Not asked for: the coordinators of transactions, and producer ids for transactional producers.

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.DeleteGroupsRequestData;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.InitProducerIdRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetDeleteRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

final class MiscSequence extends LogSequence {
    MiscSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 25;
    }

    @Override
    void begin() throws IOException {
        createTopic(prefix + "t", 2, Map.of());
    }

    @Override
    void step(int index) throws IOException {
        switch (random.nextInt(13)) {
            case 0: initProducerId(); break;
            case 1: findCoordinator(); break;
            case 2: listGroups(); break;
            case 3: describeGroups(); break;
            case 4: deleteGroups(); break;
            case 5:
            case 6: commit(); break;
            case 7:
            case 8: fetchOffsets(); break;
            case 9: deleteOffsets(); break;
            default: look();
        }
    }

    private String group() {
        return sometimes(10) ? "" : prefix + "g" + random.nextInt(3);
    }

    private String topic() {
        return sometimes(6) ? oneOf(prefix + "missing", "", "bad name", "__consumer_offsets") : prefix + "t";
    }

    // Everybody's offsets end somewhere.
    private String logOf(String topic) {
        return topic.startsWith("__") ? prefix + "t" : topic;
    }

    private int partition() {
        return sometimes(6) ? oneOf(9, -1) : random.nextInt(2);
    }

    private void initProducerId() throws IOException {
        short version = version(ApiKeys.INIT_PRODUCER_ID);
        InitProducerIdRequestData request = new InitProducerIdRequestData().setTransactionalId(sometimes(5) ? "" : null)
            .setTransactionTimeoutMs(oneOf(0, -1, 1000, Integer.MAX_VALUE));
        if (version >= 3 && sometimes(3)) request.setProducerId(oneOf(-1L, -2L, 0L, 5L)).setProducerEpoch(oneOf((short) -1, (short) -2, (short) 0, (short) 3));
        ask(ApiKeys.INIT_PRODUCER_ID, version, request);
    }

    private void findCoordinator() throws IOException {
        short version = version(ApiKeys.FIND_COORDINATOR);
        FindCoordinatorRequestData request = new FindCoordinatorRequestData();
        if (version >= 1) request.setKeyType(sometimes(5) ? oneOf((byte) 2, (byte) 3, (byte) -1) : (byte) 0);
        if (version < 4) request.setKey(group());
        else request.setCoordinatorKeys(sometimes(8) ? List.of() : sometimes(3) ? List.of(group(), group(), "a:b:0") : List.of(group()));
        ask(ApiKeys.FIND_COORDINATOR, version, request);
    }

    private void listGroups() throws IOException {
        short version = version(ApiKeys.LIST_GROUPS);
        ListGroupsRequestData request = new ListGroupsRequestData();
        if (version >= 4 && sometimes(2)) request.setStatesFilter(oneOf(List.of("Empty"), List.of("empty", "Stable"), List.of("nonsense"), List.of("")));
        if (version >= 5 && sometimes(2)) request.setTypesFilter(oneOf(List.of("classic"), List.of("Consumer"), List.of("nonsense"), List.of("share", "classic")));
        ask(ApiKeys.LIST_GROUPS, version, request);
    }

    private void describeGroups() throws IOException {
        short version = version(ApiKeys.DESCRIBE_GROUPS);
        DescribeGroupsRequestData request = new DescribeGroupsRequestData().setGroups(sometimes(10) ? List.of() : List.of(group(), prefix + "nobody"));
        if (version >= 3) request.setIncludeAuthorizedOperations(sometimes(2));
        ask(ApiKeys.DESCRIBE_GROUPS, version, request);
    }

    private void deleteGroups() throws IOException {
        DeleteGroupsRequestData request = new DeleteGroupsRequestData().setGroupsNames(sometimes(10) ? List.of() : sometimes(2) ? List.of(group(), prefix + "nobody") : List.of(group()));
        ask(ApiKeys.DELETE_GROUPS, version(ApiKeys.DELETE_GROUPS), request);
    }

    private void commit() throws IOException {
        short version = version(ApiKeys.OFFSET_COMMIT);
        OffsetCommitRequestData request = new OffsetCommitRequestData().setGroupId(prefix + "g" + random.nextInt(3));  // the group "" would be everybody's
        if (version >= 1 && sometimes(6)) request.setMemberId(oneOf("m", "")).setGenerationIdOrMemberEpoch(oneOf(0, 1, -2, -1));
        if (version >= 7 && sometimes(10)) request.setGroupInstanceId(oneOf("i", ""));
        if (version >= 2 && version <= 4 && sometimes(3)) request.setRetentionTimeMs(oneOf(1000L, 3_600_000L, 0L, -2L));
        for (int t = sometimes(15) ? 0 : 1 + random.nextInt(2); t > 0; t--) {
            OffsetCommitRequestData.OffsetCommitRequestTopic topic = new OffsetCommitRequestData.OffsetCommitRequestTopic().setName(topic());
            // Kafka's answer names a topic once, ours as often as the request does; no client names one twice.
            if (request.topics().stream().anyMatch(other -> other.name().equals(topic.name()))) continue;
            for (int p = 0, n = sometimes(15) ? 0 : 1 + random.nextInt(2); p < n; p++) {
                OffsetCommitRequestData.OffsetCommitRequestPartition one = new OffsetCommitRequestData.OffsetCommitRequestPartition()
                    .setPartitionIndex(sometimes(8) ? 9 : p).setCommittedOffset(sometimes(6) ? oneOf(-1L, -2L, Long.MAX_VALUE) : random.nextInt(100))
                    .setCommittedMetadata(sometimes(5) ? oneOf(null, "", "x".repeat(4096), "x".repeat(4097)) : "note");
                if (version >= 6) one.setCommittedLeaderEpoch(oneOf(-1, 0, 5, -2));
                if (version == 1) one.setCommitTimestamp(oneOf(-1L, 5L, System.currentTimeMillis() / 60_000 * 60_000));
                topic.partitions().add(one);
            }
            request.topics().add(topic);
        }
        ask(ApiKeys.OFFSET_COMMIT, version, request);
    }

    private void fetchOffsets() throws IOException {
        short version = version(ApiKeys.OFFSET_FETCH);
        OffsetFetchRequestData request = new OffsetFetchRequestData();
        if (version >= 7) request.setRequireStable(sometimes(2));
        if (version < 8) {
            List<OffsetFetchRequestData.OffsetFetchRequestTopic> topics = new ArrayList<>();
            for (int t = random.nextInt(3); t > 0; t--) {
                String name = topic();
                topics.add(new OffsetFetchRequestData.OffsetFetchRequestTopic().setName(name).setPartitionIndexes(sometimes(10) ? List.of() : List.of(0, partition() + 10)));
            }
            request.setGroupId(group()).setTopics(version >= 2 && sometimes(3) ? null : topics);
        } else {
            // Kafka never answers a request about no group at all.
            for (int g = 1 + random.nextInt(2); g > 0; g--) {
                List<OffsetFetchRequestData.OffsetFetchRequestTopics> topics = new ArrayList<>();
                for (int t = random.nextInt(3); t > 0; t--) {
                    String name = topic();
                    topics.add(new OffsetFetchRequestData.OffsetFetchRequestTopics().setName(name).setPartitionIndexes(sometimes(10) ? List.of() : List.of(0, 1, 12)));
                }
                OffsetFetchRequestData.OffsetFetchRequestGroup wanted = new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId(group())
                    .setTopics(sometimes(3) ? null : topics);
                if (request.groups().stream().anyMatch(other -> other.groupId().equals(wanted.groupId()))) continue;
                if (version >= 9 && sometimes(6)) wanted.setMemberId(oneOf("m", "")).setMemberEpoch(oneOf(0, 1, -1));
                request.groups().add(wanted);
            }
        }
        ask(ApiKeys.OFFSET_FETCH, version, request);
    }

    private void deleteOffsets() throws IOException {
        OffsetDeleteRequestData request = new OffsetDeleteRequestData().setGroupId(group());
        for (int t = random.nextInt(3); t > 0; t--) {
            OffsetDeleteRequestData.OffsetDeleteRequestTopic topic = new OffsetDeleteRequestData.OffsetDeleteRequestTopic().setName(topic());
            if (request.topics().find(topic.name()) != null) continue;  // as for commits
            topic.partitions().add(new OffsetDeleteRequestData.OffsetDeleteRequestPartition().setPartitionIndex(partition()));
            request.topics().add(topic);
        }
        ask(ApiKeys.OFFSET_DELETE, version(ApiKeys.OFFSET_DELETE), request);
    }

    private void look() throws IOException {
        switch (random.nextInt(5)) {
            case 0: describeLogDirs(topic()); break;
            case 1: describeProducers(topic(), partition()); break;
            case 2: offsetForLeaderEpoch(logOf(topic()), partition()); break;
            case 3: deleteRecords(topic(), partition()); break;
            default: listOffsets(logOf(topic()), partition(), oneOf(-1L, -2L, -3L, -4L, -5L, -6L, -7L, 5L));
        }
    }
}
