// Configuration requests against a running broker, as text: compat-tests/config/run compares Kafka's with ours.
//   Live HOST:PORT BROKER_ID SEED COUNT
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.ConfigResource.Type;

public class Live {
  // What must differ between two brokers on one machine, and what only one of them has.
  static final Set<String> own = Set.of("listeners", "advertised.listeners", "log.dirs", "zookeeper.connect", "ephemeral",
      "http.listener", "broker.id", "node.id");
  static Admin admin;
  static String broker;

  static String outcome(org.apache.kafka.common.KafkaFuture<?> future) throws InterruptedException {
    try {
      future.get();
      return "done";
    } catch (ExecutionException error) {
      // What Scala and a wrongly used constructor wrap around a sentence isn't worth repeating.
      return error.getCause().getClass().getSimpleName() + ": " + error.getCause().getMessage().replace("requirement failed: ", "")
          .replace("Invalid value org.apache.kafka.common.config.ConfigException: ", "")
          .replace(" for configuration Invalid dynamic configuration", "").replaceAll("(Hash|Linked)?(Set|Buffer)\\(", "Set(");
    }
  }

  static void describe(String what, ConfigResource resource, boolean everything) throws Exception {
    DescribeConfigsOptions options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
    Config config;
    try {
      config = admin.describeConfigs(List.of(resource), options).all().get().get(resource);
    } catch (ExecutionException error) {
      System.out.println(what + " " + error.getCause().getClass().getSimpleName() + ": " + error.getCause().getMessage());
      return;
    }
    System.out.println(what + " of " + resource);
    config.entries().stream().sorted(Comparator.comparing(ConfigEntry::name)).forEach(entry -> {
      boolean set = entry.source() != ConfigEntry.ConfigSource.DEFAULT_CONFIG;
      if (own.contains(entry.name()) || (!everything && !set)) return;
      System.out.println("  " + entry.name() + " = " + entry.value() + " " + entry.source() + " " + entry.type()
          + (entry.isReadOnly() ? " read-only" : "") + (entry.isSensitive() ? " sensitive" : "")
          + (entry.documentation() == null || entry.documentation().isEmpty() ? " undocumented" : "") + " "
          + entry.synonyms().stream().map(s -> s.name() + "=" + s.value() + "@" + s.source()).collect(Collectors.joining(" ")));
    });
  }

  static AlterConfigOp op(OpType type, String name, String value) { return new AlterConfigOp(new ConfigEntry(name, value), type); }

  static boolean change(ConfigResource resource, List<AlterConfigOp> ops, boolean validateOnly) throws Exception {
    String result = outcome(admin.incrementalAlterConfigs(Map.of(resource, ops), new AlterConfigsOptions().validateOnly(validateOnly)).all());
    System.out.println("change " + resource + (validateOnly ? " validate " : " ")
        + ops.stream().map(op -> op.opType() + " " + op.configEntry().name() + "=" + op.configEntry().value()).collect(Collectors.joining(", ")) + " -> " + result);
    // Kafka answers before the change has come back through ZooKeeper.
    if (resource.type() == Type.BROKER && result.equals("done")) Thread.sleep(400);
    return result.equals("done");
  }

  @SuppressWarnings("deprecation")
  static void replace(ConfigResource resource, Map<String, String> values) throws Exception {
    List<ConfigEntry> entries = values.entrySet().stream().map(e -> new ConfigEntry(e.getKey(), e.getValue())).collect(Collectors.toList());
    System.out.println("replace " + resource + " " + values + " -> "
        + outcome(admin.alterConfigs(Map.of(resource, new Config(entries))).all()));
    if (resource.type() == Type.BROKER) Thread.sleep(400);
  }

  static void scenarios(ConfigResource topic) throws Exception {
    ConfigResource self = new ConfigResource(Type.BROKER, broker), all = new ConfigResource(Type.BROKER, "");
    describe("everything", topic, true);
    describe("everything", self, true);
    describe("nothing", all, true);
    for (ConfigResource wrong : List.of(new ConfigResource(Type.TOPIC, "no-such-topic"), new ConfigResource(Type.TOPIC, "bad name"),
        new ConfigResource(Type.TOPIC, ""), new ConfigResource(Type.CLIENT_METRICS, "m"), new ConfigResource(Type.CLIENT_METRICS, ""))) {
      describe("wrong", wrong, true);
      change(wrong, List.of(op(OpType.SET, "retention.ms", "1")), false);
    }
    change(topic, List.of(op(OpType.SET, "retention.ms", "60000"), op(OpType.APPEND, "cleanup.policy", "compact")), false);
    describe("changed", topic, false);
    change(topic, List.of(op(OpType.SUBTRACT, "cleanup.policy", "delete"), op(OpType.DELETE, "retention.ms", null)), false);
    describe("changed", topic, false);
    change(topic, List.of(op(OpType.SUBTRACT, "cleanup.policy", "compact")), false);
    describe("changed", topic, false);
    change(topic, List.of(op(OpType.APPEND, "retention.ms", "1")), false);
    change(topic, List.of(op(OpType.APPEND, "no.such.config", "1")), false);
    change(topic, List.of(op(OpType.DELETE, "no.such.config", null)), false);
    change(topic, List.of(op(OpType.SET, "leader.replication.throttled.replicas", "0:0,1:0")), true);
    change(topic, List.of(op(OpType.SET, "remote.storage.enable", "true")), false);
    change(topic, List.of(op(OpType.SET, "remote.log.copy.disable", "true")), false);
    replace(topic, Map.of("segment.ms", "70000"));
    describe("replaced", topic, false);
    replace(topic, Map.of("segment.ms", "x"));
    replace(topic, Map.of());
    describe("replaced", topic, false);

    change(self, List.of(op(OpType.SET, "log.retention.ms", "3600000"), op(OpType.SET, "message.max.bytes", "2000000")), false);
    change(all, List.of(op(OpType.SET, "log.retention.ms", "7200000"), op(OpType.SET, "log.roll.ms", "90000")), false);
    describe("changed", self, false);
    describe("changed", all, false);
    describe("inherited", topic, false);
    for (String name : List.of("broker.id", "log.dirs", "zookeeper.connect", "log.retention.hours", "ssl.keystore.location"))
      change(self, List.of(op(OpType.SET, name, "1")), false);
    for (String name : List.of("advertised.listeners", "listener.name.x.ssl.keystore.location", "sasl.jaas.config"))
      change(all, List.of(op(OpType.SET, name, "PLAINTEXT://h:1")), false);
    change(self, List.of(op(OpType.SET, "num.io.threads", "100")), false);
    change(self, List.of(op(OpType.SET, "num.io.threads", "0")), false);
    change(self, List.of(op(OpType.SET, "background.threads", "2")), false);
    change(self, List.of(op(OpType.SET, "max.connections", "x")), false);
    change(self, List.of(op(OpType.SET, "log.retention.ms", "0")), true);
    change(self, List.of(op(OpType.APPEND, "max.connections", "1")), false);
    change(self, List.of(op(OpType.APPEND, "log.cleanup.policy", "compact")), false);
    describe("changed", self, false);
    change(new ConfigResource(Type.BROKER, "77"), List.of(op(OpType.SET, "max.connections", "1")), false);
    change(new ConfigResource(Type.BROKER_LOGGER, broker), List.of(op(OpType.SET, "no.such.logger", "INFO")), false);
    change(new ConfigResource(Type.BROKER_LOGGER, broker), List.of(op(OpType.DELETE, "root", null)), false);
    replace(self, Map.of());
    replace(all, Map.of());
    describe("reset", self, false);
    describe("reset", topic, false);
  }

  static void random(ConfigResource topic, Random random, int count) throws Exception {
    String[] names = {"retention.ms", "segment.bytes", "cleanup.policy", "min.compaction.lag.ms", "max.compaction.lag.ms",
        "compression.type", "min.cleanable.dirty.ratio", "flush.ms", "leader.replication.throttled.replicas", "preallocate",
        "max.message.bytes", "message.timestamp.type", "unknown.name"};
    String[] values = {"1", "0", "-1", "100000", "2000000", "x", "", " 5 ", "delete", "compact", "compact,delete", "zstd", "0.5", "1",
        "true", "*", "0:0", "LogAppendTime", "9223372036854775807"};
    for (int i = 0; i < count; i++) {
      Map<String, AlterConfigOp> ops = new TreeMap<>();
      for (int n = random.nextInt(3); n >= 0; n--) {
        String name = names[random.nextInt(names.length)];
        OpType type = OpType.values()[random.nextInt(3) == 0 ? random.nextInt(4) : 0];
        ops.put(name, op(type, name, type == OpType.DELETE ? null : values[random.nextInt(values.length)]));
      }
      if (change(topic, new ArrayList<>(ops.values()), random.nextInt(5) == 0)) describe("random", topic, false);
    }
  }

  public static void main(String[] args) throws Exception {
    broker = args[1];
    admin = Admin.create(Map.of("bootstrap.servers", args[0], "request.timeout.ms", 20000, "default.api.timeout.ms", 30000));
    System.out.println("create " + outcome(admin.createTopics(List.of(new NewTopic("live", 2, (short) 1))).all()));
    Thread.sleep(500);
    ConfigResource topic = new ConfigResource(Type.TOPIC, "live");
    scenarios(topic);
    random(topic, new Random(Long.parseLong(args[2])), Integer.parseInt(args[3]));
    admin.close();
    System.out.println("end");
  }
}
