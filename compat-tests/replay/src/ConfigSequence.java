// DescribeConfigs, AlterConfigs and IncrementalAlterConfigs: topics, brokers, loggers and what isn't a resource at all.
//
// The broker's own configurations are only validated here, and only some of them described: DynamicSequence changes them, and
// compat-tests/config compares the whole tables.

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.message.AlterConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.IncrementalAlterConfigsRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

final class ConfigSequence extends LogSequence {
    private static final byte TOPIC = 2, BROKER = 4, LOGGER = 8;
    private static final String[] RIGHT = {"log.retention.bytes", "123456789"};
    private static final byte SET = 0, DELETE = 1;
    // Dynamic ones with a value that is right and one that isn't, and some that can't be changed while a broker runs.
    private static final String[][] BROKER_CONFIGS = {
        {"message.max.bytes", "1048500"}, {"message.max.bytes", "x"}, {"log.retention.bytes", "123456789"}, {"log.cleaner.backoff.ms", "-5"},
        {"compression.type", "gzip"}, {"compression.type", "zip"}, {"log.flush.interval.ms", "100000"}, {"num.partitions", "7"},
        {"no.such.config", "1"}, {"log.message.timestamp.type", "LogAppendTime"}, {"min.insync.replicas", "0"},
        {"max.connections.per.ip", "2000000"}, {"log.cleanup.policy", "compact"}, {"log.cleaner.threads", "0"}, {"num.io.threads", "1000"},
        {"log.index.interval.bytes", "5000"}, {"unclean.leader.election.enable", "true"},
    };

    ConfigSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 12;
    }

    @Override
    void begin() throws IOException {
        createTopic(prefix + "t", 1, sometimes(2) ? Map.of() : Map.of("retention.ms", "100000", "cleanup.policy", "compact"));
    }

    @Override
    void step(int index) throws IOException {
        switch (random.nextInt(4)) {
            case 0: alter(); break;
            case 1:
            case 2: alterIncrementally(); break;
            default: describe();
        }
    }

    @Override
    void end() throws IOException {
        DescribeConfigsRequestData request = new DescribeConfigsRequestData().setIncludeSynonyms(true);
        request.resources().add(new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType(TOPIC).setResourceName(prefix + "t").setConfigurationKeys(null));
        ask(ApiKeys.DESCRIBE_CONFIGS, 4, request);
    }

    private byte type() {
        return sometimes(25) ? oneOf((byte) 0, (byte) 1, (byte) 16, (byte) 32, (byte) 99, LOGGER) : sometimes(3) ? BROKER : TOPIC;
    }

    private String name(byte type) {
        if (type == TOPIC) return sometimes(8) ? oneOf(prefix + "missing", "", "bad name", "..", "__consumer_offsets") : prefix + "t";
        return sometimes(6) ? oneOf("1", "abc", "-1", " 0") : sometimes(2) ? "" : "0";
    }

    private void describe() throws IOException {
        short version = version(ApiKeys.DESCRIBE_CONFIGS);
        DescribeConfigsRequestData request = new DescribeConfigsRequestData();
        if (version >= 1) request.setIncludeSynonyms(sometimes(2));
        if (version >= 3) request.setIncludeDocumentation(sometimes(3));
        for (int i = 0, n = sometimes(20) ? 0 : 1 + random.nextInt(2); i < n; i++) {
            byte type = type();
            DescribeConfigsRequestData.DescribeConfigsResource resource = new DescribeConfigsRequestData.DescribeConfigsResource()
                .setResourceType(type).setResourceName(name(type)).setConfigurationKeys(null);
            if (type != TOPIC || sometimes(2)) resource.setConfigurationKeys(keys(type));
            request.resources().add(resource);
        }
        ask(ApiKeys.DESCRIBE_CONFIGS, version, request);
    }

    private List<String> keys(byte type) {
        List<String> keys = new ArrayList<>();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            String key = type == TOPIC ? oneOf(TopicSequence.CONFIGS)[0] : oneOf(BROKER_CONFIGS)[0];
            if (!keys.contains(key)) keys.add(key);
        }
        return keys;
    }

    private void alter() throws IOException {
        short version = version(ApiKeys.ALTER_CONFIGS);
        // Replacing all of a broker's configurations would take away what the run relies on.
        AlterConfigsRequestData request = new AlterConfigsRequestData().setValidateOnly(sometimes(3));
        for (int i = 0, n = 1 + random.nextInt(2); i < n; i++) {
            byte type = sometimes(20) ? oneOf((byte) 0, (byte) 16, (byte) 99) : TOPIC;
            AlterConfigsRequestData.AlterConfigsResource resource = new AlterConfigsRequestData.AlterConfigsResource()
                .setResourceType(type).setResourceName(name(type));
            if (resource.resourceName().equals("__consumer_offsets")) resource.setResourceName(prefix + "none");
            // Kafka never answers a request that names a resource twice.
            if (request.resources().stream().anyMatch(other -> other.resourceName().equals(resource.resourceName()))) continue;
            for (int c = random.nextInt(3); c > 0; c--) {
                String[] config = oneOf(TopicSequence.CONFIGS);
                resource.configs().add(new AlterConfigsRequestData.AlterableConfig().setName(config[0]).setValue(config[1]));
            }
            request.resources().add(resource);
        }
        ask(ApiKeys.ALTER_CONFIGS, version, request);
    }

    private void alterIncrementally() throws IOException {
        short version = version(ApiKeys.INCREMENTAL_ALTER_CONFIGS);
        IncrementalAlterConfigsRequestData request = new IncrementalAlterConfigsRequestData().setValidateOnly(sometimes(3));
        for (int i = 0, n = sometimes(20) ? 0 : 1 + random.nextInt(2); i < n; i++) {
            byte type = type();
            String name = name(type);
            // Loggers have names of their own on each side.
            if (type == LOGGER || name.equals("__consumer_offsets")) continue;
            if (request.resources().stream().anyMatch(other -> other.resourceName().equals(name)) && !sometimes(10)) continue;
            IncrementalAlterConfigsRequestData.AlterConfigsResource resource = new IncrementalAlterConfigsRequestData.AlterConfigsResource()
                .setResourceType(type).setResourceName(name);
            for (int c = sometimes(10) ? 0 : 1 + random.nextInt(2); c > 0; c--) {
                String[] config = type == BROKER ? oneOf(BROKER_CONFIGS) : oneOf(TopicSequence.CONFIGS);
                // Of several values that are wrong Kafka names the first in the order of its table, ours in the alphabet's.
                if (type == BROKER && !resource.configs().isEmpty()) config = RIGHT;
                byte operation = sometimes(3) ? (byte) random.nextInt(sometimes(6) ? 6 : 4) : SET;
                resource.configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName(config[0])
                    .setValue(operation == DELETE && sometimes(2) ? null : config[1]).setConfigOperation(operation));
            }
            // Kafka takes over a broker's configurations some time after it has answered: none is really changed here.
            if (type == BROKER) request.setValidateOnly(true);
            request.resources().add(resource);
        }
        ask(ApiKeys.INCREMENTAL_ALTER_CONFIGS, version, request);
    }
}
