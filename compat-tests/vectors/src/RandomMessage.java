import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.types.RawTaggedField;

/** Fills Kafka's generated classes with random values, led by their definitions. */
final class RandomMessage {
    private final Random random;
    private Definition definition;
    private int version;
    private int depth;

    RandomMessage(long seed) {
        random = new Random(seed);
    }

    Message create(Definition of, int atVersion) throws ReflectiveOperationException {
        definition = of;
        version = atVersion;
        Message message = (Message) of.type.getDeclaredConstructor().newInstance();
        fill(message, of.json.path("fields"));
        return message;
    }

    private void fill(Message struct, JsonNode fields) throws ReflectiveOperationException {
        for (JsonNode field : fields) {
            String tagged = field.path("taggedVersions").asText(null);
            boolean present = Versions.parse(field.path("versions").asText(tagged == null ? "0+" : tagged)).contains(version);
            // What a version lacks must not show, where Kafka drops it silently.
            boolean dropped = !present && field.path("ignorable").asBoolean() && chance(2);
            // Records have no default that every version can carry.
            boolean skipped = chance(6) && !field.get("type").asText().equals("records");
            if ((present || dropped) && !skipped) set(struct, field, present);
        }
        if (!definition.flexible.contains(version)) return;
        int tag = 100;
        while (chance(4)) {
            tag += random.nextInt(300);
            struct.unknownTaggedFields().add(new RawTaggedField(tag++, bytes(chance(10) ? 300 : 6)));
        }
    }

    private void set(Message struct, JsonNode field, boolean present) throws ReflectiveOperationException {
        String name = field.get("name").asText();
        Field member = struct.getClass().getDeclaredField(Character.toLowerCase(name.charAt(0)) + name.substring(1));
        member.setAccessible(true);
        if (present && Versions.parse(field.path("nullableVersions").asText("none")).contains(version) && chance(4)) {
            member.set(struct, null);
            return;
        }
        String type = field.get("type").asText();
        member.set(struct, type.startsWith("[]") ? array(member, type.substring(2), field) : value(member.getType(), type, field));
    }

    private Object array(Field member, String type, JsonNode field) throws ReflectiveOperationException {
        int count = chance(5) ? 0 : 1 + random.nextInt(depth < 2 ? 3 : 2);
        @SuppressWarnings("unchecked")
        Collection<Object> elements = (Collection<Object>) (member.getType() == List.class ? new ArrayList<>()
            : member.getType().getDeclaredConstructor().newInstance());
        ++depth;
        for (int i = 0; i < count; i++) elements.add(value(Object.class, type, field));
        --depth;
        return elements;
    }

    private Object value(Class<?> javaType, String type, JsonNode field) throws ReflectiveOperationException {
        switch (type) {
            case "bool": return random.nextBoolean();
            case "int8": return (byte) number();
            case "int16": return (short) number();
            case "uint16": return (int) (number() & 0xffff);
            case "int32": return (int) number();
            case "uint32": return number() & 0xffffffffL;
            case "int64": return number();
            case "float64": return random.nextLong() / 3.0;
            case "uuid": return new Uuid(random.nextLong(), random.nextLong());
            case "string": return text();
            case "bytes": return javaType == ByteBuffer.class ? ByteBuffer.wrap(bytes(20)) : (Object) bytes(20);
            case "records": return records(ByteBuffer.wrap(bytes(200)));
            default: return struct(type, field);
        }
    }

    /** MemoryRecords.readableRecords: the class moved between the releases. */
    private static Object records(ByteBuffer buffer) throws ReflectiveOperationException {
        Class<?> type;
        try {
            type = Class.forName("org.apache.kafka.common.record.internal.MemoryRecords");
        } catch (ClassNotFoundException older) {
            type = Class.forName("org.apache.kafka.common.record.MemoryRecords");
        }
        return type.getMethod("readableRecords", ByteBuffer.class).invoke(null, buffer);
    }

    private Message struct(String type, JsonNode field) throws ReflectiveOperationException {
        JsonNode fields = field.has("fields") ? field.get("fields") : definition.commonStructs.get(type).get("fields");
        Class<?> inner = Class.forName(definition.type.getName() + "$" + type, true, definition.type.getClassLoader());
        Message struct = (Message) inner.getDeclaredConstructor().newInstance();
        fill(struct, fields);
        return struct;
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    private long number() {
        return chance(3) ? random.nextLong() : random.nextInt(100);
    }

    private byte[] bytes(int limit) {
        byte[] result = new byte[random.nextInt(limit)];
        random.nextBytes(result);
        return result;
    }

    private String text() {
        String[] pieces = {"a", "topic", "-", "7", ".", "\u00e4", "\u20ac", "Z_"};
        StringBuilder result = new StringBuilder();
        for (int i = chance(20) ? 200 : random.nextInt(6); i > 0; i--) result.append(pieces[random.nextInt(pieces.length)]);
        return result.toString();
    }
}
