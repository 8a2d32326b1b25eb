// Reads and writes record batches with the newest Java client, for comparison with ours.
//   Interop dump DIR          prints every *.bin of DIR as text
//   Interop write DIR SEED    writes batches of all formats and codecs
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.record.internal.Record;

public class Interop {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("dump")) {
            StringBuilder out = new StringBuilder();
            try (Stream<Path> files = Files.list(Path.of(args[1]))) {
                for (Path file : files.filter(f -> f.toString().endsWith(".bin")).sorted().toList()) {
                    out.append(file.getFileName()).append('\n');
                    dump(MemoryRecords.readableRecords(ByteBuffer.wrap(Files.readAllBytes(file))), out);
                }
            }
            System.out.print(out);
        } else {
            write(Path.of(args[1]), new Random(Long.parseLong(args[2])));
        }
    }

    static void dump(MemoryRecords records, StringBuilder out) {
        for (RecordBatch batch : records.batches()) {
            out.append(String.format("batch magic %d offsets %d %d sequences %d %d producer %d %d epoch %d flags %d%d horizon %d codec %s "
                    + "time %s %d count %d crc %d %s\n", batch.magic(), batch.baseOffset(), batch.lastOffset(), batch.baseSequence(),
                    batch.lastSequence(), batch.producerId(), batch.producerEpoch(), batch.partitionLeaderEpoch(),
                    batch.isTransactional() ? 1 : 0, batch.isControlBatch() ? 1 : 0, batch.deleteHorizonMs().orElse(-1L),
                    batch.compressionType().name, batch.timestampType().id, batch.maxTimestamp(),
                    batch.countOrNull() == null ? -1 : batch.countOrNull(), batch.checksum(), batch.isValid() ? "valid" : "invalid"));
            for (Record record : batch) {
                out.append(String.format("  %d at %d sequence %d key %s value %s", record.offset(), record.timestamp(), record.sequence(),
                        text(record.key()), text(record.value())));
                for (Header header : record.headers()) {
                    out.append(" header ").append(text(ByteBuffer.wrap(header.key().getBytes(StandardCharsets.UTF_8)))).append(' ')
                            .append(text(header.value() == null ? null : ByteBuffer.wrap(header.value())));
                }
                out.append('\n');
            }
        }
    }

    static String text(ByteBuffer bytes) {
        if (bytes == null) return "null";
        CRC32C crc = new CRC32C();
        crc.update(bytes.duplicate());
        return bytes.remaining() + ":" + crc.getValue();
    }

    static byte[] bytes(Random random, int max) {
        if (random.nextInt(6) == 0) return null;
        byte[] bytes = new byte[random.nextInt(max + 1)];
        random.nextBytes(bytes);
        if (random.nextBoolean()) for (int i = 0; i < bytes.length; ++i) bytes[i] = (byte) ('a' + (bytes[i] & 3));
        return bytes;
    }

    static void write(Path dir, Random random) throws Exception {
        int file = 0;
        for (byte magic = 0; magic <= 2; ++magic) {
            for (CompressionType codec : CompressionType.values()) {
                if (codec == CompressionType.ZSTD && magic < 2) continue;
                for (TimestampType time : new TimestampType[] {TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME}) {
                    for (int count : new int[] {1, 3, 200, 3000}) {
                        ByteBuffer buffer = batch(random, magic, codec, magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : time, count);
                        byte[] content = new byte[buffer.remaining()];
                        buffer.get(content);
                        Files.write(dir.resolve(String.format("java-%03d.bin", file++)), content);
                    }
                }
            }
        }
        EndTransactionMarker marker = new EndTransactionMarker(ControlRecordType.COMMIT, 17);
        MemoryRecords control = MemoryRecords.withEndTransactionMarker(40L, 1234L, 3, 99L, (short) 4, marker);
        Files.write(dir.resolve("java-marker.bin"), Arrays.copyOf(control.buffer().array(), control.sizeInBytes()));
    }

    static ByteBuffer batch(Random random, byte magic, CompressionType codec, TimestampType time, int count) {
        boolean producer = magic == 2 && random.nextBoolean();
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(new org.apache.kafka.common.utils.internals.ByteBufferOutputStream(1024), magic,
                Compression.of(codec).build(), time, random.nextInt(1000000), 1700000005000L, producer ? random.nextInt(5000) : -1,
                producer ? (short) random.nextInt(100) : -1, producer ? random.nextInt() & Integer.MAX_VALUE : -1,
                producer && random.nextBoolean(), false, magic == 2 ? random.nextInt(50) : -1, Integer.MAX_VALUE);
        for (int i = 0; i < count; ++i) {
            Header[] headers = new Header[magic == 2 ? random.nextInt(3) : 0];
            for (int h = 0; h < headers.length; ++h) headers[h] = new RecordHeader("key" + random.nextInt(100), bytes(random, 20));
            builder.append(1700000000000L + random.nextInt(100000), wrap(bytes(random, 20)), wrap(bytes(random, count > 100 ? 200 : 5000)),
                    headers);
        }
        return builder.build().buffer();
    }

    static ByteBuffer wrap(byte[] bytes) {
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }
}
