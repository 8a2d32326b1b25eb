// Sends random sequences of requests, right, odd and wrong ones, byte for byte to two brokers, and compares the answers
// field by field. The same seed makes the same sequences.
//
//   Replay FIRST_HOST:PORT SECOND_HOST:PORT SEED SEQUENCES [KIND…]
//
// Several sequences (JOBS=…) run at a time; none touches what another one uses. One whose answers differ is played once
// more when the others are done, alone and with more patience; if it differs again it is shrunk (steps are left out as
// long as it still fails the same way) and printed. SHRINK=0 leaves that out; SHOW=1 prints every sequence, ONCE=1 those that differed only then.

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

public final class Replay {
    interface Maker {
        Sequence make(Run run, long seed, String prefix);
    }

    // One sequence, which may be played several times.
    private static final class Case {
        final String kind;
        final long seed;
        int attempts = 0;
        String where;  // it differed first
        List<String> transcript;

        Case(String kind, long seed) {
            this.kind = kind;
            this.seed = seed;
        }
    }

    private static final int SHRINK_TRIES = 25, SELDOM = 5;
    // Sequences that are played again at most: when more differ, something is wrong at large.
    private static final int AGAIN = 60;
    // With fewer sequences nobody expects every API (or every version of it) among them.
    private static final int EVERY_API = 150, EVERY_VERSION = 1000;
    private static final int SHOWN = Integer.parseInt(System.getenv().getOrDefault("SHOWN", "10"));
    private static final int JOBS = Integer.parseInt(System.getenv().getOrDefault("JOBS", "10"));

    // Tells the names of this run from those of an earlier one against the same broker.
    private static final String TAG = System.getenv().getOrDefault("TAG", "");

    private static final Map<String, Maker> KINDS = new LinkedHashMap<>();
    // Kinds that change what all sequences see: played one by one, after the others.
    private static final Map<String, Maker> ALONE = new LinkedHashMap<>();

    // Whenever a topic goes, empty groups without offsets go with it, each broker's at its own time: while these are played
    // none goes.
    private static final List<String> GROUPS = List.of("groups", "misc");

    static {
        KINDS.put("topics", TopicSequence::new);
        KINDS.put("records", RecordSequence::new);
        KINDS.put("fetches", FetchSequence::new);
        KINDS.put("frames", FrameSequence::new);
        KINDS.put("configs", ConfigSequence::new);
        KINDS.put("misc", MiscSequence::new);
        KINDS.put("cluster", ClusterSequence::new);
        KINDS.put("security", SecuritySequence::new);
        KINDS.put("groups", GroupSequence::new);
        ALONE.put("dynamic", DynamicSequence::new);
    }

    private final Run run;
    private final Map<String, Integer> failures = new LinkedHashMap<>();
    private final List<String> once = new ArrayList<>();
    private final Map<String, Integer> stumbles = Collections.synchronizedMap(new TreeMap<>());
    private final Map<String, Long> spent = Collections.synchronizedMap(new LinkedHashMap<>());
    private final List<Case> suspects = Collections.synchronizedList(new ArrayList<>());

    private Replay(Run run) {
        this.run = run;
    }

    private static Maker maker(String kind) {
        return KINDS.getOrDefault(kind, ALONE.get(kind));
    }

    // What differs, or null.
    private Difference play(Case one, boolean[] kept, List<String> transcript) throws IOException {
        String prefix = "r" + TAG + one.seed + (one.attempts == 0 ? "-" : "-" + one.attempts + "-");
        one.attempts++;
        try (Sequence sequence = maker(one.kind).make(run, one.seed, prefix)) {
            try {
                try {
                    sequence.play(kept);
                } finally {
                    sequence.putBack();
                }
                return null;
            } catch (Sequence.Stumbled stumbled) {
                stumbles.merge(stumbled.getMessage().replaceAll(" v.*", ""), 1, Integer::sum);
                return null;
            } catch (Difference difference) {
                return difference;
            } catch (RuntimeException wrong) {
                System.out.println("The replay itself failed, " + one.kind + " seed " + one.seed + ":");
                sequence.transcript.forEach(System.out::println);
                throw wrong;
            } finally {
                transcript.clear();
                transcript.addAll(sequence.transcript);
            }
        }
    }

    private int steps(Case one) {
        try (Sequence sequence = maker(one.kind).make(run, one.seed, "")) {
            return sequence.steps();
        }
    }

    private void first(Case one) throws IOException {
        long begin = System.nanoTime();
        List<String> transcript = new ArrayList<>();
        Difference difference = play(one, null, transcript);
        if (difference != null) {
            one.transcript = transcript;
            one.where = difference.where + " " + Answers.shorten(difference.getMessage().replaceFirst("(?s).*\n", ""), 200);
            suspects.add(one);
        }
        spent.merge(one.kind, System.nanoTime() - begin, Long::sum);
        if (System.getenv("SHOW") == null) return;
        synchronized (this) {
            System.out.println("== " + one.kind + " seed " + one.seed);
            transcript.forEach(System.out::println);
        }
    }

    // Whether it still differs when nothing else goes on.
    private void again(Case one) throws IOException {
        List<String> transcript = new ArrayList<>();
        Difference difference = play(one, null, transcript);
        if (one.where.startsWith(Sequence.NOT_PUT_BACK)) {
            // What others felt of it is not undone by a second time that went well.
            failures.merge(Sequence.NOT_PUT_BACK, 1, Integer::sum);
            System.out.println("DIFFERENT " + one.kind + " seed " + one.seed + ": " + one.where);
            return;
        }
        if (difference == null) {
            once.add(one.kind + " seed " + one.seed + ": " + one.where);
            if (System.getenv("ONCE") != null) one.transcript.forEach(line -> System.out.println("      " + line));
            return;
        }
        boolean isNew = failures.merge(difference.where, 1, Integer::sum) == 1;
        System.out.println("DIFFERENT " + one.kind + " seed " + one.seed + ": " + difference.where);
        if (!isNew || failures.size() > SHOWN) return;
        String text = difference.getMessage();
        if (!difference.where.contains("silent") && !"0".equals(System.getenv("SHRINK"))) shrink(one, difference, transcript);
        System.out.println("    " + text);
        transcript.forEach(line -> System.out.println("      " + line));
        System.out.flush();
    }

    // Leaves out what isn't needed to fail in the same place; `transcript` becomes that of the smallest.
    private void shrink(Case one, Difference difference, List<String> transcript) throws IOException {
        boolean[] kept = new boolean[steps(one)];
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
                Difference still = play(one, fewer, shorter);
                if (still == null || !still.where.equals(difference.where)) continue;
                kept = fewer;
                transcript.clear();
                transcript.addAll(shorter);
            }
        }
    }

    private void playTogether(List<Case> cases) throws InterruptedException {
        AtomicInteger next = new AtomicInteger();
        ExecutorService workers = Executors.newFixedThreadPool(JOBS);
        for (int i = 0; i < JOBS; i++) {
            workers.submit(() -> {
                try {
                    for (int index; (index = next.getAndIncrement()) < cases.size();) first(cases.get(index));
                } catch (Throwable wrong) {
                    wrong.printStackTrace(System.out);
                    System.out.flush();
                    Runtime.getRuntime().halt(2);
                }
            });
        }
        workers.shutdown();
        workers.awaitTermination(1, TimeUnit.DAYS);
    }

    // Whether the run is as it should be.
    private boolean play(List<String> kinds, long firstSeed, long sequences) throws Exception {
        List<Case> groups = new ArrayList<>(), together = new ArrayList<>(), alone = new ArrayList<>();
        for (long seed = firstSeed; seed < firstSeed + sequences; seed++) {
            String kind = kinds.get((int) Math.floorMod(seed, (long) kinds.size()));
            // What runs alone takes its time.
            if (ALONE.containsKey(kind) && kinds.size() > 1 && Math.floorMod(Math.floorDiv(seed, (long) kinds.size()), SELDOM) != 0) kind = "records";
            (GROUPS.contains(kind) ? groups : KINDS.containsKey(kind) ? together : alone).add(new Case(kind, seed));
        }
        long begin = System.nanoTime();
        run.keepTopics();
        playTogether(groups);
        run.deleteKept();
        playTogether(together);
        for (Case one : alone) first(one);
        run.quietMs = Run.PATIENT_MS;
        suspects.sort((a, b) -> Long.compare(a.seed, b.seed));
        for (Case one : suspects.subList(0, Math.min(suspects.size(), AGAIN))) again(one);

        boolean all = kinds.size() == KINDS.size() + ALONE.size();
        boolean whole = run.printCounts(all && sequences >= EVERY_API, all && sequences >= EVERY_VERSION);
        spent.forEach((kind, nanos) -> System.out.printf("  %s: %.1f s%n", kind, nanos / 1e9));
        System.out.println("  sequences that ended early, because Kafka stumbled: " + stumbles);
        once.forEach(what -> System.out.println("  differed once, not when played again alone: " + what));
        System.out.printf("%d answers compared in %d sequences, seeds %d to %d, in %d s; %d sequences differ%n", run.total(), sequences, firstSeed,
            firstSeed + sequences - 1, (System.nanoTime() - begin) / 1_000_000_000, suspects.size() - once.size());
        failures.forEach((where, times) -> System.out.println("  " + times + " x " + where));
        // On a busy machine members of groups are slower than the silence that counts as waiting, now and then.
        boolean steady = once.size() <= Math.max(3, sequences / 50);
        if (!steady) System.out.println("  too many sequences differed when played beside others");
        return whole && steady && suspects.size() == once.size();
    }

    public static void main(String[] args) throws Exception {
        Run run = new Run(new Broker(args[0]), new Broker(args[1]));
        List<String> kinds = new ArrayList<>(List.of(args).subList(4, args.length));
        if (kinds.isEmpty()) {
            kinds.addAll(KINDS.keySet());
            kinds.addAll(ALONE.keySet());
        }
        run.warmUp();
        run.printAdvertised();
        boolean fine = new Replay(run).play(kinds, Long.parseLong(args[2]), Long.parseLong(args[3]));
        System.exit(fine ? 0 : 1);
    }
}
