// Record batches and message sets as clients may send them, good and bad, and as a person may read them.

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.Crc32C;

final class Batches {
    // What a batch is made of.
    static final class Plan {
        byte magic = 2;
        CompressionType codec = CompressionType.NONE;
        TimestampType timestampType = TimestampType.CREATE_TIME;
        long baseOffset = 0;
        long producerId = -1;
        short epoch = -1;
        int sequence = -1;
        boolean transactional, control;
        int leaderEpoch = -1;
        SimpleRecord[] records;
    }

    // Where the fields of a batch of magic 2 lie.
    static final int LENGTH = 8, LEADER_EPOCH = 12, MAGIC = 16, CRC = 17, ATTRIBUTES = 21, LAST_OFFSET_DELTA = 23, FIRST_TIMESTAMP = 27,
        MAX_TIMESTAMP = 35, PRODUCER_ID = 43, EPOCH = 51, SEQUENCE = 53, COUNT = 57, RECORDS = 61;

    private static final short LAST_CONVERTED = 3;

    private Batches() {}

    static byte[] build(Plan plan) {
        ByteBuffer buffer = ByteBuffer.allocate(1024);
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(new org.apache.kafka.common.utils.ByteBufferOutputStream(buffer), plan.magic,
            Compression.of(plan.codec).build(), plan.timestampType, plan.baseOffset, RecordBatch.NO_TIMESTAMP, plan.producerId, plan.epoch,
            plan.sequence, plan.transactional, plan.control, plan.leaderEpoch, Integer.MAX_VALUE);
        long offset = plan.baseOffset;
        for (SimpleRecord record : plan.records) {
            if (plan.control) builder.appendControlRecordWithOffset(offset++, record);
            else builder.appendWithOffset(offset++, record);
        }
        ByteBuffer built = builder.build().buffer();
        byte[] bytes = new byte[built.remaining()];
        built.get(bytes);
        return bytes;
    }

    static void fixCrc(byte[] batch) {
        ByteBuffer.wrap(batch).putInt(CRC, (int) Crc32C.compute(batch, ATTRIBUTES, batch.length - ATTRIBUTES));
    }

    // Of a message of magic 0 or 1: the checksum of what lies behind it.
    static void fixOldCrc(byte[] message) {
        CRC32 crc = new CRC32();
        crc.update(message, 16, message.length - 16);
        ByteBuffer.wrap(message).putInt(12, (int) crc.getValue());
    }

    static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    // Down-converted answers of Kafka end with filling, a batch that is cut off: it has told the size of its answer before
    // it converts. Every client skips that, and ours leaves it out.
    static ArrayNode describe(MemoryRecords records, short version) {
        ArrayNode batches = new ArrayNode(JsonNodeFactory.instance);
        int valid = 0;
        try {
            for (MutableRecordBatch batch : records.batches()) {
                batches.add(describe(batch));
                valid += batch.sizeInBytes();
            }
        } catch (RuntimeException broken) {
            batches.add("broken: " + broken.getMessage());
        }
        if ((version > LAST_CONVERTED || valid == 0) && valid < records.sizeInBytes()) batches.add((records.sizeInBytes() - valid) + " bytes of a batch that is cut off");
        return batches;
    }

    private static ObjectNode describe(MutableRecordBatch batch) {
        ObjectNode node = new ObjectNode(JsonNodeFactory.instance);
        node.put("magic", batch.magic()).put("base", batch.magic() < 2 ? -1 : batch.baseOffset()).put("last", batch.lastOffset())
            .put("codec", batch.compressionType().name).put("timestampType", batch.timestampType().name)
            .put("maxTimestamp", batch.maxTimestamp()).put("valid", batch.isValid());
        // The bytes that a codec makes are its own business.
        if (batch.compressionType() == CompressionType.NONE) node.put("bytes", batch.sizeInBytes());
        if (batch.magic() == 2) {
            node.put("leaderEpoch", batch.partitionLeaderEpoch()).put("producer", batch.producerId()).put("epoch", batch.producerEpoch())
                .put("sequence", batch.baseSequence()).put("transactional", batch.isTransactional()).put("control", batch.isControlBatch())
                .put("deleteHorizon", batch.deleteHorizonMs().isPresent());
        }
        ArrayNode records = node.putArray("records");
        try {
            for (Record record : batch) records.add(describe(record));
        } catch (RuntimeException broken) {
            records.add("broken: " + broken.getMessage());
        }
        return node;
    }

    private static ObjectNode describe(Record record) {
        ObjectNode node = new ObjectNode(JsonNodeFactory.instance);
        node.put("offset", record.offset()).put("timestamp", record.timestamp()).put("key", text(record.key())).put("value", text(record.value()));
        for (Header header : record.headers()) node.put("header " + header.key(), text(header.value() == null ? null : ByteBuffer.wrap(header.value())));
        return node;
    }

    private static String text(ByteBuffer bytes) {
        return bytes == null ? null : Answers.shorten(StandardCharsets.ISO_8859_1.decode(bytes.duplicate()).toString(), 100);
    }
}
