// What is left out of the comparison although both brokers answered it, each with its reason.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Iterator;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

final class Tolerance {
    // Lists of everything there is, and what an entry is called: entries of other sequences are left out.
    private static final Map<ApiKeys, String[]> LISTS = Map.of(
        ApiKeys.METADATA, new String[] {"topics", "name"},
        ApiKeys.LIST_GROUPS, new String[] {"groups", "groupId"},
        ApiKeys.DESCRIBE_USER_SCRAM_CREDENTIALS, new String[] {"results", "user"});

    private static final short UNKNOWN_SERVER_ERROR = -1;

    private Tolerance() {}

    // Kafka stumbled over the request: an exception that nobody meant became its answer. Ours must refuse it too, by a code
    // of its own choice; what either did besides is not compared, and the sequence ends.
    static boolean kafkaStumbled(JsonNode theirs) {
        return theirs.findValues("errorCode").stream().anyMatch(code -> code.asInt() == UNKNOWN_SERVER_ERROR);
    }

    private static long errors(JsonNode answer) {
        return answer.findValues("errorCode").stream().filter(code -> code.asInt() != 0).count();
    }

    private static boolean has(JsonNode answer, Errors error) {
        return answer.findValues("errorCode").stream().anyMatch(code -> code.asInt() == error.code());
    }

    static boolean refuses(Request request, JsonNode ours) {
        // It stumbles over names and types of entities that can't be nodes of its tree. Nobody has quotas by such names.
        if (request.api == ApiKeys.DESCRIBE_CLIENT_QUOTAS) return ours.path("entries").isEmpty();
        return errors(ours) > 0;
    }

    // What Kafka does and ours refuses, on purpose. What comes after it can't be compared.
    //
    // Kafka with ZooKeeper creates a topic whose partitions are to have no replicas: no leader will ever be found, and its
    // answer is that of a timeout. Kafka with KRaft refuses it, too.
    //
    // Kafka takes a compressed batch whose records don't have the lengths that they claim: it only skips through them. No
    // consumer could read on behind it. Java's reader of gzip doesn't mind reserved flags either, zlib does.
    static boolean apart(Request request, JsonNode theirs, JsonNode ours) {
        if (request.api == ApiKeys.PRODUCE && FLIPPED.matcher(request.text).find()) {
            // Or it reads on, and finds a timestamp that the topic doesn't allow.
            return errors(theirs) < errors(ours) || has(theirs, Errors.INVALID_TIMESTAMP) && has(ours, Errors.INVALID_RECORD);
        }
        return request.api == ApiKeys.CREATE_TOPICS && ours.toString().contains(NO_REPLICAS)
            || request.api == ApiKeys.CREATE_TOPICS && request.version == 0 && request.text.contains("\"brokerIds\":[]");
    }

    private static final Pattern FLIPPED = Pattern.compile("(gzip|snappy|lz4|zstd) \\d+ records[^;]*DAMAGED flip");
    private static final String NO_REPLICAS = "assignment includes an empty replica list";

    static String[] compare(Request request, JsonNode theirs, JsonNode ours, Names names, String prefix, boolean sizes) {
        String[] list = LISTS.get(request.api);
        if (list != null) {
            keepOwn(theirs.get(list[0]), list[1], prefix);
            keepOwn(ours.get(list[0]), list[1], prefix);
        }
        if (request.api == ApiKeys.DESCRIBE_LOG_DIRS) {
            for (JsonNode answer : new JsonNode[] {theirs, ours}) {
                for (JsonNode directory : answer.get("results")) keepOwn(directory.get("topics"), "name", prefix);
                if (!sizes) answer.findParents("partitionSize").forEach(partition -> ((ObjectNode) partition).remove("partitionSize"));
            }
        }
        if (ours.toString().contains(NO_THREADS)) {
            // Kafka divides the log cleaner's buffer by the number of threads before it looks whether that is zero: it says
            // "/ by zero", or nothing once Java is tired of making the same exception.
            for (JsonNode answer : new JsonNode[] {theirs, ours}) answer.findParents("errorMessage").forEach(Tolerance::forgetDivision);
        }
        if (request.api == ApiKeys.DESCRIBE_CLIENT_QUOTAS) {
            keepOwnQuotas(theirs.get("entries"), prefix);
            keepOwnQuotas(ours.get("entries"), prefix);
        }
        if (request.api == ApiKeys.FIND_COORDINATOR) {
            // Kafka has no sentence for coordinators that it hasn't got; ours says which.
            theirs.findParents("errorMessage").forEach(refused -> ((ObjectNode) refused).remove("errorMessage"));
            ours.findParents("errorMessage").forEach(refused -> ((ObjectNode) refused).remove("errorMessage"));
        }
        return Answers.compare(request.api, theirs, ours, names);
    }

    // Kafka wraps what is wrong with a dynamic configuration twice, and gets the parts of the second sentence mixed up.
    private static final Pattern WRAPPED =
        Pattern.compile("Invalid value org\\.apache\\.kafka\\.common\\.config\\.ConfigException: (.*) for configuration Invalid dynamic configuration");

    // What ZooKeeper's client says to names that can't be part of a path.
    private static final Pattern PATH = Pattern.compile("Invalid config value for resource ConfigResource\\(type=TOPIC, name='(.*)'\\): Invalid path string .*");

    private static final String NO_THREADS = "Log cleaner threads should be at least 1";

    // How a record calls itself when Kafka had no need to read it whole.
    private static final Pattern RECORD = Pattern.compile("message PartialDefaultRecord\\(");

    // What Kafka meant to say.
    static String plain(String theirs) {
        String inner = WRAPPED.matcher(theirs).replaceAll("$1");
        // How Scala begins what its require() says.
        inner = inner.replaceFirst("^requirement failed: ", "");
        Matcher partial = RECORD.matcher(inner);
        if (partial.find()) inner = partial.replaceAll("message DefaultRecord(").replace("=-1 bytes", "=0 bytes");
        return PATH.matcher(inner).replaceAll("Topic name is invalid: '$1' is not allowed");
    }

    private static void forgetDivision(JsonNode result) {
        String message = result.path("errorMessage").asText();
        if (message.equals(NO_THREADS) || message.equals("/ by zero") || message.equals("null") && result.path("errorCode").asInt() != 0) {
            ((ObjectNode) result).put("errorMessage", NO_THREADS);
        }
    }

    private static void keepOwnQuotas(JsonNode list, String prefix) {
        if (!(list instanceof ArrayNode)) return;
        for (Iterator<JsonNode> entries = list.elements(); entries.hasNext();) {
            if (entries.next().findValuesAsText("entityName").stream().noneMatch(name -> name.startsWith(prefix))) entries.remove();
        }
    }

    private static void keepOwn(JsonNode list, String field, String prefix) {
        if (!(list instanceof ArrayNode)) return;
        for (Iterator<JsonNode> entries = list.elements(); entries.hasNext();) {
            String name = entries.next().path(field).asText("");
            if (name.matches("__.*|r[a-z]*[0-9]+-.*") && !name.startsWith(prefix)) entries.remove();
        }
    }
}
