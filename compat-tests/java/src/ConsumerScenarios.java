import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Reading: positions and times, commits, and groups that rebalance. */
final class ConsumerScenarios {
  private ConsumerScenarios() {}

  private static void produce(Scenario s, String topic, int partitions, int perPartition) throws Exception {
    s.createTopic(topic, partitions);
    try (KafkaProducer<String, String> producer = s.producer()) {
      for (int i = 0; i < perPartition; i++) {
        for (int p = 0; p < partitions; p++) producer.send(new ProducerRecord<>(topic, p, 1_000L * (i + 1), null, p + ":" + i));
      }
    }
  }

  static void positionsAndTimes(Scenario s) throws Exception {
    produce(s, "java-times", 1, 100);
    TopicPartition partition = new TopicPartition("java-times", 0);
    try (KafkaConsumer<String, String> consumer = s.consumer()) {
      consumer.assign(List.of(partition));
      Scenario.checkEqual(0L, consumer.beginningOffsets(List.of(partition)).get(partition), "beginning");
      Scenario.checkEqual(100L, consumer.endOffsets(List.of(partition)).get(partition), "end");
      Scenario.checkEqual(49L, consumer.offsetsForTimes(Map.of(partition, 49_500L)).get(partition).offset(), "first at or after 49.5 s");
      Scenario.check(consumer.offsetsForTimes(Map.of(partition, 10_000_000L)).get(partition) == null, "a time after the end");
      consumer.seek(partition, 97);
      Set<String> seen = new HashSet<>();
      for (int i = 0; i < 50 && seen.size() < 3; i++) consumer.poll(Duration.ofMillis(100)).forEach(r -> seen.add(r.value()));
      Scenario.checkEqual(Set.of("0:97", "0:98", "0:99"), seen, "records after seek");
    }
  }

  static void commitsSurvive(Scenario s) throws Exception {
    produce(s, "java-commits", 1, 10);
    TopicPartition partition = new TopicPartition("java-commits", 0);
    try (KafkaConsumer<String, String> consumer = s.consumer("group.id=java-committer")) {
      consumer.assign(List.of(partition));
      consumer.commitSync(Map.of(partition, new OffsetAndMetadata(7, "seven")));
    }
    try (KafkaConsumer<String, String> consumer = s.consumer("group.id=java-committer")) {
      OffsetAndMetadata committed = consumer.committed(Set.of(partition)).get(partition);
      Scenario.checkEqual(7L, committed.offset(), "committed offset");
      Scenario.checkEqual("seven", committed.metadata(), "metadata");
    }
  }

  /** Three members come one after the other and one leaves: each record is read, and no partition has two owners at once. */
  static Scenario.Body groupRebalances(String assignor, String topic) {
    return s -> {
      produce(s, topic, 6, 50);
      Set<String> seen = ConcurrentHashMap.newKeySet();
      AtomicBoolean stop = new AtomicBoolean();
      Map<Integer, Set<TopicPartition>> owned = new ConcurrentHashMap<>();
      Thread[] members = new Thread[3];
      AtomicBoolean failed = new AtomicBoolean();
      for (int m = 0; m < members.length; m++) {
        int me = m;
        members[m] = new Thread(() -> {
          try (KafkaConsumer<String, String> consumer = s.consumer("group.id=g-" + topic, "partition.assignment.strategy=" + assignor,
              "heartbeat.interval.ms=300", "session.timeout.ms=6000", "enable.auto.commit=true", "auto.commit.interval.ms=200")) {
            consumer.subscribe(List.of(topic));
            while (!stop.get() && !(me == 2 && Thread.currentThread().isInterrupted())) {
              for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) seen.add(record.value());
              owned.put(me, consumer.assignment());
            }
          } catch (org.apache.kafka.common.errors.InterruptException leaving) {
            owned.remove(me);
          } catch (Exception e) {
            e.printStackTrace();
            failed.set(true);
          }
        });
        members[m].start();
        Thread.sleep(700);
      }
      waitUntil(() -> balanced(owned, 3), "three members share six partitions: " + owned);
      members[2].interrupt();
      members[2].join(10_000);
      owned.remove(2);
      waitUntil(() -> balanced(owned, 2), "two members share six partitions: " + owned);
      waitUntil(() -> seen.size() == 300, "all 300 records");
      stop.set(true);
      for (Thread member : members) member.join(15_000);
      Scenario.check(!failed.get(), "a member failed");
    };
  }

  static void staticMemberReturns(Scenario s) throws Exception {
    produce(s, "java-static", 2, 10);
    String[] settings = {"group.id=java-static", "group.instance.id=one", "session.timeout.ms=10000"};
    Set<TopicPartition> before;
    int generation;
    try (KafkaConsumer<String, String> consumer = s.consumer(settings)) {
      consumer.subscribe(List.of("java-static"));
      for (int i = 0; i < 100 && consumer.assignment().isEmpty(); i++) consumer.poll(Duration.ofMillis(100));
      before = consumer.assignment();
      generation = consumer.groupMetadata().generationId();
    }
    try (KafkaConsumer<String, String> consumer = s.consumer(settings)) {
      consumer.subscribe(List.of("java-static"));
      for (int i = 0; i < 100 && consumer.assignment().isEmpty(); i++) consumer.poll(Duration.ofMillis(100));
      Scenario.checkEqual(before, consumer.assignment(), "assignment after the static member's return");
      Scenario.checkEqual(generation, consumer.groupMetadata().generationId(), "generation (no rebalance)");
    }
  }

  private static boolean balanced(Map<Integer, Set<TopicPartition>> owned, int members) {
    if (owned.size() != members) return false;
    Set<TopicPartition> all = new HashSet<>();
    int sum = 0;
    for (Set<TopicPartition> mine : owned.values()) {
      if (mine.isEmpty()) return false;
      all.addAll(mine);
      sum += mine.size();
    }
    return sum == 6 && all.size() == 6;
  }

  private static void waitUntil(java.util.function.BooleanSupplier holds, String what) throws Exception {
    for (int i = 0; i < 400; i++) {
      if (holds.getAsBoolean()) return;
      Thread.sleep(100);
    }
    throw new AssertionError("not within 40 s: " + what);
  }
}
