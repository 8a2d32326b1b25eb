import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The AdminClient: topics, partitions, configs, records, offsets, groups, log dirs, the cluster. */
final class AdminScenarios {
  private AdminScenarios() {}

  private static void fails(Class<? extends Exception> expected, ThrowingRunnable action) throws Exception {
    try {
      action.run();
    } catch (ExecutionException e) {
      Scenario.check(expected.isInstance(e.getCause()), "expected " + expected.getSimpleName() + ", got " + e.getCause());
      return;
    }
    Scenario.check(false, "expected " + expected.getSimpleName() + ", but it succeeded");
  }

  interface ThrowingRunnable {
    void run() throws Exception;
  }

  static void topics(Scenario s) throws Exception {
    try (Admin admin = s.admin()) {
      var created = admin.createTopics(List.of(new NewTopic("admin-a", 2, (short) 1).configs(Map.of("retention.ms", "1234567"))));
      created.all().get();
      Scenario.checkEqual(2, created.numPartitions("admin-a").get(), "partitions in the answer");
      Uuid id = created.topicId("admin-a").get();
      Scenario.check(!id.equals(Uuid.ZERO_UUID), "a topic id");
      TopicDescription described = admin.describeTopics(List.of("admin-a")).allTopicNames().get().get("admin-a");
      Scenario.checkEqual(id, described.topicId(), "topic id");
      Scenario.checkEqual(2, described.partitions().size(), "partitions");
      described.partitions().forEach(p -> Scenario.check(p.leader() != null && p.isr().size() == 1, "leader and ISR of " + p));
      fails(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic("admin-a", 1, (short) 1))).all().get());
      fails(InvalidTopicException.class, () -> admin.createTopics(List.of(new NewTopic("a/b", 1, (short) 1))).all().get());
      fails(InvalidPartitionsException.class, () -> admin.createTopics(List.of(new NewTopic("admin-b", 0, (short) 1))).all().get());
      fails(InvalidReplicationFactorException.class, () -> admin.createTopics(List.of(new NewTopic("admin-b", 1, (short) 3))).all().get());
      fails(InvalidConfigurationException.class,
          () -> admin.createTopics(List.of(new NewTopic("admin-b", 1, (short) 1).configs(Map.of("retention.ms", "never")))).all().get());
      admin.createTopics(List.of(new NewTopic("admin-b", 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
      Scenario.check(!admin.listTopics().names().get().contains("admin-b"), "validate-only made the topic");
      admin.createPartitions(Map.of("admin-a", NewPartitions.increaseTo(4))).all().get();
      Scenario.checkEqual(4, admin.describeTopics(List.of("admin-a")).allTopicNames().get().get("admin-a").partitions().size(), "partitions");
      fails(InvalidPartitionsException.class, () -> admin.createPartitions(Map.of("admin-a", NewPartitions.increaseTo(3))).all().get());
      admin.deleteTopics(List.of("admin-a")).all().get();
      fails(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of("admin-a")).all().get());
      createOnceGone(admin, new NewTopic("admin-a", 1, (short) 1));
      TopicDescription again = admin.describeTopics(List.of("admin-a")).allTopicNames().get().get("admin-a");
      Scenario.check(!again.topicId().equals(id), "a re-created topic has a new id");
    }
  }

  /** Kafka with ZooKeeper answers a deletion before it is done; the name is free a moment later. */
  private static void createOnceGone(Admin admin, NewTopic topic) throws Exception {
    for (int attempt = 0;; attempt++) {
      try {
        admin.createTopics(List.of(topic)).all().get();
        return;
      } catch (ExecutionException e) {
        if (attempt == 50 || !(e.getCause() instanceof TopicExistsException)) throw e;
        Thread.sleep(100);
      }
    }
  }

  static void configs(Scenario s) throws Exception {
    s.createTopic("admin-configs", 1);
    ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "admin-configs");
    ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "0");
    try (Admin admin = s.admin()) {
      admin.incrementalAlterConfigs(Map.of(topic, List.of(
          new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND),
          new AlterConfigOp(new ConfigEntry("segment.bytes", "2000000"), AlterConfigOp.OpType.SET)))).all().get();
      Config config = admin.describeConfigs(List.of(topic)).all().get().get(topic);
      Scenario.checkEqual("delete,compact", config.get("cleanup.policy").value(), "cleanup.policy");
      Scenario.checkEqual(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config.get("segment.bytes").source(), "source");
      Scenario.checkEqual(ConfigEntry.ConfigSource.DEFAULT_CONFIG, config.get("flush.ms").source(), "source of a default");
      admin.incrementalAlterConfigs(Map.of(topic, List.of(
          new AlterConfigOp(new ConfigEntry("segment.bytes", ""), AlterConfigOp.OpType.DELETE)))).all().get();
      Scenario.checkEqual("1073741824", admin.describeConfigs(List.of(topic)).all().get().get(topic).get("segment.bytes").value(), "default again");
      fails(InvalidConfigurationException.class, () -> admin.incrementalAlterConfigs(Map.of(topic, List.of(
          new AlterConfigOp(new ConfigEntry("segment.bytes", "-5"), AlterConfigOp.OpType.SET)))).all().get());
      Config ofBroker = admin.describeConfigs(List.of(broker)).all().get().get(broker);
      Scenario.check(ofBroker.entries().size() > 150, "broker configs: " + ofBroker.entries().size());
      Scenario.check(ofBroker.get("log.dirs") != null && ofBroker.get("log.dirs").isReadOnly(), "log.dirs is read-only");
      Scenario.checkEqual(ConfigEntry.ConfigType.LONG, ofBroker.get("log.retention.bytes").type(), "type");
    }
  }

  /** A dynamic topic config takes effect: the limit of a record's size. */
  static void configsTakeEffect(Scenario s) throws Exception {
    s.createTopic("admin-effect", 1);
    ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "admin-effect");
    try (Admin admin = s.admin(); KafkaProducer<String, String> producer = s.producer()) {
      producer.send(new ProducerRecord<>("admin-effect", "x".repeat(5000))).get();
      admin.incrementalAlterConfigs(Map.of(topic, List.of(
          new AlterConfigOp(new ConfigEntry("max.message.bytes", "1000"), AlterConfigOp.OpType.SET)))).all().get();
      long deadline = System.nanoTime() + 10_000_000_000L;
      while (true) {
        try {
          producer.send(new ProducerRecord<>("admin-effect", "x".repeat(5000))).get();
          Scenario.check(System.nanoTime() < deadline, "max.message.bytes never took effect");
        } catch (ExecutionException e) {
          Scenario.check(e.getCause() instanceof org.apache.kafka.common.errors.RecordTooLargeException, "got " + e.getCause());
          return;
        }
      }
    }
  }

  static void offsetsAndRecords(Scenario s) throws Exception {
    s.createTopic("admin-records", 1);
    TopicPartition partition = new TopicPartition("admin-records", 0);
    try (Admin admin = s.admin(); KafkaProducer<String, String> producer = s.producer()) {
      long[] times = {3000, 9000, 6000};
      for (long time : times) producer.send(new ProducerRecord<>("admin-records", 0, time, null, "v")).get();
      Scenario.checkEqual(3L, offset(admin, partition, OffsetSpec.latest()).offset(), "latest");
      Scenario.checkEqual(0L, offset(admin, partition, OffsetSpec.earliest()).offset(), "earliest");
      ListOffsetsResultInfo max = offset(admin, partition, OffsetSpec.maxTimestamp());
      Scenario.checkEqual(1L, max.offset(), "offset of the largest timestamp");
      Scenario.checkEqual(9000L, max.timestamp(), "largest timestamp");
      Scenario.checkEqual(1L, offset(admin, partition, OffsetSpec.forTimestamp(5000)).offset(), "first at or after 5 s");
      Scenario.checkEqual(2L, admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(2))).lowWatermarks().get(partition).get().lowWatermark(),
          "low watermark");
      Scenario.checkEqual(2L, offset(admin, partition, OffsetSpec.earliest()).offset(), "earliest after deletion");
      fails(org.apache.kafka.common.errors.OffsetOutOfRangeException.class,
          () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(99))).all().get());
      Scenario.checkEqual(1, admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers().size(), "producers");
    }
  }

  private static ListOffsetsResultInfo offset(Admin admin, TopicPartition partition, OffsetSpec spec) throws Exception {
    return admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get();
  }

  static void groups(Scenario s) throws Exception {
    s.createTopic("admin-groups", 1);
    TopicPartition partition = new TopicPartition("admin-groups", 0);
    try (Admin admin = s.admin()) {
      admin.alterConsumerGroupOffsets("admin-group", Map.of(partition, new OffsetAndMetadata(0))).all().get();
      Scenario.check(admin.listConsumerGroups().all().get().stream().anyMatch(g -> g.groupId().equals("admin-group")), "the group is listed");
      Scenario.checkEqual(0L, admin.listConsumerGroupOffsets("admin-group").partitionsToOffsetAndMetadata().get().get(partition).offset(), "offset");
      Scenario.check(admin.describeConsumerGroups(List.of("admin-group")).all().get().get("admin-group").members().isEmpty(), "no members");
      admin.deleteConsumerGroupOffsets("admin-group", Set.of(partition)).all().get();
      Scenario.check(admin.listConsumerGroupOffsets("admin-group").partitionsToOffsetAndMetadata().get().get(partition) == null, "offset is gone");
      admin.alterConsumerGroupOffsets("admin-group", Map.of(partition, new OffsetAndMetadata(0))).all().get();
      admin.deleteConsumerGroups(List.of("admin-group")).all().get();
      Scenario.check(admin.listConsumerGroups().all().get().stream().noneMatch(g -> g.groupId().equals("admin-group")), "the group is gone");
    }
  }

  static void cluster(Scenario s) throws Exception {
    s.createTopic("admin-dirs", 2);
    try (Admin admin = s.admin()) {
      var cluster = admin.describeCluster();
      Scenario.checkEqual(1, cluster.nodes().get().size(), "nodes");
      Scenario.checkEqual(0, cluster.controller().get().id(), "controller");
      Scenario.check(cluster.clusterId().get().length() == 22, "cluster id " + cluster.clusterId().get());
      var dirs = admin.describeLogDirs(List.of(0)).allDescriptions().get().get(0);
      Scenario.checkEqual(1, dirs.size(), "log dirs");
      var dir = dirs.values().iterator().next();
      Scenario.check(dir.error() == null && dir.totalBytes().isPresent(), "log dir " + dir);
      Scenario.check(dir.replicaInfos().containsKey(new TopicPartition("admin-dirs", 1)), "replicas in the log dir");
      Scenario.check(admin.describeFeatures().featureMetadata().get() != null, "features");
    }
  }
}
