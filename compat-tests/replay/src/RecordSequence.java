// Produce in every form, and what then lies in the log: batches of every magic and codec, damaged ones, idempotent
// producers, acks of every kind; read back by Fetch, ListOffsets, OffsetForLeaderEpoch, DescribeProducers, DescribeLogDirs
// and DeleteRecords.
//
// Records of transactions are sent without a transactional id only: what a broker without transactions says to the others
// is its own.

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;

final class RecordSequence extends LogSequence {
    private static final long PAST_MS = 1_600_000_000_000L;
    private static final String[][] TOPIC_CONFIGS = {
        {"cleanup.policy", "compact"}, {"cleanup.policy", "compact,delete"}, {"message.timestamp.type", "LogAppendTime"},
        {"compression.type", "gzip"}, {"compression.type", "lz4"}, {"compression.type", "zstd"}, {"compression.type", "snappy"},
        {"compression.type", "uncompressed"}, {"max.message.bytes", "200"}, {"min.insync.replicas", "2"},
        {"message.timestamp.before.max.ms", "1000"}, {"message.timestamp.after.max.ms", "1000"}, {"segment.bytes", "400"},
        {"message.timestamp.difference.max.ms", "1000"}, {"segment.ms", "1"}, {"max.message.bytes", "0"},
    };

    private boolean shortSegments;
    private boolean tight;  // the topic may refuse a batch for what it is, however damaged
    private final Map<Long, int[]> producers = new TreeMap<>();  // producer id → epoch, next sequence

    RecordSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 14;
    }

    @Override
    void begin() throws IOException {
        Map<String, String> configs = new TreeMap<>();
        for (int c = random.nextInt(3); c > 0; c--) {
            String[] config = oneOf(TOPIC_CONFIGS);
            configs.put(config[0], config[1]);
            recompressed |= config[0].equals("compression.type");
            tight |= config[0].equals("max.message.bytes") || config[0].startsWith("message.timestamp.");
        }
        // Where segments end depends on what each broker's compressors make, and a fetch reads one of them.
        if (recompressed) configs.remove("segment.bytes");
        // Nor is it known in which millisecond each broker appends.
        if (configs.containsKey("message.timestamp.type")) configs.remove("segment.ms");
        shortSegments = configs.containsKey("segment.bytes");
        createTopic(prefix + "log", 2, configs);
    }

    @Override
    void step(int index) throws IOException {
        if (sometimes(4)) look();
        else produce();
    }

    @Override
    void end() throws IOException {
        for (int partition = 0; partition < 2; partition++) {
            readAll(prefix + "log", partition);
            listOffsets(prefix + "log", partition, -1);
            describeProducers(prefix + "log", partition);
        }
        describeLogDirs(prefix + "log");
    }

    private void produce() throws IOException {
        short version = version(ApiKeys.PRODUCE);
        ProduceRequestData request = new ProduceRequestData().setTimeoutMs(5000)
            .setAcks(sometimes(8) ? (short) 0 : sometimes(20) ? oneOf((short) 2, (short) -2) : sometimes(3) ? (short) 1 : (short) -1);
        if (version >= 3 && sometimes(25)) request.setTransactionalId(oneOf("", prefix + "tx"));
        StringBuilder notes = new StringBuilder();
        for (int t = 0, n = sometimes(30) ? 0 : sometimes(8) ? 2 : 1; t < n; t++) {
            TopicProduceData topic = new TopicProduceData().setName(topicName());
            if (request.topicData().find(topic.name()) != null && !sometimes(3)) continue;
            boolean twice = sometimes(15);
            for (int p = 0, partitions = sometimes(20) ? 0 : sometimes(4) || twice ? 2 : 1, start = random.nextInt(2); p < partitions; p++) {
                int index = sometimes(20) ? 7 + p : sometimes(40) ? -1 - p : twice ? start : (start + p) % 2;
                byte[] records = records(version, request.transactionalId() != null, notes);
                topic.partitionData().add(new PartitionProduceData().setIndex(index)
                    .setRecords(MemoryRecords.readableRecords(ByteBuffer.wrap(records))));
            }
            request.topicData().add(topic);
        }
        Request wire = request(ApiKeys.PRODUCE, version, request, notes.toString());
        if (request.acks() == 0) {
            send(main(), wire.silent());
            // Nothing comes back, or the connection ends: the next request shows which.
            ask(ApiKeys.API_VERSIONS, 0, new ApiVersionsRequestData());
        } else {
            ask(main(), wire);
        }
    }

    private String topicName() {
        return sometimes(20) ? oneOf(prefix + "missing", "", "bad name", "__consumer_offsets") : prefix + "log";
    }

    // ---- Records

    private byte[] records(short version, boolean transactional, StringBuilder notes) {
        // Kafka never answers a request with records that are null; Barnabas takes them for none.
        if (sometimes(40)) return new byte[0];
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        int batches = sometimes(10) ? 2 : 1;
        for (; batches > 0; batches--) {
            byte[] batch = batch(version, transactional, notes);
            if (sometimes(4)) batch = damage(batch, notes);
            all.writeBytes(batch);
        }
        if (sometimes(40)) {
            notes.append(" +5 bytes");
            all.writeBytes(new byte[5]);
        }
        notes.append(" = ").append(Request.hex(all.toByteArray())).append(';');
        return all.toByteArray();
    }

    private byte[] batch(short version, boolean transactional, StringBuilder notes) {
        Batches.Plan plan = new Batches.Plan();
        plan.magic = (byte) (sometimes(15) ? random.nextInt(3) : version < 2 ? (sometimes(3) ? 1 : 0) : version == 2 ? 1 : 2);
        if (version < 3 && sometimes(10)) plan.magic = 2;
        if (sometimes(2)) plan.codec = oneOf(CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4, CompressionType.ZSTD);
        if (plan.codec == CompressionType.ZSTD && plan.magic < 2) plan.codec = CompressionType.GZIP;
        if (shortSegments && plan.magic < 2) plan.codec = CompressionType.NONE;
        if (sometimes(12)) plan.baseOffset = oneOf(5L, 1L << 40);
        if (plan.magic > 0 && sometimes(12)) plan.timestampType = TimestampType.LOG_APPEND_TIME;
        if (plan.magic == 2 && sometimes(15)) plan.leaderEpoch = 3;
        // Kafka converts by the chunk and leaves out whole chunks with zstd in them; ours gets as far as it can.
        unconvertible |= plan.codec == CompressionType.ZSTD;
        recompressed |= plan.magic < 2 && plan.codec != CompressionType.NONE;
        int count = 1 + (sometimes(2) ? 0 : random.nextInt(4));
        if (plan.magic == 2) {
            if (sometimes(3)) idempotent(plan, count);
            plan.transactional = plan.producerId >= 0 && plan.sequence >= 0 && !transactional && sometimes(10);
            if (sometimes(20)) plan.control = true;
        }
        plan.records = new SimpleRecord[count];
        long base = sometimes(6) ? oneOf(System.currentTimeMillis() / 60000 * 60000, System.currentTimeMillis() / 60000 * 60000 + 7_200_000, -1L, 0L, Long.MAX_VALUE / 2) : PAST_MS;
        for (int i = 0; i < count; i++) plan.records[i] = record(plan, base + (base < 0 ? 0 : oneOf(0, 1, 5, -3) + 10L * i));
        notes.append(" magic ").append(plan.magic).append(' ').append(plan.codec.name).append(' ').append(count).append(" records")
            .append(plan.producerId >= 0 ? " producer " + plan.producerId + "/" + plan.epoch + "/" + plan.sequence : "")
            .append(plan.transactional ? " transactional" : "").append(plan.control ? " control" : "")
            .append(" at ").append(base).append(plan.timestampType == TimestampType.CREATE_TIME ? "" : " append time");
        return Batches.build(plan);
    }

    private SimpleRecord record(Batches.Plan plan, long timestamp) {
        if (plan.magic == 0) timestamp = -1;
        else if (timestamp < 0) timestamp = plan.magic == 2 ? 0 : -1;
        String value = sometimes(12) ? null : sometimes(12) ? "v".repeat(300) : "value" + random.nextInt(100);
        byte[] key = sometimes(4) ? null : Batches.bytes("k" + random.nextInt(3));
        if (plan.control) {
            key = ByteBuffer.allocate(4).putShort((short) 0).putShort((short) random.nextInt(3)).array();
            value = "\0\0\0\0\0\0";
        }
        Header[] headers = plan.magic == 2 && sometimes(5) ? new Header[] {new RecordHeader("h", sometimes(3) ? null : Batches.bytes("1"))} : new Header[0];
        return new SimpleRecord(timestamp, key, Batches.bytes(value), headers);
    }

    private void idempotent(Batches.Plan plan, int count) {
        plan.producerId = 5000 + random.nextInt(2);
        int[] state = producers.computeIfAbsent(plan.producerId, any -> new int[] {0, 0});
        int sequence = state[1], epoch = state[0];
        if (sometimes(12)) sequence = oneOf(Integer.MAX_VALUE, Integer.MAX_VALUE - 1, 0, 1);
        else if (sometimes(6)) sequence += oneOf(-1, 1, -2, 7, -count);
        if (sometimes(12)) epoch += oneOf(-1, 1, 2);
        if (epoch > state[0]) sequence = sometimes(3) ? 2 : 0;
        plan.epoch = (short) Math.max(epoch, 0);
        plan.sequence = Math.max(sequence, 0);
        if (epoch >= state[0]) {
            state[0] = epoch;
            if (plan.sequence >= 0) state[1] = plan.sequence + count < 0 ? plan.sequence + count - Integer.MAX_VALUE - 1 : plan.sequence + count;
        }
    }

    // One thing that is wrong with the batch.
    private byte[] damage(byte[] good, StringBuilder notes) {
        byte[] bytes = good.clone();
        ByteBuffer batch = ByteBuffer.wrap(bytes);
        boolean v2 = bytes[Batches.MAGIC] == 2;
        String[] all = v2 ? new String[] {"crc", "count+1", "count-1", "count0", "count-negative", "lastdelta", "length+1", "length-1", "length0", "magic3", "magic-1",
            "attributes-codec5", "attributes-codec", "attributes-high", "attributes-horizon", "attributes-append-time", "truncated", "sequence-1", "epoch-1", "producer-2", "flip", "maxtimestamp", "firsttimestamp", "baseoffset-1"}
            : new String[] {"crc", "length+1", "length-1", "length0", "magic3", "codec5", "codec", "truncated", "flip"};
        String what = oneOf(all);
        // Which of two things that are wrong is told first is anybody's choice.
        boolean appendTime = v2 && (bytes[Batches.ATTRIBUTES + 1] & 8) != 0;
        if ((tight || appendTime) && (what.startsWith("epoch") || what.startsWith("sequence") || what.startsWith("producer"))) what = "crc";
        notes.append(" DAMAGED ").append(what);
        boolean crc = true;
        switch (what) {
            case "crc": bytes[v2 ? Batches.CRC : 12] ^= 1; crc = false; break;
            case "count+1": batch.putInt(Batches.COUNT, batch.getInt(Batches.COUNT) + 1); break;
            case "count-1": batch.putInt(Batches.COUNT, batch.getInt(Batches.COUNT) - 1); break;
            case "count0": batch.putInt(Batches.COUNT, 0); break;
            case "count-negative": batch.putInt(Batches.COUNT, -1); break;
            case "lastdelta": batch.putInt(Batches.LAST_OFFSET_DELTA, batch.getInt(Batches.LAST_OFFSET_DELTA) + oneOf(1, -1, -5)); break;
            case "length+1": batch.putInt(Batches.LENGTH, batch.getInt(Batches.LENGTH) + 1); crc = false; break;
            case "length-1": batch.putInt(Batches.LENGTH, batch.getInt(Batches.LENGTH) - 1); crc = false; break;
            case "length0": batch.putInt(Batches.LENGTH, oneOf(0, -1, 3, 7, 14, 48)); crc = false; break;
            case "magic3": bytes[Batches.MAGIC] = 3; crc = false; break;
            case "magic-1": bytes[Batches.MAGIC] = -1; crc = false; break;
            case "attributes-codec5": bytes[Batches.ATTRIBUTES + 1] = (byte) (bytes[Batches.ATTRIBUTES + 1] & ~7 | 5 + random.nextInt(3)); break;
            case "attributes-codec": bytes[Batches.ATTRIBUTES + 1] = (byte) (bytes[Batches.ATTRIBUTES + 1] & ~7 | random.nextInt(5)); break;
            case "attributes-high": bytes[Batches.ATTRIBUTES] = oneOf((byte) 1, (byte) 0x40, (byte) -128); break;
            case "attributes-horizon": bytes[Batches.ATTRIBUTES + 1] |= 0x40; break;
            case "attributes-append-time": bytes[Batches.ATTRIBUTES + 1] |= 8; break;
            case "codec5": bytes[17] = (byte) (bytes[17] & ~7 | 5 + random.nextInt(3)); crc = sometimes(2); break;
            case "codec": bytes[17] = (byte) (bytes[17] & ~7 | random.nextInt(4)); break;
            case "truncated": return Arrays.copyOf(bytes, bytes.length - 1 - random.nextInt(bytes.length - 1));
            case "sequence-1": batch.putInt(Batches.SEQUENCE, -1); break;
            case "epoch-1": batch.putShort(Batches.EPOCH, (short) -1); break;
            case "producer-2": batch.putLong(Batches.PRODUCER_ID, -2); break;
            case "maxtimestamp": batch.putLong(Batches.MAX_TIMESTAMP, oneOf(-1L, 0L, PAST_MS + 999, Long.MAX_VALUE)); break;
            case "firsttimestamp": batch.putLong(Batches.FIRST_TIMESTAMP, oneOf(-1L, 0L, PAST_MS + 999)); break;
            case "baseoffset-1": batch.putLong(0, oneOf(-1L, -100L, Long.MAX_VALUE - 1)); break;
            default: bytes[v2 ? Batches.RECORDS + random.nextInt(Math.max(bytes.length - Batches.RECORDS, 1)) : 18 + random.nextInt(bytes.length - 18)] ^= 1 << random.nextInt(8);
        }
        if (crc && v2) Batches.fixCrc(bytes);
        else if (crc && bytes.length > 18) Batches.fixOldCrc(bytes);
        return bytes;
    }

    // ---- What there is now

    private void look() throws IOException {
        String topic = sometimes(20) ? prefix + "missing" : prefix + "log";
        int partition = sometimes(20) ? 5 : random.nextInt(2);
        switch (random.nextInt(6)) {
            case 0: listOffsets(topic, partition, oneOf(-1L, -2L, -3L, -4L, -5L, -6L, 0L, PAST_MS, PAST_MS + 12, PAST_MS + 1000, Long.MAX_VALUE)); break;
            case 1: offsetForLeaderEpoch(topic, partition); break;
            case 2: deleteRecords(topic, partition); break;
            case 3: describeProducers(topic, partition); break;
            case 4: describeLogDirs(topic); break;
            default: readAll(prefix + "log", random.nextInt(2));
        }
    }
}
