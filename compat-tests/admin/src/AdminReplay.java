// Sends random sequences of topic administration requests, right and wrong ones, at random versions, and prints every
// answer with topic ids, addresses and orders that may differ replaced. Two brokers that print the same for the same seeds
// behave the same.
//
//   AdminReplay HOST:PORT FIRST_SEED SEQUENCES STEPS
//
// Topics are never created with replicas on brokers that don't exist (such a topic has no leader, and both brokers would
// be waited for). After a deletion the name is waited for: Kafka answers before it is free.

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.RequestUtils;

public class AdminReplay {
    static final int TIMEOUT_MS = 20_000;

    final Socket socket;
    final DataInputStream in;
    final OutputStream out;
    final Random random;
    final String prefix;
    final Map<Uuid, String> ids = new TreeMap<>();
    final Map<String, Uuid> idOf = new TreeMap<>();
    final Map<String, Integer> generations = new TreeMap<>();
    int correlation = 0;

    AdminReplay(String host, int port, long seed) throws IOException {
        socket = new Socket(host, port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(60_000);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
        random = new Random(seed);
        prefix = "s" + seed + "-";
    }

    ApiMessage call(ApiKeys key, short version, ApiMessage body) throws IOException {
        RequestHeaderData header = new RequestHeaderData().setRequestApiKey(key.id).setRequestApiVersion(version)
            .setClientId("replay").setCorrelationId(++correlation);
        ByteBuffer bytes = RequestUtils.serialize(header, key.requestHeaderVersion(version), body, version);
        ByteBuffer frame = ByteBuffer.allocate(4 + bytes.remaining());
        frame.putInt(bytes.remaining()).put(bytes);
        out.write(frame.array());
        out.flush();
        byte[] answer = new byte[in.readInt()];
        in.readFully(answer);
        ByteBufferAccessor accessor = new ByteBufferAccessor(ByteBuffer.wrap(answer));
        new ResponseHeaderData(accessor, key.responseHeaderVersion(version));
        ApiMessage response = key.messageType.newResponse();
        response.read(accessor, version);
        return response;
    }

    boolean sometimes(int outOf) {
        return random.nextInt(outOf) == 0;
    }

    short version(int from, int to) {
        return (short) (from + random.nextInt(to - from + 1));
    }

    String name() {
        switch (random.nextInt(20)) {
            case 0: return "";
            case 1: return "..";
            case 2: return prefix + "bad name";
            case 3: return prefix + "x".repeat(250);
            case 4: return "__cluster_metadata";
            case 5: return prefix + "dot.dash_" + random.nextInt(2);
            case 6: return prefix + "dot_dash." + random.nextInt(2);
            default: return prefix + "t" + random.nextInt(4);
        }
    }

    static final String[][] CONFIGS = {
        {"retention.ms", "1000"}, {"retention.ms", "abc"}, {"cleanup.policy", "compact,delete"}, {"cleanup.policy", "zip"},
        {"no.such.config", "1"}, {"segment.bytes", "13"}, {"segment.bytes", "1000000"}, {"compression.type", "zstd"},
        {"min.insync.replicas", "0"}, {"max.message.bytes", null}, {"message.timestamp.type", "LogAppendTime"},
        {"unclean.leader.election.enable", "maybe"}, {"min.cleanable.dirty.ratio", "1.5"}, {"retention.bytes", "-1"},
        {"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}, {"flush.messages", "1"}, {"index.interval.bytes", "0"},
        {"preallocate", "true"}, {"compression.gzip.level", "99"}, {"local.retention.ms", "5"},
        {"leader.replication.throttled.replicas", "0:0,1:0"}, {"follower.replication.throttled.replicas", "nonsense"},
    };

    // ---- Requests

    String create() throws IOException {
        short version = version(0, 7);
        boolean validateOnly = version > 0 && sometimes(3);
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(TIMEOUT_MS).setValidateOnly(validateOnly);
        for (int i = 0, n = 1 + random.nextInt(3); i < n; i++) {
            CreateTopicsRequestData.CreatableTopic topic = new CreateTopicsRequestData.CreatableTopic().setName(name())
                .setNumPartitions(sometimes(6) ? random.nextInt(3) - 2 : 1 + random.nextInt(3))
                .setReplicationFactor((short) (sometimes(6) ? random.nextInt(4) - 1 : 1));
            if (sometimes(4)) assign(topic, validateOnly);
            for (int c = random.nextInt(3); c > 0; c--) {
                String[] config = CONFIGS[random.nextInt(CONFIGS.length)];
                topic.configs().add(new CreateTopicsRequestData.CreatableTopicConfig().setName(config[0]).setValue(config[1]));
            }
            request.topics().add(topic);
        }
        System.out.println("create v" + version + " " + request);
        CreateTopicsResponseData response = (CreateTopicsResponseData) call(ApiKeys.CREATE_TOPICS, version, request);
        List<String> lines = new ArrayList<>();
        for (CreateTopicsResponseData.CreatableTopicResult result : response.topics()) {
            learn(result.name(), result.topicId());
            StringBuilder line = new StringBuilder(result.name() + " " + Errors.forCode(result.errorCode()) + " "
                + message(result.errorMessage()) + " partitions=" + result.numPartitions() + " replicas=" + result.replicationFactor()
                + " id=" + mask(result.topicId()) + " config error=" + result.topicConfigErrorCode());
            TreeMap<String, String> configs = new TreeMap<>();
            if (result.configs() != null) {
                for (CreateTopicsResponseData.CreatableTopicConfigs config : result.configs()) {
                    configs.put(config.name(), config.value() + "/" + config.configSource() + (config.readOnly() ? "/ro" : "")
                        + (config.isSensitive() ? "/sensitive" : ""));
                }
            }
            lines.add(line + " " + configs);
        }
        return sorted(lines);
    }

    void assign(CreateTopicsRequestData.CreatableTopic topic, boolean validateOnly) {
        if (!sometimes(4)) topic.setNumPartitions(-1).setReplicationFactor((short) -1);
        for (int p = 0, n = 1 + random.nextInt(2); p < n; p++) {
            List<Integer> replicas = sometimes(5) ? Arrays.asList(0, 1) : sometimes(5) && validateOnly ? Arrays.asList(7) : Arrays.asList(0);
            if (replicas.size() > 1 && !validateOnly) replicas = Arrays.asList(0);
            topic.assignments().add(new CreateTopicsRequestData.CreatableReplicaAssignment()
                .setPartitionIndex(sometimes(5) ? p + 1 : p).setBrokerIds(replicas));
            if (topic.assignments().size() <= p) return;  // an index twice: the set keeps one
        }
    }

    String grow() throws IOException {
        short version = version(0, 3);
        CreatePartitionsRequestData request = new CreatePartitionsRequestData().setTimeoutMs(TIMEOUT_MS).setValidateOnly(sometimes(3));
        for (int i = 0, n = 1 + random.nextInt(2); i < n; i++) {
            CreatePartitionsRequestData.CreatePartitionsTopic topic = new CreatePartitionsRequestData.CreatePartitionsTopic()
                .setName(name()).setCount(random.nextInt(7) - 1).setAssignments(null);
            // Such names make Kafka fail the whole request with UNKNOWN_SERVER_ERROR; we say that the topic doesn't exist.
            if (topic.name().isEmpty() || topic.name().equals("..")) topic.setName(prefix + "none");
            if (sometimes(3)) {
                List<CreatePartitionsRequestData.CreatePartitionsAssignment> assignments = new ArrayList<>();
                for (int a = random.nextInt(3); a > 0; a--) {
                    List<Integer> brokers = sometimes(6) ? Arrays.asList(9) : sometimes(6) ? Arrays.asList(0, 0)
                        : sometimes(6) ? new ArrayList<>() : Arrays.asList(0);
                    assignments.add(new CreatePartitionsRequestData.CreatePartitionsAssignment().setBrokerIds(brokers));
                }
                topic.setAssignments(assignments);
            }
            request.topics().add(topic);
        }
        System.out.println("grow v" + version + " " + request);
        CreatePartitionsResponseData response = (CreatePartitionsResponseData) call(ApiKeys.CREATE_PARTITIONS, version, request);
        List<String> lines = new ArrayList<>();
        for (CreatePartitionsResponseData.CreatePartitionsTopicResult result : response.results()) {
            lines.add(result.name() + " " + Errors.forCode(result.errorCode()) + " " + message(result.errorMessage()));
        }
        return sorted(lines);
    }

    String delete() throws IOException {
        short version = version(1, 6);
        DeleteTopicsRequestData request = new DeleteTopicsRequestData().setTimeoutMs(TIMEOUT_MS);
        List<String> names = new ArrayList<>();
        for (int i = 0, n = 1 + random.nextInt(2); i < n; i++) {
            String name = name();
            if (names.contains(name)) continue;
            names.add(name);
            if (version < 6) {
                request.topicNames().add(name);
            } else if (sometimes(2)) {
                request.topics().add(new DeleteTopicsRequestData.DeleteTopicState().setName(name));
            } else {
                Uuid id = idOf.getOrDefault(name, new Uuid(1, 2));
                request.topics().add(new DeleteTopicsRequestData.DeleteTopicState().setName(sometimes(8) ? name : null).setTopicId(id));
            }
        }
        System.out.println("delete v" + version + " " + names);
        DeleteTopicsResponseData response = (DeleteTopicsResponseData) call(ApiKeys.DELETE_TOPICS, version, request);
        List<String> lines = new ArrayList<>();
        for (DeleteTopicsResponseData.DeletableTopicResult result : response.responses()) {
            lines.add(result.name() + " " + Errors.forCode(result.errorCode()) + " " + message(result.errorMessage()) + " id="
                + mask(result.topicId()));
            if (result.errorCode() == 0) waitUntilFree(result.name());
        }
        return sorted(lines);
    }

    void waitUntilFree(String name) throws IOException {
        for (int i = 0; i < 500; i++) {
            CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(1000).setValidateOnly(true);
            request.topics().add(new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(1).setReplicationFactor((short) 1));
            CreateTopicsResponseData response = (CreateTopicsResponseData) call(ApiKeys.CREATE_TOPICS, (short) 5, request);
            if (response.topics().iterator().next().errorCode() != Errors.TOPIC_ALREADY_EXISTS.code()) return;
            try {
                Thread.sleep(20);
            } catch (InterruptedException interrupted) {
                return;
            }
        }
    }

    String metadata() throws IOException {
        short version = version(0, 12);
        MetadataRequestData request = new MetadataRequestData();
        boolean all = sometimes(4);
        if (all && version > 0) request.setTopics(null);
        if (!all) {
            for (int i = 0, n = 1 + random.nextInt(3); i < n; i++) {
                String name = name();
                MetadataRequestData.MetadataRequestTopic topic = new MetadataRequestData.MetadataRequestTopic().setName(name);
                if (version >= 12 && sometimes(3)) topic.setName(null).setTopicId(idOf.getOrDefault(name, new Uuid(3, 4)));
                request.topics().add(topic);
            }
        }
        if (version >= 4) request.setAllowAutoTopicCreation(sometimes(2));
        if (version >= 8) request.setIncludeTopicAuthorizedOperations(sometimes(2));
        if (version >= 8 && version <= 10) request.setIncludeClusterAuthorizedOperations(sometimes(2));
        System.out.println("metadata v" + version + " " + (all ? "all" : names(request)));
        MetadataResponseData response = (MetadataResponseData) call(ApiKeys.METADATA, version, request);
        List<String> lines = new ArrayList<>();
        for (MetadataResponseData.MetadataResponseTopic topic : response.topics()) {
            if (topic.name() != null && topic.name().startsWith("s") && !topic.name().startsWith(prefix)) continue;  // another sequence's
            learn(topic.name(), topic.topicId());
            TreeMap<Integer, String> partitions = new TreeMap<>();
            for (MetadataResponseData.MetadataResponsePartition p : topic.partitions()) {
                partitions.put(p.partitionIndex(), Errors.forCode(p.errorCode()) + " leader=" + p.leaderId() + " epoch=" + p.leaderEpoch()
                    + " replicas=" + p.replicaNodes() + " isr=" + p.isrNodes() + " offline=" + p.offlineReplicas());
            }
            lines.add(topic.name() + " " + Errors.forCode(topic.errorCode()) + " id=" + mask(topic.topicId()) + " internal="
                + topic.isInternal() + " operations=" + topic.topicAuthorizedOperations() + " " + partitions);
        }
        return "controller=" + response.controllerId() + " brokers=" + response.brokers().size() + " operations="
            + response.clusterAuthorizedOperations() + " " + sorted(lines);
    }

    static List<String> names(MetadataRequestData request) {
        List<String> names = new ArrayList<>();
        for (MetadataRequestData.MetadataRequestTopic topic : request.topics()) names.add(String.valueOf(topic.name()));
        return names;
    }

    String cluster() throws IOException {
        short version = version(0, 1);
        DescribeClusterRequestData request = new DescribeClusterRequestData().setIncludeClusterAuthorizedOperations(sometimes(2));
        if (version >= 1) request.setEndpointType((byte) (sometimes(2) ? 1 : random.nextInt(4)));
        System.out.println("cluster v" + version + " " + request);
        DescribeClusterResponseData response = (DescribeClusterResponseData) call(ApiKeys.DESCRIBE_CLUSTER, version, request);
        return Errors.forCode(response.errorCode()) + " " + message(response.errorMessage()) + " controller=" + response.controllerId()
            + " brokers=" + response.brokers().size() + " operations=" + response.clusterAuthorizedOperations() + " type="
            + response.endpointType();
    }

    // ---- Answers

    // Ids are told apart by their topic and how many that topic had before.
    void learn(String name, Uuid id) {
        if (name == null || id.equals(Uuid.ZERO_UUID) || ids.containsKey(id)) return;
        idOf.put(name, id);
        ids.put(id, name + "#" + generations.merge(name, 1, Integer::sum));
    }

    String mask(Uuid id) {
        return id.equals(Uuid.ZERO_UUID) ? "0" : ids.getOrDefault(id, "unknown");
    }

    // How Scala prints its maps is its own business.
    static String message(String text) {
        return text == null ? "null" : "'" + text.replaceAll("(Duplicate replica assignment found: ).*", "$1…") + "'";
    }

    static String sorted(List<String> lines) {
        lines.sort(null);
        return lines.toString();
    }

    void run(int steps) throws IOException {
        for (int i = 0; i < steps; i++) {
            int what = random.nextInt(12);
            System.out.println("-> " + (what < 5 ? create() : what < 7 ? grow() : what < 8 ? delete() : what < 11 ? metadata() : cluster()));
        }
        socket.close();
    }

    public static void main(String[] args) throws IOException {
        String host = args[0].substring(0, args[0].lastIndexOf(':'));
        int port = Integer.parseInt(args[0].substring(args[0].lastIndexOf(':') + 1));
        long first = Long.parseLong(args[1]);
        for (long seed = first; seed < first + Long.parseLong(args[2]); seed++) {
            System.out.println("== " + seed);
            new AdminReplay(host, port, seed).run(Integer.parseInt(args[3]));
        }
    }
}
