import java.util.LinkedHashMap;
import java.util.Map;

/** Runs every scenario against one broker: {@code Main host:port [only these names…]}. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    Map<String, Scenario.Body> scenarios = new LinkedHashMap<>();
    for (String codec : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) scenarios.put("produce and read back, " + codec, ProducerScenarios.codec(codec));
    for (String acks : new String[] {"0", "1", "all"}) scenarios.put("acks=" + acks, ProducerScenarios.acks(acks));
    scenarios.put("idempotent producer", ProducerScenarios::idempotent);
    scenarios.put("a record over the limit", ProducerScenarios::tooLarge);
    scenarios.put("an invalid topic name", ProducerScenarios::invalidTopic);
    scenarios.put("positions and times", ConsumerScenarios::positionsAndTimes);
    scenarios.put("commits survive the consumer", ConsumerScenarios::commitsSurvive);
    String assignors = "org.apache.kafka.clients.consumer.";
    scenarios.put("a group rebalances, range", ConsumerScenarios.groupRebalances(assignors + "RangeAssignor", "java-range"));
    scenarios.put("a group rebalances, cooperative", ConsumerScenarios.groupRebalances(assignors + "CooperativeStickyAssignor", "java-cooperative"));
    scenarios.put("a static member returns", ConsumerScenarios::staticMemberReturns);
    scenarios.put("admin: topics", AdminScenarios::topics);
    scenarios.put("admin: configs", AdminScenarios::configs);
    scenarios.put("admin: configs take effect", AdminScenarios::configsTakeEffect);
    scenarios.put("admin: offsets and records", AdminScenarios::offsetsAndRecords);
    scenarios.put("admin: groups", AdminScenarios::groups);
    scenarios.put("admin: cluster", AdminScenarios::cluster);

    Scenario scenario = new Scenario(args[0]);
    int passed = 0;
    int failed = 0;
    for (Map.Entry<String, Scenario.Body> entry : scenarios.entrySet()) {
      if (args.length > 1 && !java.util.Arrays.asList(args).contains(entry.getKey())) continue;
      long begin = System.nanoTime();
      try {
        entry.getValue().run(scenario);
        passed++;
        System.out.printf("ok      %s (%.1fs)%n", entry.getKey(), (System.nanoTime() - begin) / 1e9);
      } catch (Throwable problem) {
        failed++;
        System.out.printf("FAILED  %s: %s%n", entry.getKey(), problem);
        if (System.getenv("TRACE") != null) problem.printStackTrace(System.out);
      }
    }
    System.out.printf("%d passed, %d failed%n", passed, failed);
    System.exit(failed == 0 && passed > 0 ? 0 : 1);
  }
}
