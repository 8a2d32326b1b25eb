// CreateTopics, CreatePartitions, DeleteTopics and Metadata: right and wrong ones.
//
// Topics are never created with replicas on brokers that don't exist: such a topic has no leader, and both brokers would
// be waited for. After a deletion the name is waited for: Kafka answers before it is free.

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.CreatePartitionsRequestData;
import org.apache.kafka.common.message.CreatePartitionsRequestData.CreatePartitionsAssignment;
import org.apache.kafka.common.message.CreatePartitionsRequestData.CreatePartitionsTopic;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableReplicaAssignment;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopic;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableTopicConfig;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.DeleteTopicsRequestData;
import org.apache.kafka.common.message.DeleteTopicsResponseData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataRequestData.MetadataRequestTopic;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

final class TopicSequence extends Sequence {
    private static final int TIMEOUT_MS = 20_000, SHORT_TIMEOUT_MS = 2000;
    static final String[][] CONFIGS = {
        {"retention.ms", "1000"}, {"retention.ms", "abc"}, {"cleanup.policy", "compact,delete"}, {"cleanup.policy", "zip"},
        {"no.such.config", "1"}, {"segment.bytes", "13"}, {"segment.bytes", "1000000"}, {"compression.type", "zstd"},
        {"min.insync.replicas", "0"}, {"max.message.bytes", null}, {"message.timestamp.type", "LogAppendTime"},
        {"unclean.leader.election.enable", "maybe"}, {"min.cleanable.dirty.ratio", "1.5"}, {"retention.bytes", "-1"},
        {"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}, {"flush.messages", "1"}, {"index.interval.bytes", "0"},
        {"preallocate", "true"}, {"compression.gzip.level", "99"}, {"local.retention.ms", "5"}, {"cleanup.policy", ""},
        {"leader.replication.throttled.replicas", "0:0,1:0"}, {"follower.replication.throttled.replicas", "nonsense"},
        {"message.format.version", "2.8"}, {"message.timestamp.difference.max.ms", "5000"}, {"", "1"}, {"retention.ms", " 7 "},
        {"remote.storage.enable", "true"}, {"message.downconversion.enable", "false"}, {"segment.ms", "0"}, {"flush.ms", "99999999999999999999"},
    };

    private final Map<String, Uuid> idOf = new TreeMap<>();

    TopicSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 12;
    }

    @Override
    void step(int index) throws IOException {
        int what = random.nextInt(11);
        if (what < 4) create();
        else if (what < 6) grow();
        else if (what < 7) delete();
        else metadata();
    }

    private String name() {
        switch (random.nextInt(24)) {
            case 0: return "";
            case 1: return "..";
            case 2: return prefix + "bad name";
            case 3: return prefix + "x".repeat(250);
            case 5: return prefix + "dot.dash_" + random.nextInt(2);
            case 6: return prefix + "dot_dash." + random.nextInt(2);
            case 7: return "__consumer_offsets";
            case 8: return prefix + "ümlaut";
            default: return prefix + "t" + random.nextInt(4);
        }
    }

    private void create() throws IOException {
        short version = version(ApiKeys.CREATE_TOPICS);
        boolean validateOnly = version > 0 && sometimes(3);
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(TIMEOUT_MS).setValidateOnly(validateOnly);
        for (int i = 0, n = sometimes(15) ? 0 : 1 + random.nextInt(3); i < n; i++) {
            String name = sometimes(40) ? "__cluster_metadata" : name();
            // Kafka creates a request's topics in the order of a hash table: of two that collide, either may be first.
            if (!validateOnly && request.topics().stream().anyMatch(other -> collide(other.name(), name))) continue;
            if (!validateOnly && name.startsWith(prefix)) made.add(name);
            CreatableTopic topic = new CreatableTopic().setName(name)
                .setNumPartitions(sometimes(6) ? random.nextInt(3) - 2 : 1 + random.nextInt(2))
                .setReplicationFactor((short) (sometimes(6) ? random.nextInt(4) - 2 : 1));
            if (sometimes(4)) assign(topic, validateOnly);
            // Such a topic never has a leader, which Kafka waits for.
            if (topic.assignments().stream().anyMatch(one -> one.brokerIds().isEmpty())) request.setTimeoutMs(SHORT_TIMEOUT_MS);
            for (int c = random.nextInt(3); c > 0; c--) {
                String[] config = oneOf(CONFIGS);
                topic.configs().add(new CreatableTopicConfig().setName(config[0]).setValue(config[1]));
            }
            request.topics().add(topic);
        }
        CreateTopicsResponseData response = (CreateTopicsResponseData) ask(ApiKeys.CREATE_TOPICS, version, request);
        if (response == null) return;
        response.topics().forEach(result -> learn(result.name(), result.topicId()));
    }

    private static boolean collide(String one, String other) {
        return !one.equals(other) && one.replace('.', '_').equals(other.replace('.', '_'));
    }

    private void assign(CreatableTopic topic, boolean validateOnly) {
        if (!sometimes(4)) topic.setNumPartitions(-1).setReplicationFactor((short) -1);
        if (sometimes(30)) {
            topic.assignments().add(new CreatableReplicaAssignment().setPartitionIndex(0).setBrokerIds(List.of()));
            return;
        }
        for (int p = 0, n = 1 + random.nextInt(2); p < n; p++) {
            List<Integer> replicas = sometimes(5) ? Arrays.asList(0, 1) : sometimes(5) && validateOnly ? Arrays.asList(7)
                : sometimes(8) ? Arrays.asList(0, 0) : Arrays.asList(0);
            if (!validateOnly && !replicas.equals(Arrays.asList(0, 0))) replicas = Arrays.asList(0);
            topic.assignments().add(new CreatableReplicaAssignment().setPartitionIndex(sometimes(5) ? p + random.nextInt(2) : p)
                .setBrokerIds(replicas));
            if (topic.assignments().size() <= p) return;  // an index twice: the set keeps one
        }
    }

    private void grow() throws IOException {
        short version = version(ApiKeys.CREATE_PARTITIONS);
        CreatePartitionsRequestData request = new CreatePartitionsRequestData().setTimeoutMs(TIMEOUT_MS).setValidateOnly(sometimes(3));
        for (int i = 0, n = sometimes(15) ? 0 : 1 + random.nextInt(2); i < n; i++) {
            CreatePartitionsTopic topic = new CreatePartitionsTopic().setName(name()).setCount(random.nextInt(6) - 1).setAssignments(null);
            if (topic.name().equals("__consumer_offsets")) topic.setName(prefix + "none");
            // Such names make Kafka fail the whole request with UNKNOWN_SERVER_ERROR; we say that the topic doesn't exist.
            if (topic.name().isEmpty() || topic.name().equals("..")) topic.setName(prefix + "none");
            if (sometimes(3)) topic.setAssignments(assignments());
            request.topics().add(topic);
        }
        ask(ApiKeys.CREATE_PARTITIONS, version, request);
    }

    private List<CreatePartitionsAssignment> assignments() {
        List<CreatePartitionsAssignment> assignments = new ArrayList<>();
        for (int a = random.nextInt(3); a > 0; a--) {
            List<Integer> brokers = sometimes(6) ? Arrays.asList(9) : sometimes(6) ? Arrays.asList(0, 0)
                : sometimes(6) ? new ArrayList<>() : Arrays.asList(0);
            assignments.add(new CreatePartitionsAssignment().setBrokerIds(brokers));
        }
        return assignments;
    }

    private void delete() throws IOException {
        short version = version(ApiKeys.DELETE_TOPICS);
        DeleteTopicsRequestData request = new DeleteTopicsRequestData().setTimeoutMs(TIMEOUT_MS);
        List<String> names = new ArrayList<>();
        for (int i = 0, n = 1 + random.nextInt(2); i < n; i++) {
            String name = name();
            if (name.startsWith("__")) continue;
            if (names.contains(name) && !sometimes(3)) continue;
            names.add(name);
            if (version < 6) {
                request.topicNames().add(name);
            } else if (sometimes(2)) {
                request.topics().add(new DeleteTopicsRequestData.DeleteTopicState().setName(name));
            } else {
                Uuid id = idOf.getOrDefault(name, sometimes(2) ? Uuid.ZERO_UUID : new Uuid(1, 2));
                request.topics().add(new DeleteTopicsRequestData.DeleteTopicState().setName(sometimes(8) ? name : null).setTopicId(id));
            }
        }
        DeleteTopicsResponseData response = (DeleteTopicsResponseData) ask(ApiKeys.DELETE_TOPICS, version, request);
        if (response == null) return;
        for (DeleteTopicsResponseData.DeletableTopicResult result : response.responses()) {
            if (result.errorCode() == 0) waitUntilFree(result.name());
        }
    }

    private void waitUntilFree(String name) throws IOException {
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(1000).setValidateOnly(true);
        request.topics().add(new CreatableTopic().setName(name).setNumPartitions(1).setReplicationFactor((short) 1));
        await(ApiKeys.CREATE_TOPICS, 5, request, answer ->
            ((CreateTopicsResponseData) answer).topics().iterator().next().errorCode() != Errors.TOPIC_ALREADY_EXISTS.code());
    }

    private void metadata() throws IOException {
        short version = version(ApiKeys.METADATA);
        MetadataRequestData request = new MetadataRequestData();
        int kind = random.nextInt(12);
        if (kind == 0 && version > 0) request.setTopics(null);
        if (kind > 1) {
            for (int i = 0, n = 1 + random.nextInt(3); i < n; i++) {
                String name = name();
                // Nor is it known which of them Kafka creates for this request.
                if (request.topics().stream().anyMatch(other -> other.name() != null && collide(other.name(), name))) continue;
                MetadataRequestTopic topic = new MetadataRequestTopic().setName(name);
                if (version >= 12 && sometimes(3)) {
                    topic.setName(sometimes(8) ? name : null).setTopicId(idOf.getOrDefault(name, new Uuid(3, 4)));
                }
                request.topics().add(topic);
            }
        }
        if (version >= 4) request.setAllowAutoTopicCreation(sometimes(3));
        if (version >= 8) request.setIncludeTopicAuthorizedOperations(sometimes(2));
        if (version >= 8 && version <= 10) request.setIncludeClusterAuthorizedOperations(sometimes(2));
        // Kafka names topics that it creates by itself without a leader first; Barnabas has one at once.
        if (kind > 1 && (version < 4 || request.allowAutoTopicCreation())) {
            await(ApiKeys.METADATA, version, request, answer -> ((MetadataResponseData) answer).topics().stream()
                .noneMatch(topic -> topic.errorCode() == Errors.LEADER_NOT_AVAILABLE.code()));
        }
        MetadataResponseData response = (MetadataResponseData) ask(ApiKeys.METADATA, version, request);
        if (response == null) return;
        for (MetadataResponseData.MetadataResponseTopic found : response.topics()) {
            learn(found.name(), found.topicId());
            if (found.errorCode() == 0 && found.name().startsWith(prefix)) made.add(found.name());
        }
    }

    private void learn(String name, Uuid id) {
        // Of what isn't this sequence's own, nothing is compared, nor which id of the one stands for which of the other.
        if (name != null && name.startsWith(prefix) && !id.equals(Uuid.ZERO_UUID)) idOf.put(name, id);
    }
}
