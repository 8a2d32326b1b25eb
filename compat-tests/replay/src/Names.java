// The names that each broker gives on its own (topic ids, member ids, fetch sessions, producer ids): which of the second
// broker's stands for which of the first's. A name must keep its counterpart for as long as a sequence lasts.

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.Uuid;

final class Names {
    static final Pattern UUID = Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");

    // Milliseconds of the years around this one, and what overflows when the largest number is added to them.
    private static final Pattern NOW = Pattern.compile("\\b1[789]\\d{11}\\b|-92233\\d{14}\\b");

    private final Map<String, String> second = new HashMap<>();
    private final Map<String, String> first = new HashMap<>();
    private final Map<String, byte[][]> bytes = new LinkedHashMap<>();

    // Whether the two may stand for each other; remembers that they do.
    boolean same(String kind, String theirs, String ours) {
        String known = second.putIfAbsent(kind + theirs, ours);
        String back = first.putIfAbsent(kind + ours, theirs);
        if (known == null && back == null) {
            remember(kind, theirs, ours);
            return true;
        }
        return ours.equals(known) && theirs.equals(back);
    }

    String theirTopic(String ours) {
        return first.getOrDefault("topic" + ours, ours);
    }

    int session(int theirs) {
        return Integer.parseInt(second.getOrDefault("session" + theirs, String.valueOf(theirs)));
    }

    // Texts with names in them: the names must be each other's counterpart, the rest must be equal.
    boolean sameText(String theirs, String ours) {
        Matcher a = UUID.matcher(theirs), b = UUID.matcher(ours);
        while (a.find()) {
            if (!b.find() || !same("uuid", a.group(), b.group())) return false;
        }
        return !b.find() && withoutUuids(theirs).equals(withoutUuids(ours));
    }

    // A text of the first broker's, or of the second's, with each UUID that has a counterpart in a form that both share.
    String knownTheirs(String text) {
        return UUID.matcher(text).replaceAll(found -> second.containsKey("uuid" + found.group()) ? shared(found.group()) : found.group());
    }

    String knownOurs(String text) {
        return UUID.matcher(text).replaceAll(found -> {
            String theirs = first.get("uuid" + found.group());
            return theirs != null ? shared(theirs) : found.group();
        });
    }

    private static String shared(String uuid) {
        return uuid.replace('-', '+');
    }

    static String withoutUuids(String text) {
        return NOW.matcher(UUID.matcher(text).replaceAll("UUID")).replaceAll("NOW");
    }

    private void remember(String kind, String theirs, String ours) {
        if (kind.equals("topic")) {
            bytes.put(kind + theirs, new byte[][] {raw(Uuid.fromString(theirs)), raw(Uuid.fromString(ours))});
        } else if (kind.equals("uuid")) {
            bytes.put(kind + theirs, new byte[][] {theirs.getBytes(StandardCharsets.US_ASCII), ours.getBytes(StandardCharsets.US_ASCII)});
        }
    }

    private static byte[] raw(Uuid id) {
        return ByteBuffer.allocate(16).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).array();
    }

    byte[] translate(byte[] frame) {
        byte[] result = frame.clone();
        for (byte[][] pair : bytes.values()) {
            if (pair[0].length != pair[1].length) continue;
            for (int at = 0; at + pair[0].length <= frame.length; at++) {
                if (java.util.Arrays.equals(frame, at, at + pair[0].length, pair[0], 0, pair[0].length)) {
                    System.arraycopy(pair[1], 0, result, at, pair[1].length);
                }
            }
        }
        return result;
    }
}
