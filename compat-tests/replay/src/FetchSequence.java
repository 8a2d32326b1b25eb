// Fetch at every version: plain and in sessions, by name and by id, with limits, isolation levels, epochs and replica ids.

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.FetchRequestData.ForgottenTopic;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.SimpleRecord;

final class FetchSequence extends LogSequence {
    private static final long PAST_MS = 1_600_000_000_000L;
    private static final int PARTITIONS = 2;

    private final Map<String, Uuid> ids = new TreeMap<>();
    private String[] topics;
    private boolean zeros, shortSegments;
    private int session = 0, epoch = 0;

    FetchSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 18;
    }

    @Override
    void begin() throws IOException {
        topics = new String[] {prefix + "a", prefix + "b"};
        for (String topic : topics) {
            Map<String, String> configs = new TreeMap<>();
            if (sometimes(3)) configs.put("segment.bytes", "300");
            if (sometimes(8)) configs.put("message.downconversion.enable", "false");
            if (sometimes(8)) configs.put("compression.type", oneOf("zstd", "gzip", "lz4"));
            // Where segments end would depend on what each broker's compressors make, and a fetch reads one of them.
            if (configs.containsKey("compression.type")) configs.remove("segment.bytes");
            recompressed |= configs.containsKey("compression.type");
            shortSegments |= configs.containsKey("segment.bytes");
            CreateTopicsResponseData created = createTopic(topic, PARTITIONS, configs);
            ids.put(topic, created.topics().find(topic).topicId());
            for (int i = 0; i < 3; i++) produce(topic, random.nextInt(PARTITIONS));
        }
    }

    @Override
    void step(int index) throws IOException {
        int what = random.nextInt(12);
        if (what == 0) deleteRecords(oneOf(topics), random.nextInt(PARTITIONS));
        else if (what < 3) produce(oneOf(topics), random.nextInt(PARTITIONS));
        else if (what < 8) fetchInSession();
        else fetch();
    }

    private void produce(String topic, int partition) throws IOException {
        Batches.Plan plan = new Batches.Plan();
        plan.magic = (byte) (sometimes(4) ? random.nextInt(2) : 2);
        if (sometimes(5)) plan.codec = oneOf(CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4);
        if (shortSegments && plan.magic < 2) plan.codec = CompressionType.NONE;
        recompressed |= plan.magic < 2 && plan.codec != CompressionType.NONE;
        plan.records = new SimpleRecord[1 + random.nextInt(4)];
        for (int i = 0; i < plan.records.length; i++) {
            String value = sometimes(6) ? "large".repeat(60) : "value" + random.nextInt(100);
            plan.records[i] = new SimpleRecord(plan.magic == 0 ? -1 : PAST_MS + i, Batches.bytes("k" + i), Batches.bytes(value));
        }
        ProduceRequestData request = new ProduceRequestData().setTimeoutMs(5000).setAcks((short) -1);
        ProduceRequestData.TopicProduceData data = new ProduceRequestData.TopicProduceData().setName(topic);
        data.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(partition)
            .setRecords(MemoryRecords.readableRecords(java.nio.ByteBuffer.wrap(Batches.build(plan)))));
        request.topicData().add(data);
        ask(ApiKeys.PRODUCE, plan.magic == 2 ? 9 : 2, request, "magic " + plan.magic + " " + plan.codec.name + " " + plan.records.length + " records");
    }

    private FetchRequestData limits(short version) {
        FetchRequestData request = new FetchRequestData().setMaxWaitMs(sometimes(4) ? 30 : 0)
            .setMinBytes(sometimes(4) ? oneOf(0, 10, 1000, -1) : 1);
        if (version <= 14) request.setReplicaId(replica());
        else request.replicaState().setReplicaId(replica()).setReplicaEpoch(-1);
        if (version >= 3) request.setMaxBytes(sometimes(4) ? small(0, 100, 300) : 1_000_000);
        if (version >= 4) request.setIsolationLevel((byte) random.nextInt(2));
        if (version >= 11 && sometimes(5)) request.setRackId("rack");
        return request;
    }

    // Where limits cut depends on how each broker's compressors did.
    private int small(Integer... limits) {
        int limit = oneOf(limits);
        return recompressed ? Math.min(limit, 1) : limit;
    }

    // Broker 0 itself and brokers that aren't: what isn't a replica of the partition is told so.
    private int replica() {
        return sometimes(15) ? oneOf(-2, 5, 1) : -1;
    }

    private FetchTopic topic(short version, String name) {
        FetchTopic topic = new FetchTopic();
        if (version >= 13) topic.setTopicId(sometimes(25) ? oneOf(Uuid.ZERO_UUID, new Uuid(5, 6)) : ids.get(name));
        else topic.setTopic(sometimes(25) ? oneOf("", prefix + "missing") : name);
        return topic;
    }

    private FetchPartition partition(short version, int index) {
        FetchPartition partition = new FetchPartition().setPartition(sometimes(25) ? 7 : index)
            .setFetchOffset(sometimes(8) ? oneOf(-1L, 1000L, 1L << 50, -5L) : random.nextInt(8))
            .setPartitionMaxBytes(sometimes(4) ? small(0, 1, 50, 200) : 100_000);
        if (version >= 9 && sometimes(6)) partition.setCurrentLeaderEpoch(oneOf(0, 1, 7, -2));
        if (version >= 12 && sometimes(8)) partition.setLastFetchedEpoch(oneOf(0, 1, -2));
        if (version >= 5 && sometimes(8)) partition.setLogStartOffset(oneOf(0, 3));
        return partition;
    }

    private List<FetchTopic> some(short version, int least) {
        List<FetchTopic> wanted = new ArrayList<>();
        for (String name : topics) {
            FetchTopic topic = topic(version, name);
            for (int p = 0; p < PARTITIONS; p++) {
                if (random.nextBoolean()) topic.partitions().add(partition(version, p));
            }
            if (!topic.partitions().isEmpty()) wanted.add(topic);
        }
        if (wanted.size() < least) {
            FetchTopic topic = topic(version, topics[0]);
            topic.partitions().add(partition(version, 0));
            wanted.add(topic);
        }
        return wanted;
    }

    // Kafka never answers a request that waits and has a topic id of zeros in it, or in its session.
    private void answerAtOnce(FetchRequestData request) {
        zeros |= request.topics().stream().anyMatch(topic -> topic.topic().isEmpty() && topic.topicId().equals(Uuid.ZERO_UUID));
        if (zeros) request.setMaxWaitMs(0);
    }

    private void fetch() throws IOException {
        short version = version(ApiKeys.FETCH);
        FetchRequestData request = limits(version);
        if (version >= 7) request.setSessionId(sometimes(15) ? 12345 : 0).setSessionEpoch(sometimes(15) ? oneOf(0, 1, 5) : -1);
        request.setTopics(sometimes(30) ? List.of() : some(version, 1));
        answerAtOnce(request);
        FetchResponseData answer = (FetchResponseData) ask(ApiKeys.FETCH, version, request);
        if (answer != null && answer.sessionId() != 0) remember(answer);
    }

    private void fetchInSession() throws IOException {
        short version = version(ApiKeys.FETCH, 7);
        FetchRequestData request = limits(version).setSessionId(session).setSessionEpoch(epoch);
        if (sometimes(15)) request.setSessionEpoch(epoch + oneOf(-1, 1, 5));
        if (sometimes(30)) request.setSessionId(session == 0 ? 77 : 0);
        boolean first = request.sessionEpoch() == 0;
        request.setTopics(first ? some(version, 1) : sometimes(2) ? List.of() : some(version, 0));
        if (!first && sometimes(3)) {
            String name = oneOf(topics);
            ForgottenTopic forgotten = new ForgottenTopic().setPartitions(oneOf(List.of(0), List.of(0, 1), List.of(9)));
            if (version >= 13) forgotten.setTopicId(ids.get(name));
            else forgotten.setTopic(name);
            request.forgottenTopicsData().add(forgotten);
        }
        if (sometimes(12)) request.setSessionEpoch(-1);
        answerAtOnce(request);
        FetchResponseData answer = (FetchResponseData) ask(ApiKeys.FETCH, version, request);
        remember(answer);
    }

    // Each broker keeps room for so many sessions.
    @Override
    void end() throws IOException {
        if (session == 0) return;
        short version = version(ApiKeys.FETCH, 7);
        ask(ApiKeys.FETCH, version, limits(version).setSessionId(session).setSessionEpoch(-1));
    }

    private void remember(FetchResponseData answer) {
        boolean known = answer.errorCode() == 0 && answer.sessionId() != 0;
        epoch = !known ? 0 : answer.sessionId() == session ? epoch + 1 : 1;
        session = known ? answer.sessionId() : 0;
    }
}
