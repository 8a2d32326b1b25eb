import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** What every scenario needs: clients for the broker under test, and checks that say what they saw. */
final class Scenario {
  final String bootstrap;

  Scenario(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  interface Body {
    void run(Scenario scenario) throws Exception;
  }

  static void check(boolean holds, String saw) {
    if (!holds) throw new AssertionError(saw);
  }

  static <T> void checkEqual(T expected, T actual, String what) {
    check(java.util.Objects.equals(expected, actual), what + ": expected " + expected + ", got " + actual);
  }

  Admin admin() {
    return Admin.create(Map.of(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, bootstrap));
  }

  KafkaProducer<String, String> producer(String... settings) {
    Properties properties = properties(settings);
    properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, "20000");
    properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, "10000");
    return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
  }

  KafkaConsumer<String, String> consumer(String... settings) {
    Properties properties = properties();
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
    properties.putAll(properties(settings));
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  void createTopic(String name, int partitions) throws Exception {
    try (Admin admin = admin()) {
      admin.createTopics(java.util.List.of(new NewTopic(name, partitions, (short) 1))).all().get();
    }
  }

  private Properties properties(String... settings) {
    Properties properties = new Properties();
    properties.put(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    for (String setting : settings) {
      int equals = setting.indexOf('=');
      properties.put(setting.substring(0, equals), setting.substring(equals + 1));
    }
    return properties;
  }
}
