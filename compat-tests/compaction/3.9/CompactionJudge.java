// Kafka 3.9's own compaction, on logs that our test program wrote, and a dump of what lies in a log directory.
//   CompactionJudge clean DIR    compacts every log DIR/<number>/orders-0, as often as its number says
//   CompactionJudge dump DIR     prints segments, batches, records and transaction indexes
import java.io.File;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import kafka.log.Cleaner;
import kafka.log.CleanerStats;
import kafka.log.LogToClean;
import kafka.log.UnifiedLog;
import kafka.server.BrokerTopicStats;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.record.FileRecords;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.*;
import org.apache.kafka.storage.internals.utils.Throttler;
import scala.Option;
import scala.Tuple2;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

public class CompactionJudge {
    static final long FIRST_CLEANING = 1700001000000L;
    static final long[] CLEANINGS = {FIRST_CLEANING, FIRST_CLEANING + 1000, FIRST_CLEANING + 100000};

    public static void main(String[] args) throws Exception {
        StringBuilder out = new StringBuilder();
        File[] histories = new File(args[1]).listFiles();
        Arrays.sort(histories);
        for (File history : histories) {
            File directory = new File(history, "orders-0");
            if (args[0].equals("clean")) clean(directory, Integer.parseInt(history.getName()), out);
            else dump(history.getName(), directory, out);
        }
        System.out.print(out);
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    static Time fixedTime(long now) {
        return (Time) Proxy.newProxyInstance(CompactionJudge.class.getClassLoader(), new Class<?>[] {Time.class},
                (proxy, method, arguments) -> method.getName().equals("milliseconds") ? now : method.invoke(Time.SYSTEM, arguments));
    }

    static void clean(File directory, int number, StringBuilder out) throws Exception {
        Properties settings = new Properties();
        settings.put("cleanup.policy", "compact");
        settings.put("segment.bytes", "4000");
        settings.put("index.interval.bytes", "200");
        settings.put("delete.retention.ms", "3000");
        LogConfig config = new LogConfig(settings);
        UnifiedLog log = UnifiedLog.apply(directory, config, 0L, 0L, new KafkaScheduler(1), new BrokerTopicStats(false), fixedTime(FIRST_CLEANING),
                5 * 60 * 1000, new ProducerStateManagerConfig(86400000, false), 600000, new LogDirFailureChannel(10), true, Option.empty(),
                true, new ConcurrentHashMap<>(), false, LogOffsetsListener.NO_OP_OFFSETS_LISTENER);
        log.updateHighWatermark(log.logEndOffset());
        int slots = number % 4 == 0 ? 20 : 5000;
        for (int pass = 0; pass <= number % 3; ++pass) {
            Cleaner cleaner = new Cleaner(0, new SkimpyOffsetMap(slots * 24), 65536, 1048576, 0.9,
                    new Throttler(Double.MAX_VALUE, Long.MAX_VALUE, "cleaner-io", "bytes", Time.SYSTEM), fixedTime(CLEANINGS[pass]),
                    new AbstractFunction1<TopicPartition, BoxedUnit>() {
                        @Override public BoxedUnit apply(TopicPartition partition) {
                            return BoxedUnit.UNIT;
                        }
                    });
            long firstDirty = pass == 0 ? log.logEndOffset() * (number % 5) / 10 : 0;
            LogToClean cleanable = new LogToClean(new TopicPartition("orders", 0), log, firstDirty,
                    Math.min(log.lastStableOffset(), log.activeSegment().baseOffset()), false);
            Tuple2<Object, CleanerStats> done = cleaner.doClean(cleanable, CLEANINGS[pass]);
            out.append(String.format("%d pass %d from %d to %s\n", number, pass, firstDirty, done._1()));
        }
        log.close();
    }

    static void dump(String name, File directory, StringBuilder out) throws Exception {
        List<Path> files;
        try (Stream<Path> all = Files.list(directory.toPath())) {
            files = all.sorted().toList();
        }
        for (Path file : files) {
            String fileName = file.getFileName().toString();
            if (fileName.endsWith(".txnindex") && Files.size(file) > 0) {
                ByteBuffer entries = ByteBuffer.wrap(Files.readAllBytes(file));
                while (entries.remaining() >= 34) {
                    out.append(String.format("%s %s version %d producer %d first %d last %d stable %d\n", name, fileName, entries.getShort(),
                            entries.getLong(), entries.getLong(), entries.getLong(), entries.getLong()));
                }
            }
            if (!fileName.endsWith(".log")) continue;
            out.append(name).append(' ').append(fileName).append('\n');
            try (FileRecords records = FileRecords.open(file.toFile(), false)) {
                for (RecordBatch batch : records.batches()) {
                    batch.ensureValid();
                    out.append(String.format("  batch offsets %d %d sequence %d producer %d %d epoch %d flags %d%d horizon %d codec %s time %s "
                            + "%d count %d\n", batch.baseOffset(), batch.lastOffset(), batch.baseSequence(), batch.producerId(),
                            batch.producerEpoch(), batch.partitionLeaderEpoch(), batch.isTransactional() ? 1 : 0, batch.isControlBatch() ? 1 : 0,
                            batch.deleteHorizonMs().orElse(-1L), batch.compressionType().name, batch.timestampType(), batch.maxTimestamp(),
                            batch.countOrNull()));
                    for (org.apache.kafka.common.record.Record record : batch) {
                        out.append(String.format("    %d at %d key %s value %s\n", record.offset(), record.timestamp(), text(record.key()),
                                text(record.value())));
                    }
                }
            }
        }
    }

    static String text(ByteBuffer bytes) {
        if (bytes == null) return "null";
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        StringBuilder text = new StringBuilder();
        for (byte b : copy) text.append(b >= 32 && b < 127 ? String.valueOf((char) b) : String.format("\\x%02x", b));
        return text.toString();
    }
}
