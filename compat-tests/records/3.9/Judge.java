// What Kafka 3.9 does with the records of a produce request and of an old fetch, for comparison with ours.
//   Judge validate DIR     what a leader answers and writes for every *.bin of DIR; the name holds the topic's settings
//   Judge convert DIR      every *.bin of DIR down-converted to magic 1 and 0
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.utils.*;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.storage.internals.log.*;

public class Judge {
    static final long NOW = 1700000050000L;

    public static void main(String[] args) throws Exception {
        StringBuilder out = new StringBuilder();
        try (Stream<Path> files = Files.list(Path.of(args[1]))) {
            for (Path file : files.filter(f -> f.toString().endsWith(".bin")).sorted().toList()) {
                byte[] content = Files.readAllBytes(file);
                String name = file.getFileName().toString();
                if (args[0].equals("validate")) {
                    out.append(name).append('\n');
                    validate(name.split("-"), MemoryRecords.readableRecords(ByteBuffer.wrap(content)), out);
                } else {
                    for (byte magic = 1; magic >= 0; --magic) {
                        out.append(name).append(" to ").append(magic).append('\n');
                        convert(MemoryRecords.readableRecords(ByteBuffer.wrap(content)), magic, out);
                    }
                }
            }
        }
        System.out.print(out);
    }

    // Names are number-codec-time-compacted-range.bin.
    static void validate(String[] settings, MemoryRecords records, StringBuilder out) {
        try {
            CompressionType source = CompressionType.NONE;
            int validBytes = 0;
            for (MutableRecordBatch batch : records.batches()) {
                if (batch.magic() >= 2 && batch.baseOffset() != 0) throw new InvalidRecordException("base offset");
                batch.lastOffset();
                if (!batch.isValid()) throw new CorruptRecordException("crc");
                validBytes += batch.sizeInBytes();
                if (batch.compressionType() != CompressionType.NONE) source = batch.compressionType();
            }
            if (validBytes <= 0) {
                out.append("  nothing\n");
                return;
            }
            ByteBuffer valid = records.buffer();
            valid.limit(validBytes);
            CompressionType target = settings[1].equals("producer") ? source : CompressionType.forName(settings[1]);
            PrimitiveRef.LongRef offset = PrimitiveRef.ofLong(1000);
            LogValidator.ValidationResult result = new LogValidator(MemoryRecords.readableRecords(valid), new TopicPartition("orders", 3),
                    fixedTime(), source, Compression.of(target).build(), settings[3].equals("compacted"), (byte) 2,
                    settings[2].equals("append") ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME,
                    settings[4].equals("any.bin") ? Long.MAX_VALUE : 60000L, settings[4].equals("any.bin") ? Long.MAX_VALUE : 10000L, 7,
                    AppendOrigin.CLIENT, MetadataVersion.latestProduction())
                    .validateMessagesAndAssignOffsets(offset, new NoMetrics(), BufferSupplier.create());
            out.append(String.format("  ok max %d next %d\n", result.maxTimestampMs, offset.value));
            dump(result.validatedRecords, out);
        } catch (RecordValidationException e) {
            out.append("  ").append(Errors.forException(e.invalidException())).append(' ')
                    .append(e.recordErrors().stream().map(r -> String.valueOf(r.batchIndex)).collect(Collectors.joining(","))).append('\n');
        } catch (Throwable e) {
            if (System.getenv("EXPLAIN") != null) e.printStackTrace();
            out.append("  ").append(Errors.forException(e)).append('\n');
        }
    }

    static void convert(MemoryRecords records, byte magic, StringBuilder out) {
        try {
            dump(records.downConvert(magic, 0, fixedTime()).records(), out);
        } catch (Throwable e) {
            if (System.getenv("EXPLAIN") != null) e.printStackTrace();
            out.append("  ").append(Errors.forException(e)).append('\n');
        }
    }

    static void dump(Records records, StringBuilder out) {
        for (RecordBatch batch : records.batches()) {
            out.append(String.format("  batch magic %d last %d sequence %d producer %d %d epoch %d flags %d%d codec %s time %s %d count %d %s\n",
                    batch.magic(), batch.lastOffset(), batch.baseSequence(), batch.producerId(), batch.producerEpoch(),
                    batch.partitionLeaderEpoch(), batch.isTransactional() ? 1 : 0, batch.isControlBatch() ? 1 : 0,
                    batch.compressionType().name, batch.timestampType().id, batch.maxTimestamp(),
                    batch.countOrNull() == null ? -1 : batch.countOrNull(), batch.isValid() ? "valid" : "invalid"));
            for (Record record : batch) {
                out.append(String.format("    %d at %d key %s value %s headers %d\n", record.offset(), record.timestamp(),
                        text(record.key()), text(record.value()), record.headers().length));
            }
        }
    }

    static String text(ByteBuffer bytes) {
        if (bytes == null) return "null";
        CRC32C crc = new CRC32C();
        crc.update(bytes.duplicate());
        return bytes.remaining() + ":" + crc.getValue();
    }

    // The system's time, except that it always is NOW.
    static Time fixedTime() {
        return (Time) Proxy.newProxyInstance(Judge.class.getClassLoader(), new Class<?>[] {Time.class}, (proxy, method, arguments) ->
                method.getName().equals("milliseconds") ? NOW : method.invoke(Time.SYSTEM, arguments));
    }

    static class NoMetrics implements LogValidator.MetricsRecorder {
        public void recordInvalidMagic() {}
        public void recordInvalidOffset() {}
        public void recordInvalidSequence() {}
        public void recordInvalidChecksums() {}
        public void recordNoKeyCompactedTopic() {}
    }
}
