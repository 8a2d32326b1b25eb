// Kafka 3.9's side of compat-tests/config: its tables and what it says to values. Text out, one line an answer.
//   Judge table                 name, type, default, importance, dynamic mode or broker synonym, internal
//   Judge cases SEED COUNT      single values for random keys, sets of topic settings, .properties texts
//   Judge answers < CASES       Kafka's answer to each case
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.server.config.ServerTopicConfigSynonyms;
import org.apache.kafka.storage.internals.log.LogConfig;

public class Judge {
  static final ConfigDef brokers = brokerTable();
  static final ConfigDef topics = LogConfig.configDefCopy();

  static ConfigDef brokerTable() {
    try {
      return (ConfigDef) kafka.server.KafkaConfig.class.getMethod("configDef").invoke(null);
    } catch (ReflectiveOperationException error) {
      throw new RuntimeException(error);
    }
  }

  @SuppressWarnings("unchecked")
  static Map<String, String> dynamicModes() throws Exception {
    Object module = Class.forName("kafka.server.DynamicBrokerConfig$").getField("MODULE$").get(null);
    return (Map<String, String>) module.getClass().getMethod("dynamicConfigUpdateModes").invoke(module);
  }

  static void table(String kind, ConfigDef table, Map<String, String> extra, String otherwise) {
    for (ConfigDef.ConfigKey key : new TreeMap<>(table.configKeys()).values()) {
      String byDefault = key.defaultValue == null ? "null" : "'" + ConfigDef.convertToString(key.defaultValue, key.type) + "'";
      System.out.println(String.join(" ", kind, key.name, key.type.toString(), byDefault,
          key.importance.toString().toLowerCase(Locale.ROOT), extra.getOrDefault(key.name, otherwise),
          String.valueOf(key.internalConfig)));
    }
  }

  static String hex(String text) { return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8)) + "."; }
  static String text(String hex) {
    return new String(HexFormat.of().parseHex(hex.substring(0, hex.length() - 1)), StandardCharsets.UTF_8);
  }

  static final String[] values = {"", " ", "0", "1", "-1", "-2", "2", "9", "10", "17", "18", "22", "23", "100", "+5", "007", " 42 ",
    "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "32767", "32768",
    "-131072", "-131073", "0.5", "1.0", "1.5", "1e3", ".5", "5.", "1d", "NaN", "0x10", "true", "TRUE", "False", "yes", "delete",
    "compact", "compact,delete", "delete , compact", "compact,,delete", ",", "gzip", "GZIP", "zstd", "producer", "uncompressed",
    "CreateTime", "LogAppendTime", "logappendtime", "*", "0:1", "0:1,2:3", "0:1, 2:3", "0:", "a:b", "* ,", "3.9", "3.9-IV0", "3.9.1",
    "2.8-IV1", "0.10.2.1", "4.5", "0.8", "disabled", "UPGRADE", "both", "required", "none", "PLAINTEXT", "SSL", "plaintext",
    "broker", "broker,controller", "classic", "classic,consumer", "share", "hello world", "a,b,c", "\u00e4", "1_000", "--1", "1-"};

  static void cases(long seed, int count) {
    Random random = new Random(seed);
    List<String> brokerNames = new ArrayList<>(new TreeSet<>(brokers.names()));
    List<String> topicNames = new ArrayList<>(new TreeSet<>(topics.names()));
    for (String name : brokerNames) for (String value : values) System.out.println("broker " + name + " " + hex(value));
    for (String name : topicNames) for (String value : values) System.out.println("topic " + name + " " + hex(value));
    for (int i = 0; i < count; i++) {
      StringBuilder line = new StringBuilder("set");
      Set<String> names = new TreeSet<>();
      for (int n = random.nextInt(4); n >= 0; n--) names.add(topicNames.get(random.nextInt(topicNames.size())));
      if (random.nextInt(20) == 0) names.add("no.such.config");
      for (String name : names) {
        String value = valid(name, random);
        line.append(' ').append(name).append('=').append(hex(value));
      }
      System.out.println(line);
    }
    String pieces = "ab=: \t\f#!\\\n\r\\u0041\\n\\\\=:k \u00e4\ud83d\ude00,.\r\n\\\n";
    for (int i = 0; i < count; i++) {
      StringBuilder out = new StringBuilder();
      for (int n = random.nextInt(40); n > 0; n--) {
        int at = random.nextInt(pieces.length());
        out.append(pieces, at, Math.min(pieces.length(), at + 1 + random.nextInt(3)));
      }
      System.out.println("properties " + hex(out.toString().replaceAll("[\\ud800-\\udfff]", "")));
    }
  }

  // Mostly a value that the key takes, so that rules between keys get their turn.
  static String valid(String name, Random random) {
    for (int tries = 0; tries < 50; tries++) {
      String value = values[random.nextInt(values.length)];
      if (random.nextInt(10) == 0 || single(topics, name, value).startsWith("ok")) return value;
    }
    return "1";
  }

  static String single(ConfigDef table, String name, String value) {
    ConfigDef.ConfigKey key = table.configKeys().get(name);
    if (key == null) return "unknown";
    if (key.type == ConfigDef.Type.CLASS || key.type == ConfigDef.Type.PASSWORD) return "not judged";
    try {
      Object parsed = ConfigDef.parseType(name, value, key.type);
      if (key.validator != null && !key.validator.toString().contains("non-empty list")) key.validator.ensureValid(name, parsed);
      return "ok " + hex(ConfigDef.convertToString(parsed, key.type));
    } catch (Exception error) {
      return "refused " + error.getMessage();
    }
  }

  static String set(String[] parts, Map<String, Object> defaults) {
    Properties overrides = new Properties();
    for (int i = 1; i < parts.length; i++) {
      int equals = parts[i].indexOf('=');
      overrides.put(parts[i].substring(0, equals), text(parts[i].substring(equals + 1)));
    }
    try {
      LogConfig.validate(Collections.emptyMap(), overrides, defaults, false, true);
      return "ok";
    } catch (Exception error) {
      return "refused " + error.getMessage();
    }
  }

  static String properties(String source) {
    Properties read = new Properties();
    try {
      read.load(new StringReader(source));
    } catch (Exception error) {
      return "refused";
    }
    StringBuilder line = new StringBuilder("ok");
    TreeMap<String, String> sorted = new TreeMap<>();
    // A lone backslash at the very end makes an empty key after some line ends, and none after others.
    read.remove("");
    for (String name : read.stringPropertyNames()) sorted.put(hex(name), hex(read.getProperty(name)));
    sorted.forEach((name, value) -> line.append(' ').append(name).append('=').append(value));
    return line.toString();
  }

  static void answers() throws Exception {
    Properties minimal = new Properties();
    minimal.put("zookeeper.connect", "localhost:1");
    Map<String, Object> defaults = kafka.server.KafkaConfig.fromProps(minimal).extractLogConfigMap();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, StandardCharsets.UTF_8);
    for (String line; (line = in.readLine()) != null; ) {
      String[] parts = line.split(" ");
      out.println(switch (parts[0]) {
        case "broker" -> single(brokers, parts[1], text(parts[2]));
        case "topic" -> single(topics, parts[1], text(parts[2]));
        case "set" -> set(parts, defaults);
        default -> properties(text(parts[1]));
      });
    }
    out.flush();
  }

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "table" -> {
        table("broker", brokers, dynamicModes(), "read-only");
        table("topic", topics, ServerTopicConfigSynonyms.TOPIC_CONFIG_SYNONYMS, "-");
      }
      case "cases" -> cases(Long.parseLong(args[1]), Integer.parseInt(args[2]));
      default -> answers();
    }
  }
}
