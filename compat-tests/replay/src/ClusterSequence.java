// What concerns the cluster: DescribeCluster, leader elections, reassignments and client quotas, as far as both brokers
// advertise them.

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.AlterClientQuotasRequestData;
import org.apache.kafka.common.message.AlterPartitionReassignmentsRequestData;
import org.apache.kafka.common.message.AlterPartitionReassignmentsRequestData.ReassignablePartition;
import org.apache.kafka.common.message.AlterPartitionReassignmentsRequestData.ReassignableTopic;
import org.apache.kafka.common.message.DescribeClientQuotasRequestData;
import org.apache.kafka.common.message.DescribeClusterRequestData;
import org.apache.kafka.common.message.ElectLeadersRequestData;
import org.apache.kafka.common.message.ListPartitionReassignmentsRequestData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

final class ClusterSequence extends LogSequence {
    private static final int TIMEOUT_MS = 10_000;

    ClusterSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 12;
    }

    @Override
    void begin() throws IOException {
        createTopic(prefix + "t", 2, Map.of());
    }

    @Override
    void step(int index) throws IOException {
        ApiKeys api = oneOf(ApiKeys.DESCRIBE_CLUSTER, ApiKeys.ELECT_LEADERS, ApiKeys.ALTER_PARTITION_REASSIGNMENTS,
            ApiKeys.LIST_PARTITION_REASSIGNMENTS, ApiKeys.ALTER_CLIENT_QUOTAS, ApiKeys.DESCRIBE_CLIENT_QUOTAS);
        if (!run.both(api)) api = ApiKeys.DESCRIBE_CLUSTER;
        switch (api) {
            case ELECT_LEADERS: elect(); break;
            case ALTER_PARTITION_REASSIGNMENTS: reassign(); break;
            case LIST_PARTITION_REASSIGNMENTS: listReassignments(); break;
            case ALTER_CLIENT_QUOTAS: alterQuotas(); break;
            case DESCRIBE_CLIENT_QUOTAS: describeQuotas(); break;
            default: cluster();
        }
    }

    @Override
    void end() throws IOException {
        MetadataRequestData request = new MetadataRequestData().setAllowAutoTopicCreation(false);
        request.topics().add(new MetadataRequestData.MetadataRequestTopic().setName(prefix + "t"));
        settle(ApiKeys.METADATA, 12, request);  // a reassignment goes on after its answer
        ask(ApiKeys.METADATA, 12, request);
        if (!run.both(ApiKeys.ALTER_CLIENT_QUOTAS)) return;
        // Quotas of names that no other sequence has; they are in nobody's way, but lists should stay short.
        for (String type : List.of("user", "client-id")) {
            for (int i = 0; i < NAMES; i++) alterQuotas(List.of(entity(type, prefix + "q" + i)), true);
        }
    }

    private String topic() {
        return sometimes(6) ? oneOf(prefix + "missing", "", "bad name") : prefix + "t";
    }

    private int partition() {
        return sometimes(6) ? oneOf(7, -1) : random.nextInt(2);
    }

    private void cluster() throws IOException {
        short version = version(ApiKeys.DESCRIBE_CLUSTER);
        DescribeClusterRequestData request = new DescribeClusterRequestData().setIncludeClusterAuthorizedOperations(sometimes(2));
        if (version >= 1) request.setEndpointType((byte) (sometimes(2) ? 1 : random.nextInt(4)));
        ask(ApiKeys.DESCRIBE_CLUSTER, version, request);
    }

    // ---- Leaders and replicas

    private void elect() throws IOException {
        short version = version(ApiKeys.ELECT_LEADERS);
        ElectLeadersRequestData request = new ElectLeadersRequestData().setTimeoutMs(TIMEOUT_MS);
        if (version >= 1) request.setElectionType(sometimes(12) ? (byte) 2 : (byte) random.nextInt(2));
        for (int t = sometimes(10) ? 0 : 1 + random.nextInt(2); t > 0; t--) {
            String name = topic();
            if (request.topicPartitions().find(name) != null) continue;
            List<Integer> partitions = new ArrayList<>();
            for (int p = sometimes(12) ? 0 : 1 + random.nextInt(2); p > 0; p--) partitions.add(partition());
            request.topicPartitions().add(new ElectLeadersRequestData.TopicPartitions().setTopic(name).setPartitions(partitions));
        }
        ask(ApiKeys.ELECT_LEADERS, version, request);
    }

    private void reassign() throws IOException {
        short version = version(ApiKeys.ALTER_PARTITION_REASSIGNMENTS);
        AlterPartitionReassignmentsRequestData request = new AlterPartitionReassignmentsRequestData().setTimeoutMs(TIMEOUT_MS);
        for (int t = sometimes(15) ? 0 : 1 + random.nextInt(2); t > 0; t--) {
            ReassignableTopic topic = new ReassignableTopic().setName(topic());
            if (request.topics().stream().anyMatch(other -> other.name().equals(topic.name()))) continue;
            for (int p = sometimes(15) ? 0 : 1 + random.nextInt(2); p > 0; p--) {
                int index = partition();
                if (topic.partitions().stream().anyMatch(other -> other.partitionIndex() == index)) continue;
                List<Integer> replicas = oneOf(List.of(0), List.of(0), List.of(), List.of(7), List.of(0, 7), List.of(0, 0), List.of(-1), null);
                topic.partitions().add(new ReassignablePartition().setPartitionIndex(index).setReplicas(replicas));
            }
            request.topics().add(topic);
        }
        ask(ApiKeys.ALTER_PARTITION_REASSIGNMENTS, version, request);
    }

    private void listReassignments() throws IOException {
        ListPartitionReassignmentsRequestData request = new ListPartitionReassignmentsRequestData().setTimeoutMs(TIMEOUT_MS);
        if (!sometimes(4)) {
            request.setTopics(new ArrayList<>());
            for (int t = random.nextInt(3); t > 0; t--) {
                request.topics().add(new ListPartitionReassignmentsRequestData.ListPartitionReassignmentsTopics().setName(topic())
                    .setPartitionIndexes(oneOf(List.of(0, 1), List.of(), List.of(9))));
            }
        }
        ask(ApiKeys.LIST_PARTITION_REASSIGNMENTS, version(ApiKeys.LIST_PARTITION_REASSIGNMENTS), request);
    }

    // ---- Quotas

    private static final int NAMES = 2;

    private static AlterClientQuotasRequestData.EntityData entity(String type, String name) {
        return new AlterClientQuotasRequestData.EntityData().setEntityType(type).setEntityName(name);
    }

    private String quotaName() {
        return sometimes(15) ? oneOf("", " ", prefix + "ü/%") : prefix + "q" + random.nextInt(NAMES);
    }

    private void alterQuotas() throws IOException {
        List<AlterClientQuotasRequestData.EntityData> entity = new ArrayList<>();
        switch (random.nextInt(8)) {
            case 0: entity.add(entity("client-id", quotaName())); break;
            case 1: entity.add(entity("user", quotaName())); entity.add(entity("client-id", quotaName())); break;
            case 2: entity.add(entity("user", quotaName())); entity.add(entity("client-id", null)); break;
            case 3: entity.add(entity(oneOf("ip", "group", "", "Users"), oneOf("1.2.3.4", "nowhere.invalid", "x"))); break;
            case 4: entity.add(entity("user", quotaName())); entity.add(entity(oneOf("user", "ip"), "1.2.3.4")); break;
            case 5: if (sometimes(2)) break;  // no entity at all
            default: entity.add(entity("user", quotaName()));
        }
        // An address that may connect so many times a second is everybody's; a test of the whole run's.
        alterQuotas(entity, false);
    }

    private void alterQuotas(List<AlterClientQuotasRequestData.EntityData> entity, boolean remove) throws IOException {
        boolean shared = entity.stream().anyMatch(one -> one.entityName() == null || !one.entityName().startsWith(prefix));
        AlterClientQuotasRequestData request = new AlterClientQuotasRequestData().setValidateOnly(!remove && (shared || sometimes(4)));
        AlterClientQuotasRequestData.EntryData entry = new AlterClientQuotasRequestData.EntryData().setEntity(entity);
        if (remove) {
            for (String key : QUOTAS) entry.ops().add(new AlterClientQuotasRequestData.OpData().setKey(key).setRemove(true));
        } else {
            for (int o = random.nextInt(3); o > 0; o--) {
                String key = sometimes(8) ? oneOf("connection_creation_rate", "no_such_quota", "") : oneOf(QUOTAS);
                if (entry.ops().stream().anyMatch(other -> other.key().equals(key))) continue;
                entry.ops().add(new AlterClientQuotasRequestData.OpData().setKey(key).setRemove(sometimes(4))
                    .setValue(oneOf(1000.0, 1024.0, 12.5, 0.0, -1.0, 1e12, Double.NaN, 0.001)));
            }
        }
        request.entries().add(entry);
        ask(ApiKeys.ALTER_CLIENT_QUOTAS, version(ApiKeys.ALTER_CLIENT_QUOTAS), request);
    }

    private static final String[] QUOTAS = {"producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"};
    private static final byte EXACT = 0, DEFAULT = 1, ANY = 2;

    private void describeQuotas() throws IOException {
        DescribeClientQuotasRequestData request = new DescribeClientQuotasRequestData().setStrict(sometimes(2));
        for (int c = sometimes(8) ? 2 : 1; c > 0; c--) {
            byte match = sometimes(12) ? 5 : oneOf(EXACT, EXACT, DEFAULT, ANY);
            request.components().add(new DescribeClientQuotasRequestData.ComponentData()
                .setEntityType(sometimes(12) ? oneOf("ip", "group", "") : c == 2 ? "client-id" : "user").setMatchType(match)
                .setMatch(match == EXACT || sometimes(12) ? quotaName() : null));
        }
        ask(ApiKeys.DESCRIBE_CLIENT_QUOTAS, version(ApiKeys.DESCRIBE_CLIENT_QUOTAS), request);
    }
}
