import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.internals.RecordHeader;

/** Producing with every codec and acknowledgement level, and what comes back. */
final class ProducerScenarios {
  private ProducerScenarios() {}

  static List<ConsumerRecord<String, String>> readAll(Scenario s, String topic, int count) {
    List<ConsumerRecord<String, String>> records = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = s.consumer()) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long deadline = System.nanoTime() + 20_000_000_000L;
      while (records.size() < count && System.nanoTime() < deadline) {
        consumer.poll(Duration.ofMillis(200)).forEach(records::add);
      }
    }
    return records;
  }

  static Scenario.Body codec(String codec) {
    return s -> {
      String topic = "java-" + codec;
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      try (KafkaProducer<String, String> producer = s.producer("compression.type=" + codec, "linger.ms=5")) {
        for (int i = 0; i < 3000; i++) {
          ProducerRecord<String, String> record = new ProducerRecord<>(topic, 0, 1_600_000_000_000L + i, "k" + i, "value number " + i);
          if (i % 10 == 0) record.headers().add(new RecordHeader("h", new byte[] {1, 2, (byte) i}));
          sent.add(producer.send(record));
        }
      }
      for (int i = 0; i < sent.size(); i++) Scenario.checkEqual((long) i, sent.get(i).get().offset(), "offset");
      List<ConsumerRecord<String, String>> back = readAll(s, topic, 3000);
      Scenario.checkEqual(3000, back.size(), "records");
      for (int i = 0; i < 3000; i++) {
        Scenario.checkEqual("k" + i, back.get(i).key(), "key");
        Scenario.checkEqual("value number " + i, back.get(i).value(), "value");
        Scenario.checkEqual(1_600_000_000_000L + i, back.get(i).timestamp(), "timestamp");
        Scenario.checkEqual(i % 10 == 0 ? 1 : 0, back.get(i).headers().toArray().length, "headers");
      }
    };
  }

  static Scenario.Body acks(String acks) {
    return s -> {
      try (KafkaProducer<String, String> producer = s.producer("acks=" + acks, "enable.idempotence=false")) {
        for (int i = 0; i < 100; i++) producer.send(new ProducerRecord<>("java-acks-" + acks, 0, null, "v" + i)).get();
      }
      Scenario.checkEqual(100, readAll(s, "java-acks-" + acks, 100).size(), "records");
    };
  }

  static void idempotent(Scenario s) throws Exception {
    try (KafkaProducer<String, String> producer = s.producer("enable.idempotence=true", "max.in.flight.requests.per.connection=5")) {
      for (int i = 0; i < 2000; i++) producer.send(new ProducerRecord<>("java-idempotent", 0, null, "v" + i));
      producer.flush();
    }
    List<ConsumerRecord<String, String>> back = readAll(s, "java-idempotent", 2000);
    Scenario.checkEqual(2000, back.size(), "records");
    for (int i = 0; i < 2000; i++) Scenario.checkEqual("v" + i, back.get(i).value(), "order");
  }

  static void tooLarge(Scenario s) throws Exception {
    s.createTopic("java-too-large", 1);
    try (KafkaProducer<String, String> producer = s.producer("max.request.size=5000000")) {
      producer.send(new ProducerRecord<>("java-too-large", "x".repeat(2_000_000))).get();
      Scenario.check(false, "a record over the limit was accepted");
    } catch (ExecutionException e) {
      Scenario.check(e.getCause() instanceof RecordTooLargeException, "got " + e.getCause());
    }
  }

  static void invalidTopic(Scenario s) throws Exception {
    try (KafkaProducer<String, String> producer = s.producer("max.block.ms=5000")) {
      producer.send(new ProducerRecord<>("not a topic!", "v")).get();
      Scenario.check(false, "an invalid topic name was accepted");
    } catch (ExecutionException e) {
      Scenario.check(e.getCause() instanceof InvalidTopicException, "got " + e.getCause());
    }
  }
}
