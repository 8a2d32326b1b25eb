// Broker configurations that are really changed while the brokers run, of one broker and of all, described afterwards with
// their synonyms, felt by topics and requests, and put back. Played alone: all sequences would feel them.

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.message.AlterConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsResponseData;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.SimpleRecord;

final class DynamicSequence extends LogSequence {
    private static final byte TOPIC = 2, BROKER = 4, SET = 0, DELETE = 1, APPEND = 2, SUBTRACT = 3;
    private static final int PUT_BACK_TRIES = 10;
    // Sources of configurations: of this broker, of all.
    private static final Set<Byte> DYNAMIC = Set.of((byte) 2, (byte) 3);
    private static final String[][] CONFIGS = {
        {"message.max.bytes", "200", "1048500", "0", "-1", "x"}, {"log.retention.bytes", "123456789", "-1"}, {"log.retention.ms", "999999999999", "-1"},
        {"compression.type", "gzip", "lz4", "producer", "zip"}, {"log.flush.interval.messages", "5", "0"}, {"log.flush.interval.ms", "100000", ""},
        {"log.message.timestamp.type", "LogAppendTime", "CreateTime", "Now"}, {"min.insync.replicas", "2", "1", "0"},
        {"log.message.timestamp.before.max.ms", "1000", "-1"}, {"log.index.interval.bytes", "5000", "-1"}, {"log.segment.bytes", "1000000", "3"},
        {"unclean.leader.election.enable", "true", "false"}, {"log.cleanup.policy", "compact", "compact,delete", "delete", "shred"},
        {"log.cleaner.min.compaction.lag.ms", "5", "-5"}, {"max.connections.per.ip", "2000000", "-2"}, {"max.connections", "1000000"},
        {"log.cleaner.threads", "2", "1", "9"}, {"num.io.threads", "9", "100"}, {"num.network.threads", "4", "0"}, {"background.threads", "11"},
        {"log.message.downconversion.enable", "false", "true"}, {"log.preallocate", "false"}, {"num.partitions", "3"}, {"broker.id", "5"},
        {"log.segment.delete.delay.ms", "200", "-3"}, {"log.roll.ms", "7777777", "0"}, {"log.local.retention.ms", "5"}, {"no.such.config", "1"},
    };

    private final Set<String> touched = new TreeSet<>();

    DynamicSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 6;
    }

    @Override
    void begin() throws IOException {
        createTopic(prefix + "t", 1, Map.of());
    }

    @Override
    void step(int index) throws IOException {
        if (sometimes(5)) replace();
        else alter();
        lookAround();
        feel();
    }

    private void alter() throws IOException {
        IncrementalAlterConfigsRequestData request = new IncrementalAlterConfigsRequestData();
        IncrementalAlterConfigsRequestData.AlterConfigsResource resource = new IncrementalAlterConfigsRequestData.AlterConfigsResource()
            .setResourceType(BROKER).setResourceName(sometimes(2) ? "" : "0");
        for (int c = 1 + random.nextInt(2); c > 0; c--) {
            String[] config = oneOf(CONFIGS);
            // Of several that are wrong, Kafka names the first in the order of a hash table.
            if (!resource.configs().isEmpty()) config = CONFIGS[1];
            touched.add(config[0]);
            byte operation = sometimes(4) ? DELETE : sometimes(10) ? oneOf(APPEND, SUBTRACT) : SET;
            String value = operation == DELETE && sometimes(2) ? null : config[1 + random.nextInt(config.length - 1)];
            if (resource.configs().stream().anyMatch(other -> other.name().equals(CONFIGS[1][0]))) continue;
            resource.configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName(config[0]).setValue(value).setConfigOperation(operation));
        }
        request.resources().add(resource);
        ask(ApiKeys.INCREMENTAL_ALTER_CONFIGS, version(ApiKeys.INCREMENTAL_ALTER_CONFIGS), request);
    }

    // All of a broker's own at once.
    private void replace() throws IOException {
        AlterConfigsRequestData request = new AlterConfigsRequestData();
        AlterConfigsRequestData.AlterConfigsResource resource = new AlterConfigsRequestData.AlterConfigsResource()
            .setResourceType(BROKER).setResourceName(sometimes(2) ? "" : "0");
        if (!sometimes(3)) {
            String[] config = oneOf(CONFIGS);
            touched.add(config[0]);
            resource.configs().add(new AlterConfigsRequestData.AlterableConfig().setName(config[0]).setValue(config[1 + random.nextInt(config.length - 1)]));
        }
        touched.add(CONFIGS[1][0]);
        request.resources().add(resource);
        ask(ApiKeys.ALTER_CONFIGS, version(ApiKeys.ALTER_CONFIGS), request);
    }

    private DescribeConfigsRequestData look(byte type, String name) {
        DescribeConfigsRequestData request = new DescribeConfigsRequestData().setIncludeSynonyms(true);
        request.resources().add(new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType(type).setResourceName(name)
            .setConfigurationKeys(type == BROKER ? new ArrayList<>(touched) : null));
        return request;
    }

    // Kafka takes over a broker's configurations some time after it has answered; then both say the same.
    private void lookAround() throws IOException {
        DescribeConfigsRequestData request = look(BROKER, "0");
        settle(ApiKeys.DESCRIBE_CONFIGS, 4, request);
        ask(ApiKeys.DESCRIBE_CONFIGS, 4, request);
        ask(ApiKeys.DESCRIBE_CONFIGS, 4, look(BROKER, ""));
        ask(ApiKeys.DESCRIBE_CONFIGS, 4, look(TOPIC, prefix + "t"));
    }

    // What a client notices of it.
    private void feel() throws IOException {
        Batches.Plan plan = new Batches.Plan();
        plan.records = new SimpleRecord[] {new SimpleRecord(1_600_000_000_000L, Batches.bytes("k"), Batches.bytes("v".repeat(sometimes(2) ? 10 : 300)))};
        ProduceRequestData request = new ProduceRequestData().setTimeoutMs(5000).setAcks((short) -1);
        ProduceRequestData.TopicProduceData data = new ProduceRequestData.TopicProduceData().setName(prefix + "t");
        data.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(0)
            .setRecords(MemoryRecords.readableRecords(java.nio.ByteBuffer.wrap(Batches.build(plan)))));
        request.topicData().add(data);
        recompressed = true;
        ask(ApiKeys.PRODUCE, 9, request);
        createTopic(prefix + "n" + random.nextInt(1000), -1, Map.of());
        readAll(prefix + "t", 0);
    }

    // Whatever happened, all is put back; where that fails, what is left over is named, since every sequence after this one
    // would feel it.
    @Override
    void putBack() throws IOException {
        if (touched.isEmpty()) return;
        String refused = "";
        for (int i = 0; i < PUT_BACK_TRIES; i++) {
            // First all at once, then one by one, which a value that isn't allowed beside the others may need.
            refused = i % 2 == 0 ? clear() : deleteEach();
            for (int looks = 0; looks < 50; looks++) {
                if (leftOver().isEmpty()) return;
                pause();
            }
        }
        throw new Difference(NOT_PUT_BACK, "After " + PUT_BACK_TRIES + " tries there is still " + leftOver() + "; last answers: " + refused);
    }

    private String clear() throws IOException {
        StringBuilder answers = new StringBuilder();
        for (String broker : List.of("", "0")) {
            AlterConfigsRequestData request = new AlterConfigsRequestData();
            request.resources().add(new AlterConfigsRequestData.AlterConfigsResource().setResourceType(BROKER).setResourceName(broker));
            answers.append(shown(ApiKeys.ALTER_CONFIGS, 1, peek(ApiKeys.ALTER_CONFIGS, 1, request)));
        }
        return answers.toString();
    }

    private String deleteEach() throws IOException {
        StringBuilder answers = new StringBuilder();
        for (String broker : List.of("", "0")) {
            for (String name : touched) {
                IncrementalAlterConfigsRequestData request = new IncrementalAlterConfigsRequestData();
                IncrementalAlterConfigsRequestData.AlterConfigsResource resource = new IncrementalAlterConfigsRequestData.AlterConfigsResource()
                    .setResourceType(BROKER).setResourceName(broker);
                resource.configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName(name).setConfigOperation(DELETE));
                request.resources().add(resource);
                answers.append(shown(ApiKeys.INCREMENTAL_ALTER_CONFIGS, 1, peek(ApiKeys.INCREMENTAL_ALTER_CONFIGS, 1, request)));
            }
        }
        return answers.toString();
    }

    private static String shown(ApiKeys api, int version, ApiMessage[] answers) {
        StringBuilder text = new StringBuilder();
        for (ApiMessage answer : answers == null ? new ApiMessage[0] : answers) text.append(' ').append(Answers.toJson(answer, (short) version));
        return text.toString();
    }

    // What is set dynamically, on either broker.
    private Set<String> leftOver() throws IOException {
        Set<String> found = new TreeSet<>();
        String[] whose = {"Kafka: ", "Barnabas: "};
        for (String broker : List.of("0", "")) {
            ApiMessage[] answers = peek(ApiKeys.DESCRIBE_CONFIGS, 4, look(BROKER, broker));
            if (answers == null) return Set.of("no answer");
            for (int b = 0; b < answers.length; b++) {
                for (DescribeConfigsResponseData.DescribeConfigsResult result : ((DescribeConfigsResponseData) answers[b]).results()) {
                    for (DescribeConfigsResponseData.DescribeConfigsResourceResult config : result.configs()) {
                        if (DYNAMIC.contains(config.configSource())) found.add(whose[b] + config.name() + "=" + config.value());
                    }
                }
            }
        }
        return found;
    }
}
