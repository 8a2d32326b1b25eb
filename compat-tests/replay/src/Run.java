// What all sequences share: the two brokers, the versions that both advertise, and the count of compared answers.

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.DeleteTopicsRequestData;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.FindCoordinatorResponseData;
import org.apache.kafka.common.message.InitProducerIdRequestData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.OffsetFetchResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;

final class Run {
    final Broker first, second;
    final Map<Integer, short[]> theirs = new TreeMap<>(), ours = new TreeMap<>();
    private final Map<ApiKeys, Map<Short, Long>> compared = new TreeMap<>();
    private long others = 0;

    // How long silence lasts before it counts as waiting: short while many sequences run, each of which is played again
    // with patience if it differs.
    static final int PATIENT_MS = 400;
    volatile int quietMs = 150;

    Run(Broker first, Broker second) throws IOException {
        this.first = first;
        this.second = second;
        learn(first, theirs);
        learn(second, ours);
    }

    // The coordinator's topic is there and loaded on both before anything is compared.
    void warmUp() throws IOException, InterruptedException {
        FindCoordinatorRequestData find = new FindCoordinatorRequestData().setKey("warm-up");
        OffsetFetchRequestData fetch = new OffsetFetchRequestData().setGroupId("warm-up").setTopics(null);
        for (Broker broker : new Broker[] {first, second}) {
            for (int i = 0; ; i++) {
                FindCoordinatorResponseData found = (FindCoordinatorResponseData) direct(broker, Request.of(ApiKeys.FIND_COORDINATOR, 1, find, "replay", 1, ""));
                OffsetFetchResponseData fetched = (OffsetFetchResponseData) direct(broker, Request.of(ApiKeys.OFFSET_FETCH, 3, fetch, "replay", 2, ""));
                InitProducerIdResponseData ids = (InitProducerIdResponseData) direct(broker, Request.of(ApiKeys.INIT_PRODUCER_ID, 0, new InitProducerIdRequestData().setTransactionalId(null), "replay", 3, ""));
                if (found.errorCode() == 0 && fetched.errorCode() == 0 && ids.errorCode() == 0) break;
                if (i == 300) throw new IOException("no group coordinator at port " + broker.port);
                Thread.sleep(100);
            }
        }
    }

    private Set<String> kept;  // topics that are deleted later

    synchronized void keepTopics() {
        kept = new TreeSet<>();
    }

    void deleteKept() {
        Set<String> topics;
        synchronized (this) {
            topics = kept;
            kept = null;
        }
        if (!topics.isEmpty()) delete(topics);
    }

    // On both, without waiting until they are gone.
    void delete(Set<String> topics) {
        synchronized (this) {
            if (kept != null) {
                kept.addAll(topics);
                return;
            }
        }
        DeleteTopicsRequestData request = new DeleteTopicsRequestData().setTimeoutMs(0).setTopicNames(new ArrayList<>(topics));
        for (Broker broker : new Broker[] {first, second}) {
            try {
                direct(broker, Request.of(ApiKeys.DELETE_TOPICS, 5, request, "replay", 1, ""));
            } catch (IOException gone) {
                throw new IllegalStateException("no answer at port " + broker.port, gone);
            }
        }
    }

    private static ApiMessage direct(Broker broker, Request request) throws IOException {
        try (Wire wire = new Wire(broker)) {
            wire.send(request.frame);
            byte[] frame = wire.receive(Line.ANSWER_MS);
            if (frame == null || frame == Wire.CLOSED) throw new IOException(request + ": " + Line.describe(frame));
            return Answers.decode(request, frame);
        }
    }

    private static void learn(Broker broker, Map<Integer, short[]> versions) throws IOException {
        Request request = Request.of(ApiKeys.API_VERSIONS, 0, new ApiVersionsRequestData(), "replay", 1, "");
        ApiVersionsResponseData answer = (ApiVersionsResponseData) direct(broker, request);
        answer.apiKeys().forEach(key -> versions.put((int) key.apiKey(), new short[] {key.minVersion(), key.maxVersion()}));
    }

    boolean both(ApiKeys api) {
        return theirs.containsKey((int) api.id) && ours.containsKey((int) api.id);
    }

    int oldest(ApiKeys api) {
        return Math.max(theirs.get((int) api.id)[0], ours.get((int) api.id)[0]);
    }

    int newest(ApiKeys api) {
        return Math.min(theirs.get((int) api.id)[1], ours.get((int) api.id)[1]);
    }

    synchronized void counted(Request request) {
        if (request.api == null) others++;
        else compared.computeIfAbsent(request.api, any -> new TreeMap<>()).merge(request.version, 1L, Long::sum);
    }

    long total() {
        long total = others;
        for (Map<Short, Long> versions : compared.values()) for (long count : versions.values()) total += count;
        return total;
    }

    // What was compared, and what wasn't reached although both brokers have it. False when that had to be reached.
    boolean printCounts(boolean everyApi, boolean everyVersion) {
        System.out.println("answers compared, by API and version:");
        List<String> never = new ArrayList<>(), missed = new ArrayList<>();
        for (ApiKeys api : ApiKeys.values()) {
            if (!both(api)) continue;
            Map<Short, Long> versions = compared.getOrDefault(api, Map.of());
            if (versions.isEmpty()) {
                never.add(api.name);
                continue;
            }
            StringBuilder line = new StringBuilder(String.format("  %-28s", api.name));
            for (int v = oldest(api); v <= newest(api); v++) {
                long count = versions.getOrDefault((short) v, 0L);
                if (count == 0) missed.add(api.name + " v" + v);
                line.append(" v").append(v).append(":").append(count);
            }
            System.out.println(line);
        }
        System.out.println("  " + others + " answers to bytes that are no request of a known API");
        if (everyApi && !never.isEmpty()) System.out.println("  APIs that both advertise and that were never sent: " + never);
        if (everyVersion && !missed.isEmpty()) System.out.println("  versions not reached: " + missed);
        return !(everyApi && !never.isEmpty()) && !(everyVersion && !missed.isEmpty());
    }

    void printAdvertised() {
        StringBuilder only = new StringBuilder();
        for (Map.Entry<Integer, short[]> entry : theirs.entrySet()) {
            String name = ApiKeys.forId(entry.getKey()).name;
            short[] range = entry.getValue(), mine = ours.get(entry.getKey());
            if (mine == null) only.append(" ").append(name);
            else if (mine[0] > range[0] || mine[1] < range[1]) System.out.printf("%s: Kafka v%d-%d, Barnabas v%d-%d%n", name, range[0], range[1], mine[0], mine[1]);
        }
        System.out.println("advertised by Kafka only:" + only);
    }
}
