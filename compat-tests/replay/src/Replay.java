// Sends random sequences of requests, right, odd and wrong ones, byte for byte to two brokers, and compares the answers
// field by field. The same seed makes the same sequences.
//
//   Replay FIRST_HOST:PORT SECOND_HOST:PORT SEED SEQUENCES [KIND…]
//
// A sequence whose answers differ is shrunk (steps are left out as long as it still fails the same way) and printed.
// SHRINK=0 leaves that out; SHOW=1 prints every sequence.

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

public final class Replay {
    interface Maker {
        Sequence make(Run run, long seed, String prefix);
    }

    private static final int SHRINK_TRIES = 25;
    private static final int SHOWN = Integer.parseInt(System.getenv().getOrDefault("SHOWN", "10"));

    // Tells the names of this run from those of an earlier one against the same broker.
    private static final String TAG = System.getenv().getOrDefault("TAG", "");

    private static final Map<String, Maker> KINDS = new LinkedHashMap<>();

    static {
        KINDS.put("topics", TopicSequence::new);
        KINDS.put("records", RecordSequence::new);
        KINDS.put("fetches", FetchSequence::new);
        KINDS.put("frames", FrameSequence::new);
        KINDS.put("configs", ConfigSequence::new);
        KINDS.put("misc", MiscSequence::new);
        KINDS.put("groups", GroupSequence::new);
    }

    private final Run run;
    private final Map<String, Integer> failures = new LinkedHashMap<>();
    private final Map<String, Integer> stumbles = new TreeMap<>();
    private int attempts = 0;

    private Replay(Run run) {
        this.run = run;
    }

    // What differs, or null.
    private Difference play(Maker maker, long seed, boolean[] kept, List<String> transcript) throws IOException {
        String prefix = "r" + TAG + seed + (attempts == 0 ? "-" : "-" + attempts + "-");
        attempts++;
        try (Sequence sequence = maker.make(run, seed, prefix)) {
            try {
                sequence.play(kept);
                return null;
            } catch (Sequence.Stumbled stumbled) {
                stumbles.merge(stumbled.getMessage().replaceAll(" v.*", ""), 1, Integer::sum);
                return null;
            } catch (Difference difference) {
                return difference;
            } catch (RuntimeException wrong) {
                System.out.println("The replay itself failed, seed " + seed + ":");
                sequence.transcript.forEach(System.out::println);
                throw wrong;
            } finally {
                transcript.clear();
                transcript.addAll(sequence.transcript);
            }
        }
    }

    private int steps(Maker maker, long seed) {
        try (Sequence sequence = maker.make(run, seed, "")) {
            return sequence.steps();
        }
    }

    private void sequence(String kind, long seed) throws IOException {
        Maker maker = KINDS.get(kind);
        List<String> transcript = new ArrayList<>();
        attempts = 0;
        Difference difference = play(maker, seed, null, transcript);
        if (System.getenv("SHOW") != null) transcript.forEach(System.out::println);
        if (difference == null) return;
        boolean isNew = failures.merge(difference.where, 1, Integer::sum) == 1;
        System.out.println("DIFFERENT " + kind + " seed " + seed + ": " + difference.where);
        if (!isNew || failures.size() > SHOWN) return;
        String text = difference.getMessage();
        if (!difference.where.contains("silent") && !"0".equals(System.getenv("SHRINK"))) shrink(maker, seed, difference, transcript);
        System.out.println("    " + text);
        transcript.forEach(line -> System.out.println("      " + line));
        System.out.flush();
    }

    // Leaves out what isn't needed to fail in the same place; `transcript` becomes that of the smallest.
    private void shrink(Maker maker, long seed, Difference difference, List<String> transcript) throws IOException {
        boolean[] kept = new boolean[steps(maker, seed)];
        java.util.Arrays.fill(kept, true);
        int tries = 0;
        for (int chunk = Math.max(kept.length / 2, 1); chunk > 0 && tries < SHRINK_TRIES; chunk /= 2) {
            for (int from = 0; from < kept.length && tries < SHRINK_TRIES; from += chunk) {
                boolean[] fewer = kept.clone();
                boolean any = false;
                for (int i = from; i < Math.min(from + chunk, kept.length); i++) {
                    any |= fewer[i];
                    fewer[i] = false;
                }
                if (!any) continue;
                tries++;
                List<String> shorter = new ArrayList<>();
                Difference still = play(maker, seed, fewer, shorter);
                if (still == null || !still.where.equals(difference.where)) continue;
                kept = fewer;
                transcript.clear();
                transcript.addAll(shorter);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Run run = new Run(new Broker(args[0]), new Broker(args[1]));
        long first = Long.parseLong(args[2]), sequences = Long.parseLong(args[3]);
        List<String> kinds = new ArrayList<>(List.of(args).subList(4, args.length));
        if (kinds.isEmpty()) kinds.addAll(KINDS.keySet());
        run.warmUp();
        run.printAdvertised();
        Replay replay = new Replay(run);
        Map<String, Long> spent = new LinkedHashMap<>();
        for (long seed = first; seed < first + sequences; seed++) {
            String kind = kinds.get((int) Math.floorMod(seed, (long) kinds.size()));
            long begin = System.nanoTime();
            replay.sequence(kind, seed);
            spent.merge(kind, System.nanoTime() - begin, Long::sum);
        }
        run.printCounts();
        spent.forEach((kind, nanos) -> System.out.printf("  %s: %.1f s%n", kind, nanos / 1e9));
        System.out.println("  UNKNOWN_SERVER_ERROR from Kafka ended sequences: " + replay.stumbles);
        System.out.printf("%d answers compared in %d sequences, seeds %d to %d; %d sequences differ%n", run.total(), sequences, first,
            first + sequences - 1, replay.failures.values().stream().mapToInt(Integer::intValue).sum());
        replay.failures.forEach((where, times) -> System.out.println("  " + times + " x " + where));
        System.exit(replay.failures.isEmpty() ? 0 : 1);
    }
}
