import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** One message definition out of Kafka's jars: its JSON, its generated class, and the versions by our counting. */
final class Definition {
    private static final ObjectMapper MAPPER =
        new ObjectMapper().configure(JsonParser.Feature.ALLOW_COMMENTS, true);

    final String name;          // ours
    final Class<?> type;
    final JsonNode json;
    final Versions versions;    // as the Java class counts
    final Versions flexible;
    final int shift;            // ours minus Java's
    final Map<String, JsonNode> commonStructs = new HashMap<>();

    private Definition(String name, Class<?> type, JsonNode json, int shift) {
        this.name = name;
        this.type = type;
        this.json = json;
        this.shift = shift;
        this.versions = Versions.parse(json.path("validVersions").asText("none"));
        this.flexible = Versions.parse(json.path("flexibleVersions").asText("none"));
        json.path("commonStructs").forEach(struct -> commonStructs.put(struct.get("name").asText(), struct));
    }

    /** All definitions of the jars on the class path, by our name; one name may have two (OffsetCommitKey 0 and 1). */
    static Map<String, List<Definition>> load() throws Exception {
        Map<String, List<Definition>> found = new TreeMap<>();
        for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!path.endsWith(".jar")) continue;
            try (ZipFile jar = new ZipFile(path)) {
                for (ZipEntry entry : (Iterable<ZipEntry>) jar.stream().map(e -> (ZipEntry) e)::iterator) {
                    if (!entry.getName().matches("common/message/.*\\.json")) continue;
                    Definition one = parse(MAPPER.readTree(jar.getInputStream(entry)));
                    if (!one.versions.isEmpty()) found.computeIfAbsent(one.name, key -> new ArrayList<>()).add(one);
                }
            }
        }
        return found;
    }

    private static Definition parse(JsonNode json) throws ClassNotFoundException {
        String name = json.get("name").asText();
        // A key's version is the record type in front of it; newer definitions call that its apiKey.
        int shift = json.get("type").asText().equals("coordinator-key") ? json.get("apiKey").asInt() : 0;
        // Names that ours merges with another: the same bytes under an older or a special name.
        String ours = name.replace("ListClientMetricsResources", "ListConfigResources").replace("LegacyOffset", "Offset");
        boolean none = json.path("validVersions").asText("none").equals("none");
        return new Definition(ours, none ? null : findClass(name), json, shift);
    }

    private static Class<?> findClass(String name) throws ClassNotFoundException {
        for (String place : new String[] {"common.message.%sData", "common.message.%s", "coordinator.group.generated.%s",
            "coordinator.transaction.generated.%s", "coordinator.share.generated.%s"}) {
            try {
                return Class.forName("org.apache.kafka." + String.format(place, name));
            } catch (ClassNotFoundException elsewhere) {
                // the next place
            }
        }
        throw new ClassNotFoundException(name);
    }

    boolean hasOurVersion(int version) {
        return versions.contains(version - shift);
    }
}
