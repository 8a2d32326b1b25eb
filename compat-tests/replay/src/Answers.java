// Reads the two brokers' answers with Kafka's own classes and compares them field by field, after masking what may differ.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.MemoryRecords;

final class Answers {
    // An address, a name, a measurement or a sentence of the broker that answers.
    private static final Set<String> OWN = Set.of("throttleTimeMs", "clusterId", "host", "port", "logDir", "totalBytes", "usableBytes",
        "clientHost", "documentation");
    private static final long A_DAY_MS = 86_400_000;

    private Answers() {}

    static JsonNode toJson(ApiMessage message, short version) {
        try {
            Class<?> converter = Class.forName(message.getClass().getName() + "JsonConverter");
            return (JsonNode) converter.getMethod("write", message.getClass(), short.class).invoke(null, message, version);
        } catch (InvocationTargetException e) {
            throw (RuntimeException) e.getCause();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    // Throws a RuntimeException when the frame isn't an answer to the request.
    static ApiMessage decode(Request request, byte[] frame) {
        ByteBufferAccessor accessor = new ByteBufferAccessor(ByteBuffer.wrap(frame));
        ResponseHeaderData header = new ResponseHeaderData(accessor, request.api.responseHeaderVersion(request.version));
        if (header.correlationId() != request.correlation) {
            throw new IllegalStateException("correlation id " + header.correlationId() + " instead of " + request.correlation);
        }
        short version = request.version;
        // Versions that the broker doesn't know are answered as version 0.
        if (request.api == ApiKeys.API_VERSIONS && version > request.api.latestVersion()) version = 0;
        ApiMessage answer = request.api.messageType.newResponse();
        answer.read(accessor, version);
        if (accessor.remaining() > 0) throw new IllegalStateException(accessor.remaining() + " bytes behind the answer");
        return answer;
    }

    static JsonNode readable(Request request, ApiMessage answer) {
        short version = request.version;
        if (request.api == ApiKeys.API_VERSIONS && version > request.api.latestVersion()) version = 0;
        JsonNode json = toJson(answer, version);
        if (answer instanceof FetchResponseData) {
            describeRecords(request, (FetchResponseData) answer, json);
            mergeTopics((ObjectNode) json);
        }
        return json;
    }

    // Kafka names a topic anew whenever another one came in between.
    private static void mergeTopics(ObjectNode fetched) {
        Map<String, ObjectNode> merged = new LinkedHashMap<>();
        for (JsonNode topic : fetched.get("responses")) {
            ObjectNode first = merged.putIfAbsent(topic.path("topic").asText() + topic.path("topicId").asText(), (ObjectNode) topic);
            if (first != null) ((ArrayNode) first.get("partitions")).addAll((ArrayNode) topic.get("partitions"));
        }
        fetched.putArray("responses").addAll(merged.values());
    }

    private static void describeRecords(Request request, FetchResponseData answer, JsonNode json) {
        for (int t = 0; t < answer.responses().size(); t++) {
            List<FetchResponseData.PartitionData> partitions = answer.responses().get(t).partitions();
            for (int p = 0; p < partitions.size(); p++) {
                ObjectNode node = (ObjectNode) json.get("responses").get(t).get("partitions").get(p);
                if (partitions.get(p).records() != null) node.set("records", Batches.describe((MemoryRecords) partitions.get(p).records(), request.version));
            }
        }
    }

    // Null when they agree; otherwise the path of the first difference and both values.
    static String[] compare(ApiKeys api, JsonNode first, JsonNode second, Names names) {
        return compare(new Context(api, names), "", "", first, second);
    }

    private static final class Context {
        final ApiKeys api;
        final Names names;

        Context(ApiKeys api, Names names) {
            this.api = api;
            this.names = names;
        }
    }

    private static String[] compare(Context context, String path, String field, JsonNode a, JsonNode b) {
        if (OWN.contains(field)) return null;
        if (a == null || b == null || a.getNodeType() != b.getNodeType()) return difference(path, a, b);
        if (a.isObject()) return compareObjects(context, path, a, b);
        if (a.isArray()) return compareArrays(context, path, field, a, b);
        boolean same;
        switch (field) {
            case "topicId":
                same = (isZero(a) || isZero(b)) ? a.equals(b) : context.names.same("topic", a.asText(), b.asText());
                break;
            case "sessionId":
                same = (a.asInt() == 0 || b.asInt() == 0) ? a.equals(b) : context.names.same("session", a.asText(), b.asText());
                break;
            case "producerId":
                same = (a.asLong() < 0 || b.asLong() < 0 || context.api != ApiKeys.INIT_PRODUCER_ID) ? a.equals(b)
                    : context.names.same("producer", a.asText(), b.asText());
                break;
            default:
                same = a.isTextual() ? context.names.sameText(Tolerance.plain(a.asText()), b.asText()) : a.isNumber() ? isNow(a) && isNow(b) || a.equals(b) : a.equals(b);
        }
        return same ? null : difference(path, a, b);
    }

    private static boolean isZero(JsonNode id) {
        return id.asText().equals("AAAAAAAAAAAAAAAAAAAAAA");
    }

    private static boolean isNow(JsonNode value) {
        return Math.abs(value.asLong() - System.currentTimeMillis()) < A_DAY_MS;
    }

    private static String[] compareObjects(Context context, String path, JsonNode a, JsonNode b) {
        for (Iterator<Map.Entry<String, JsonNode>> fields = a.fields(); fields.hasNext();) {
            Map.Entry<String, JsonNode> field = fields.next();
            String[] found = compare(context, path + "." + field.getKey(), field.getKey(), field.getValue(), b.get(field.getKey()));
            if (found != null) return found;
        }
        for (Iterator<String> keys = b.fieldNames(); keys.hasNext();) {
            String key = keys.next();
            if (!a.has(key)) return difference(path + "." + key, null, b.get(key));
        }
        return null;
    }

    private static String[] compareArrays(Context context, String path, String field, JsonNode a, JsonNode b) {
        if (field.equals("apiKeys") || field.equals("supportedFeatures")) return null;  // compared once, by Advertised
        boolean ordered = field.equals("records") || context.api == ApiKeys.DESCRIBE_CONFIGS && field.equals("results");
        if (ordered) return compareElements(context, path, field, a, b);
        return compareElements(context, path, field, sorted(a, id -> id, context.names::knownTheirs),
            sorted(b, context.names::theirTopic, context.names::knownOurs));
    }

    private static String[] compareElements(Context context, String path, String field, JsonNode first, JsonNode second) {
        for (int i = 0; i < Math.max(first.size(), second.size()); i++) {
            String[] found = compare(context, path + "[]", field, first.get(i), second.get(i));
            if (found != null) return found;
        }
        return null;
    }

    // Kafka answers most lists in the order of some hash table.
    private static JsonNode sorted(JsonNode array, UnaryOperator<String> topicId, UnaryOperator<String> known) {
        List<JsonNode> elements = new ArrayList<>();
        array.forEach(elements::add);
        if (elements.isEmpty() || !elements.get(0).isObject()) return array;
        elements.sort(Comparator.comparing(element -> sortKey(element, topicId, known)));
        return new ArrayNode(JsonNodeFactory.instance, elements);
    }

    private static String sortKey(JsonNode element, UnaryOperator<String> topicId, UnaryOperator<String> known) {
        ObjectNode copy = element.deepCopy();
        JsonNode id = copy.remove("topicId");
        StringBuilder key = new StringBuilder();
        if (id != null && !copy.has("name")) key.append(topicId.apply(id.asText()));
        // Who it is first, then what is said of it.
        for (String who : List.of("name", "topicName", "topic", "partitionIndex", "index", "partition", "groupId", "key", "memberId", "configName", "resourceName", "user")) {
            JsonNode value = copy.get(who);
            if (value != null) key.append(value.isNumber() ? String.format("%012d", value.asLong()) : value.asText()).append('\u0001');
        }
        OWN.forEach(copy::remove);
        return Names.withoutUuids(known.apply(key.append(copy).toString()));
    }

    private static String[] difference(String path, JsonNode a, JsonNode b) {
        String suffix = path.endsWith("rrorCode") ? " (" + error(a) + " / " + error(b) + ")" : "";
        return new String[] {path, shorten(String.valueOf(a), 700) + "  /  " + shorten(String.valueOf(b), 700) + suffix};
    }

    private static String error(JsonNode code) {
        return code == null ? "-" : Errors.forCode((short) code.asInt()).name();
    }

    static String shorten(String text, int limit) {
        return text.length() <= limit ? text : text.substring(0, limit) + "… (" + text.length() + " characters)";
    }
}
