// What is left out of the comparison although both brokers answered it, each with its reason.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Iterator;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.protocol.ApiKeys;

final class Tolerance {
    // Lists of everything there is, and what an entry is called: entries of other sequences are left out.
    private static final Map<ApiKeys, String[]> LISTS = Map.of(
        ApiKeys.METADATA, new String[] {"topics", "name"},
        ApiKeys.LIST_GROUPS, new String[] {"groups", "groupId"});

    private static final short UNKNOWN_SERVER_ERROR = -1;

    private Tolerance() {}

    // Kafka stumbled over the request: an exception that nobody meant became its answer. Ours must refuse it too, by a code
    // of its own choice; what either did besides is not compared, and the sequence ends.
    static boolean kafkaStumbled(JsonNode theirs) {
        return theirs.findValues("errorCode").stream().anyMatch(code -> code.asInt() == UNKNOWN_SERVER_ERROR);
    }

    static boolean refuses(Request request, JsonNode ours) {
        // It stumbles over names and types of entities that can't be nodes of its tree. Nobody has quotas by such names.
        if (request.api == ApiKeys.DESCRIBE_CLIENT_QUOTAS) return ours.path("entries").isEmpty();
        return ours.findValues("errorCode").stream().anyMatch(code -> code.asInt() != 0);
    }

    // Kafka with ZooKeeper creates a topic whose partitions are to have no replicas: no leader will ever be found, and its
    // answer is that of a timeout. Ours refuses it, as Kafka with KRaft does.
    static boolean apart(Request request, JsonNode ours) {
        return request.api == ApiKeys.CREATE_TOPICS && ours.toString().contains(NO_REPLICAS)
            || request.api == ApiKeys.CREATE_TOPICS && request.version == 0 && request.text.contains("\"brokerIds\":[]");
    }

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
        // It divides the log cleaner's buffer by the number of threads before it looks whether that is zero.
        if (theirs.equals("/ by zero")) return NO_THREADS;
        String inner = WRAPPED.matcher(theirs).replaceAll("$1");
        // How Scala begins what its require() says.
        inner = inner.replaceFirst("^requirement failed: ", "");
        Matcher partial = RECORD.matcher(inner);
        if (partial.find()) inner = partial.replaceAll("message DefaultRecord(").replace("=-1 bytes", "=0 bytes");
        return PATH.matcher(inner).replaceAll("Topic name is invalid: '$1' is not allowed");
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
