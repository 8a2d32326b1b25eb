// Sets each kind of quota and looks whether clients are slowed down to it, and others aren't. Fails with the first that isn't.
// The broker has quota.window.num=3 and controller.quota.window.num=3, so that bursts are over soon.
//
//   Throttled HOST:PORT

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ThrottlingQuotaExceededException;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.requests.RequestUtils;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Throttled {
    static final String TOPIC = "quotas";
    static final int RECORD_BYTES = 10_000;
    static String bootstrap;
    static Admin admin;

    static Map<String, Object> config(String clientId) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap);
        config.put("client.id", clientId);
        return config;
    }

    static void set(String type, String name, String key, Double value) throws Exception {
        Map<String, String> entity = new HashMap<>();
        entity.put(type, name);
        admin.alterClientQuotas(List.of(new ClientQuotaAlteration(new ClientQuotaEntity(entity),
            List.of(new ClientQuotaAlteration.Op(key, value))))).all().get(30, TimeUnit.SECONDS);
        Thread.sleep(500);  // brokers are told of it
    }

    static void expect(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    static double metric(Map<?, ? extends org.apache.kafka.common.Metric> metrics, String name) {
        return metrics.values().stream().filter(m -> m.metricName().name().equals(name))
            .mapToDouble(m -> (Double) m.metricValue()).max().orElse(Double.NaN);
    }

    // Bytes a second that are acknowledged, without the first seconds.
    static void produce(String clientId, int acks, int seconds, double least, double most, boolean throttled) throws Exception {
        Map<String, Object> config = config(clientId);
        config.put("acks", acks == -1 ? "all" : String.valueOf(acks));
        config.put("enable.idempotence", false);
        config.put("batch.size", 50_000);
        config.put("buffer.memory", 500_000);
        config.put("max.block.ms", 60_000);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            AtomicLong acknowledged = new AtomicLong();
            byte[] value = new byte[RECORD_BYTES];
            long start = System.nanoTime(), from = 0, before = 0, end = start + seconds * 1_000_000_000L;
            while (System.nanoTime() < end) {
                producer.send(new ProducerRecord<>(TOPIC, value), (metadata, error) -> {
                    if (error == null) acknowledged.addAndGet(RECORD_BYTES);
                });
                if (from == 0 && System.nanoTime() - start > 4_000_000_000L) {
                    from = System.nanoTime();
                    before = acknowledged.get();
                }
            }
            double rate = (acknowledged.get() - before) * 1e9 / (System.nanoTime() - from);
            double wait = metric(producer.metrics(), "produce-throttle-time-max");
            System.out.printf("measured producer %s with acks=%d: %.0f bytes/s, throttle time at most %.0f ms%n", clientId, acks, rate, wait);
            expect(rate >= least && rate <= most, "the rate is " + rate);
            if (acks != 0) expect(throttled == (wait > 0), "the throttle time is " + wait);
        }
    }

    static void consume(String clientId, int seconds, double least, double most, boolean throttled) {
        Map<String, Object> config = config(clientId);
        config.put("fetch.max.bytes", 200_000);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = List.of(new TopicPartition(TOPIC, 0));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long start = System.nanoTime(), from = 0, bytes = 0, end = start + seconds * 1_000_000_000L;
            while (System.nanoTime() < end) {
                int count = consumer.poll(Duration.ofMillis(100)).count();
                if (from != 0) bytes += (long) count * RECORD_BYTES;
                if (count == 0 && !throttled) consumer.seekToBeginning(partitions);
                if (from == 0 && System.nanoTime() - start > 4_000_000_000L) from = System.nanoTime();
            }
            double rate = bytes * 1e9 / (System.nanoTime() - from);
            double wait = metric(consumer.metrics(), "fetch-throttle-time-max");
            System.out.printf("measured consumer %s: %.0f bytes/s, throttle time at most %.0f ms%n", clientId, rate, wait);
            expect(rate >= least && rate <= most, "the rate is " + rate);
            expect(throttled == (wait > 0), "the throttle time is " + wait);
        }
    }

    static Socket connect() throws IOException {
        String[] address = bootstrap.split(":");
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(address[0], Integer.parseInt(address[1])), 10_000);
        socket.setSoTimeout(30_000);
        return socket;
    }

    static ApiMessage call(Socket socket, String clientId, ApiKeys key, int version, ApiMessage body) throws IOException {
        RequestHeaderData header = new RequestHeaderData().setRequestApiKey(key.id).setRequestApiVersion((short) version)
            .setClientId(clientId).setCorrelationId(1);
        ByteBuffer bytes = RequestUtils.serialize(header, key.requestHeaderVersion((short) version), body, (short) version);
        ByteBuffer frame = ByteBuffer.allocate(4 + bytes.remaining());
        frame.putInt(bytes.remaining()).put(bytes);
        socket.getOutputStream().write(frame.array());
        DataInputStream in = new DataInputStream(socket.getInputStream());
        byte[] answer = new byte[in.readInt()];
        in.readFully(answer);
        ByteBufferAccessor accessor = new ByteBufferAccessor(ByteBuffer.wrap(answer));
        new ResponseHeaderData(accessor, key.responseHeaderVersion((short) version));
        ApiMessage response = key.messageType.newResponse();
        response.read(accessor, (short) version);
        return response;
    }

    // Requests of a client that may use a hundredth of a per mille of a thread: each has to wait, a second at most.
    static void requestTime() throws Exception {
        set("client-id", "busy", "request_percentage", 0.00001);
        try (Socket socket = connect()) {
            ApiMessage request = new MetadataRequestData().setTopics(new ArrayList<>()).setAllowAutoTopicCreation(false);
            List<Integer> waits = new ArrayList<>();
            long start = System.nanoTime();
            for (int i = 0; i < 4; i++) {
                waits.add(((MetadataResponseData) call(socket, "busy", ApiKeys.METADATA, 9, request)).throttleTimeMs());
            }
            long elapsedMs = (System.nanoTime() - start) / 1_000_000;
            System.out.println("measured waits for request time: " + waits + " ms");
            expect(waits.stream().allMatch(wait -> wait > 0 && wait <= 1000), "the waits are " + waits);
            expect(elapsedMs >= waits.get(0) + waits.get(1) + waits.get(2), "four requests took " + elapsedMs + " ms");
            try (Socket other = connect()) {
                int wait = ((MetadataResponseData) call(other, "idle", ApiKeys.METADATA, 9, request)).throttleTimeMs();
                expect(wait == 0, "another client waits " + wait + " ms");
            }
        }
        set("client-id", "busy", "request_percentage", null);
    }

    static CreateTopicsRequestData newTopic(String name, int partitions) {
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(20_000);
        request.topics().add(new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(partitions).setReplicationFactor((short) 1));
        return request;
    }

    static String told(CreateTopicsResponseData response) {
        CreateTopicsResponseData.CreatableTopicResult topic = response.topics().iterator().next();
        return Errors.forCode(topic.errorCode()) + " " + topic.errorMessage();
    }

    // One partition a second, three saved up: who takes five owes two.
    static void mutations() throws Exception {
        set("client-id", "admin", "controller_mutation_rate", 1.0);
        try (Socket socket = connect()) {
            CreateTopicsResponseData first = (CreateTopicsResponseData) call(socket, "admin", ApiKeys.CREATE_TOPICS, 7, newTopic("m1", 5));
            expect(told(first).equals("NONE null") && first.throttleTimeMs() == 0, "the first: " + told(first));
            CreateTopicsResponseData second = (CreateTopicsResponseData) call(socket, "admin", ApiKeys.CREATE_TOPICS, 7, newTopic("m2", 1));
            System.out.println("measured strict: " + told(second) + ", wait " + second.throttleTimeMs() + " ms");
            expect(told(second).equals("THROTTLING_QUOTA_EXCEEDED null"), "the second: " + told(second));
            expect(second.throttleTimeMs() > 0 && second.throttleTimeMs() <= 2000, "wait " + second.throttleTimeMs());
            CreateTopicsResponseData third = (CreateTopicsResponseData) call(socket, "admin", ApiKeys.CREATE_TOPICS, 5, newTopic("m3", 3));
            System.out.println("measured permissive: " + told(third) + ", wait " + third.throttleTimeMs() + " ms");
            expect(told(third).equals("NONE null") && third.throttleTimeMs() > 2000, "the third: " + told(third));
            DeleteTopicsResponseData fourth = (DeleteTopicsResponseData) call(socket, "admin", ApiKeys.DELETE_TOPICS, 4,
                new DeleteTopicsRequestData().setTimeoutMs(20_000).setTopicNames(List.of("m1")));
            expect(fourth.responses().iterator().next().errorCode() == 0 && fourth.throttleTimeMs() > 2000, "the deletion: " + fourth);
        }
        Map<String, Object> config = config("admin");
        try (Admin throttled = Admin.create(config)) {
            try {
                throttled.createTopics(List.of(new NewTopic("m4", 1, (short) 1)), new CreateTopicsOptions().retryOnQuotaViolation(false))
                    .all().get(30, TimeUnit.SECONDS);
                throw new AssertionError("the admin client wasn't throttled");
            } catch (ExecutionException e) {
                expect(e.getCause() instanceof ThrottlingQuotaExceededException, e.getCause().toString());
            }
        }
        set("client-id", "admin", "controller_mutation_rate", null);
    }

    // How many of many connections at once are answered.
    static int answeredOf(int attempts) throws Exception {
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < attempts; i++) sockets.add(connect());
        int answered = 0;
        for (Socket socket : sockets) {
            try {
                call(socket, "many", ApiKeys.API_VERSIONS, 0, new ApiVersionsRequestData());
                answered++;
            } catch (IOException refused) {
                // as it should be
            }
            socket.close();
        }
        return answered;
    }

    static void connections() throws Exception {
        expect(answeredOf(40) == 40, "connections are refused without a quota");
        set("ip", "127.0.0.1", "connection_creation_rate", 2.0);
        int answered = answeredOf(40);
        set("ip", "127.0.0.1", "connection_creation_rate", null);
        System.out.println("measured connections: " + answered + " of 40 at 2 a second");
        expect(answered >= 1 && answered <= 20, answered + " of 40 were answered");
        expect(answeredOf(40) == 40, "connections are refused after the quota was removed");
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        admin = Admin.create(config("setter"));
        admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get(30, TimeUnit.SECONDS);
        // A busy machine may be slower than the quota; a quota that doesn't hold lets through many times as much.
        double quota = 1_000_000;
        set("client-id", "slow", "producer_byte_rate", quota);
        set("client-id", "slow", "consumer_byte_rate", quota);
        produce("fast", -1, 6, 4 * quota, 1e12, false);
        produce("slow", -1, 12, 0.3 * quota, 1.5 * quota, true);
        produce("slow", 0, 12, 0.3 * quota, 1.5 * quota, true);
        consume("fast", 6, 4 * quota, 1e12, false);
        consume("slow", 12, 0.3 * quota, 1.5 * quota, true);
        requestTime();
        mutations();
        connections();
        admin.close();
        System.out.println("all kinds of quotas are in force");
    }
}
