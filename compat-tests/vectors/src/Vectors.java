import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Vectors write FILE SEED COUNT [SKIP]   COUNT random instances of each message and version that SKIP does not list
 * Vectors check FILE COVERED [SKIP]      each instance of FILE that this Kafka knows and SKIP does not list, decoded and
 *                                        encoded again, has the same bytes; what was checked is listed in COVERED
 *
 * A vector file is a sequence of: name (length in 2 bytes, UTF-8), version (2 bytes), bytes (length in 4 bytes).
 * SKIP and COVERED have lines such as "ProduceRequest 3", versions by our counting.
 */
public final class Vectors {
    private final Map<String, List<Definition>> definitions = Definition.load();
    private final Set<String> skip;

    private Vectors(Set<String> skip) throws Exception {
        this.skip = skip;
    }

    public static void main(String[] arguments) throws Exception {
        Path skipFile = arguments[0].equals("write") ? optional(arguments, 4) : optional(arguments, 3);
        Vectors vectors = new Vectors(skipFile == null ? Set.of() : new HashSet<>(Files.readAllLines(skipFile)));
        boolean good = arguments[0].equals("write")
            ? vectors.write(arguments[1], Long.parseLong(arguments[2]), Integer.parseInt(arguments[3]))
            : vectors.check(arguments[1], Path.of(arguments[2]));
        System.exit(good ? 0 : 1);
    }

    private static Path optional(String[] arguments, int index) {
        return arguments.length > index ? Path.of(arguments[index]) : null;
    }

    private boolean write(String file, long seed, int count) throws Exception {
        RandomMessage random = new RandomMessage(seed);
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(file)))) {
            for (List<Definition> group : definitions.values()) {
                for (Definition one : group) {
                    for (int version = one.versions.low(); version <= one.versions.high(); version++) {
                        if (skip.contains(one.name + " " + (version + one.shift))) continue;
                        for (int i = 0; i < count; i++) put(out, one, version, encode(random.create(one, version), (short) version));
                    }
                }
            }
        }
        return true;
    }

    private static void put(DataOutputStream out, Definition one, int version, byte[] bytes) throws Exception {
        byte[] name = one.name.getBytes(StandardCharsets.UTF_8);
        out.writeShort(name.length);
        out.write(name);
        out.writeShort(version + one.shift);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private boolean check(String file, Path covered) throws Exception {
        Set<String> seen = new TreeSet<>();
        long checked = 0, wrong = 0;
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(file)))) {
            for (String name = name(in); name != null; name = name(in)) {
                int version = in.readShort();
                byte[] bytes = in.readNBytes(in.readInt());
                String row = name + " " + version;
                Definition one = skip.contains(row) ? null : find(name, version);
                if (one == null) continue;
                seen.add(row);
                ++checked;
                String problem = compare(one, (short) (version - one.shift), bytes);
                if (problem != null && ++wrong <= 20) System.err.println(row + ": " + problem);
            }
        }
        Files.write(covered, seen);
        System.out.printf("Kafka read %d of our instances, %d messages x versions: %d differ%n", checked, seen.size(), wrong);
        return wrong == 0;
    }

    private static String name(DataInputStream in) throws Exception {
        try {
            return new String(in.readNBytes(in.readUnsignedShort()), StandardCharsets.UTF_8);
        } catch (EOFException end) {
            return null;
        }
    }

    private Definition find(String name, int version) {
        for (Definition one : definitions.getOrDefault(name, List.of())) if (one.hasOurVersion(version)) return one;
        return null;
    }

    private static String compare(Definition one, short version, byte[] bytes) {
        try {
            Message message = (Message) one.type.getDeclaredConstructor().newInstance();
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            message.read(new ByteBufferAccessor(buffer), version);
            if (buffer.hasRemaining()) return buffer.remaining() + " bytes are left over";
            byte[] again = encode(message, version);
            return java.util.Arrays.equals(bytes, again) ? null : "other bytes: " + hex(bytes) + " became " + hex(again);
        } catch (Exception | StackOverflowError error) {
            return error + " for " + hex(bytes);
        }
    }

    private static byte[] encode(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        if (buffer.hasRemaining()) throw new IllegalStateException("Kafka's size and bytes disagree");
        return buffer.array();
    }

    private static String hex(byte[] bytes) {
        return java.util.HexFormat.of().formatHex(bytes);
    }
}
