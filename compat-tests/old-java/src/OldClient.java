import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

/**
 * Writes and reads with whatever release of kafka-clients it was compiled with, 0.9 to the newest:
 * {@code OldClient host:port write:TOPIC read:TOPIC:GROUP …}, each step printed. What the releases name differently is reached by
 * reflection.
 */
public final class OldClient {
  private static final String[] CODECS = {"none", "gzip", "snappy", "lz4"};
  private static final int RECORDS_PER_CODEC = 250;
  private static final int PARTITIONS = 3;

  private final String bootstrap;

  private OldClient(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  public static void main(String[] args) throws Exception {
    OldClient client = new OldClient(args[0]);
    for (String step : Arrays.copyOfRange(args, 1, args.length)) {
      String[] parts = step.split(":");
      if (parts[0].equals("write")) {
        client.write(parts[1]);
      } else {
        client.read(parts[1], parts[2]);
        client.findNothingLeft(parts[1], parts[2]);
      }
      System.out.println("done: " + step);
    }
    System.exit(0);
  }

  private Properties properties(String... settings) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    for (String kind : new String[] {"", "de"}) {
      for (String side : new String[] {"key", "value"}) {
        String serialization = kind.isEmpty() ? "StringSerializer" : "StringDeserializer";
        properties.put(side + "." + kind + "serializer", "org.apache.kafka.common.serialization." + serialization);
      }
    }
    for (String setting : settings) properties.put(setting.substring(0, setting.indexOf('=')), setting.substring(setting.indexOf('=') + 1));
    return properties;
  }

  /** Every codec; offsets must be given in order. */
  private void write(String topic) throws Exception {
    for (String codec : CODECS) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      KafkaProducer<String, String> producer = new KafkaProducer<>(properties("acks=all", "compression.type=" + codec, "linger.ms=5"));
      for (int i = 0; i < RECORDS_PER_CODEC; i++) {
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, i % PARTITIONS, "key" + i, value(codec, i));
        addHeader(record, codec);
        sent.add(producer.send(record));
      }
      producer.close();
      long[] last = {-1, -1, -1};
      for (Future<RecordMetadata> future : sent) {
        RecordMetadata metadata = future.get();
        check(metadata.offset() > last[metadata.partition()], "offset " + metadata.offset() + " after " + last[metadata.partition()]);
        last[metadata.partition()] = metadata.offset();
      }
    }
  }

  private static String value(String codec, int number) {
    return codec + " value " + number + " " + "-".repeat(number % 200);
  }

  /** Two members share the topic; every record must arrive once and whole. */
  private void read(String topic, String group) throws Exception {
    Set<String> seen = ConcurrentHashMap.newKeySet();
    int expected = CODECS.length * RECORDS_PER_CODEC;
    List<Throwable> problems = new ArrayList<>();
    List<Thread> members = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      Thread member = new Thread(() -> {
        try {
          readAsMember(topic, group, seen, expected);
        } catch (Throwable problem) {
          synchronized (problems) {
            problems.add(problem);
          }
        }
      });
      members.add(member);
      member.start();
    }
    for (Thread member : members) member.join();
    if (!problems.isEmpty()) throw new AssertionError(problems.get(0));
    check(seen.size() == expected, seen.size() + " of " + expected + " records");
    for (String codec : CODECS) {
      for (int i = 0; i < RECORDS_PER_CODEC; i++) check(seen.contains("key" + i + "=" + value(codec, i)), "missing: " + codec + " " + i);
    }
  }

  private void readAsMember(String topic, String group, Set<String> seen, int expected) throws Exception {
    try (KafkaConsumer<String, String> consumer = consumer(group)) {
      consumer.subscribe(Arrays.asList(topic));
      long deadline = System.currentTimeMillis() + 60_000;
      while (seen.size() < expected && System.currentTimeMillis() < deadline) {
        for (ConsumerRecord<String, String> record : poll(consumer)) seen.add(record.key() + "=" + record.value());
        commit(consumer);
      }
    }
  }

  /** The group's commits must stand at the end of every partition. */
  private void findNothingLeft(String topic, String group) throws Exception {
    try (KafkaConsumer<String, String> consumer = consumer(group)) {
      consumer.subscribe(Arrays.asList(topic));
      long deadline = System.currentTimeMillis() + 30_000;
      while (consumer.assignment().size() < PARTITIONS && System.currentTimeMillis() < deadline) {
        check(poll(consumer).isEmpty(), "records behind the commits");
      }
      check(consumer.assignment().size() == PARTITIONS, "assigned " + consumer.assignment());
      for (int i = 0; i < 5; i++) check(poll(consumer).isEmpty(), "records behind the commits");
    }
  }

  private KafkaConsumer<String, String> consumer(String group) {
    return new KafkaConsumer<>(properties("group.id=" + group, "auto.offset.reset=earliest", "enable.auto.commit=false", "session.timeout.ms=10000"));
  }

  /** A rebalance may take the partitions away before the commit; their next owner reads again. */
  private static void commit(KafkaConsumer<String, String> consumer) {
    try {
      consumer.commitSync();
    } catch (RuntimeException problem) {
      String kind = problem.getClass().getSimpleName();
      if (!kind.equals("CommitFailedException") && !kind.equals("RebalanceInProgressException")) throw problem;
    }
  }

  @SuppressWarnings("unchecked")
  private static ConsumerRecords<String, String> poll(KafkaConsumer<String, String> consumer) throws Exception {
    Object records;
    try {
      records = KafkaConsumer.class.getMethod("poll", Duration.class).invoke(consumer, Duration.ofMillis(200));
    } catch (NoSuchMethodException old) {
      records = KafkaConsumer.class.getMethod("poll", long.class).invoke(consumer, 200L);
    }
    return (ConsumerRecords<String, String>) records;
  }

  private static void addHeader(ProducerRecord<String, String> record, String codec) throws Exception {
    try {
      Object headers = ProducerRecord.class.getMethod("headers").invoke(record);
      Method add = headers.getClass().getMethod("add", String.class, byte[].class);
      add.invoke(headers, "codec", codec.getBytes("UTF-8"));
    } catch (NoSuchMethodException old) {
      return;
    }
  }

  private static void check(boolean holds, String saw) {
    if (!holds) throw new AssertionError(saw);
  }
}
