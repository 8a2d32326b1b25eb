// One sequence of requests, made step by step from a seed. Each step draws from its own random numbers, so that steps can
// be left out when a failing sequence is shrunk. Names start with a prefix that no other sequence has.

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;

abstract class Sequence implements AutoCloseable {
    final Run run;
    final long seed;
    final String prefix;
    final Names names = new Names();
    final List<String> transcript = new ArrayList<>();
    final List<Line> lines = new ArrayList<>();
    final Set<String> made = new TreeSet<>();  // topics
    final String clientId = "replay";
    Random random;
    boolean recompressed;  // by the brokers: each has its own compressors, and logs of its own size
    boolean unconvertible;  // for old consumers: there are records among the others that they can't read
    private Line main, aside;
    private int correlation = 0;

    Sequence(Run run, long seed, String prefix) {
        this.run = run;
        this.seed = seed;
        this.prefix = prefix;
        random = new Random(seed * 1_000_003);
    }

    // What the brokers answered isn't compared, and the sequence ends here.
    static final class Stumbled extends RuntimeException {
        Stumbled(String api) {
            super(api);
        }
    }

    abstract int steps();

    // What every sequence of this kind starts with.
    void begin() throws IOException {}

    abstract void step(int index) throws IOException;

    // What is compared when all steps are done.
    void end() throws IOException {}

    // Runs the steps that are kept.
    final void play(boolean[] kept) throws IOException {
        begin();
        for (int i = 0; i < steps(); i++) {
            random = new Random((seed * 1_000_003 + i + 1) * 0x9E3779B97F4A7C15L);
            if (kept == null || kept[i]) step(i);
        }
        random = new Random(seed);
        end();
    }

    static final String NOT_PUT_BACK = "not put back";

    // Undoes what all sequences would feel. Called when the steps are done, however they ended.
    void putBack() throws IOException {}

    // What it made goes, so that thousands of sequences leave the brokers as the first one found them.
    @Override
    public void close() {
        try {
            if (!made.isEmpty()) run.delete(made);
        } finally {
            lines.forEach(Line::close);
        }
    }

    // ---- Random choices

    boolean sometimes(int outOf) {
        return random.nextInt(outOf) == 0;
    }

    int upTo(int last) {
        return random.nextInt(last + 1);
    }

    @SafeVarargs
    final <T> T oneOf(T... choices) {
        return choices[random.nextInt(choices.length)];
    }

    // Any version that both brokers advertise, from `oldest` on.
    short version(ApiKeys api, int oldest) {
        int from = Math.max(oldest, run.oldest(api)), to = run.newest(api);
        return (short) (from + random.nextInt(to - from + 1));
    }

    short version(ApiKeys api) {
        return version(api, 0);
    }

    // ---- Requests

    Line newLine(String client) throws IOException {
        Line line = new Line(run, client);
        lines.add(line);
        return line;
    }

    Line main() throws IOException {
        if (main == null || main.isClosed()) main = newLine(clientId);
        return main;
    }

    // Goes on with a fresh connection.
    void abandon(Line line) {
        transcript.add("< both wait");
        line.close();
        if (line == main) main = null;
    }

    Request request(ApiKeys api, int version, ApiMessage body) {
        return request(api, version, body, "");
    }

    Request request(ApiKeys api, int version, ApiMessage body, String note) {
        return Request.of(api, version, body, clientId, ++correlation, note);
    }

    int nextCorrelation() {
        return ++correlation;
    }

    // Sends to both, compares the answers, and gives the first broker's; null when both closed the connection.
    ApiMessage ask(ApiKeys api, int version, ApiMessage body) throws IOException {
        return ask(main(), request(api, version, body));
    }

    ApiMessage ask(ApiKeys api, int version, ApiMessage body, String note) throws IOException {
        return ask(main(), request(api, version, body, note));
    }

    ApiMessage ask(Line line, Request request) {
        send(line, request);
        return receive(line);
    }

    void send(Line line, Request request) {
        transcript.add("> " + request);
        line.send(request, names);
    }

    ApiMessage receive(Line line) {
        Line.Pair pair = line.receive();
        return pair == null ? null : check(pair);
    }

    ApiMessage check(Line.Pair pair) {
        Request request = pair.request;
        String api = request.api == null ? "?" : request.api.name + " v" + request.version;
        run.counted(request);
        String a = Line.describe(pair.first), b = Line.describe(pair.second);
        if (!a.equals("answered") || !b.equals("answered")) {
            transcript.add("< " + a + (b.equals(a) ? "" : " / " + b + showAnswered(pair)));
            if (!a.equals(b)) throw new Difference((request.api == null ? request.text.replaceAll(":.*", "") : request.api.name) + " " + a + "/" + b, request.text + showAnswered(pair));
            return null;
        }
        if (request.api == null) throw new IllegalStateException("an answer to " + request);
        ApiMessage first = decode(request, pair.first, "Apache Kafka's"), second = decode(request, pair.second, "Barnabas's");
        JsonNode theirs = Answers.readable(request, first), ours = Answers.readable(request, second);
        if (Tolerance.kafkaStumbled(theirs) && Tolerance.refuses(request, ours)) throw new Stumbled(api);
        if (Tolerance.apart(request, theirs, ours)) throw new Stumbled(api);
        String[] found = Tolerance.compare(request, theirs, ours, names, prefix, !recompressed);
        transcript.add("< " + Answers.shorten(theirs.toString(), found == null ? 300 : 1500));
        if (found != null) {
            transcript.add("/ " + Answers.shorten(ours.toString(), 1500));
            throw new Difference(request.api.name + found[0], request.text + "\n    at " + found[0] + ": " + found[1]);
        }
        return first;
    }

    // Waits, for some seconds, until both say the same: what the answers before only promised.
    void settle(ApiKeys api, int version, ApiMessage body) throws IOException {
        for (int i = 0; i < 200; i++) {
            ApiMessage[] answers = peek(api, version, body);
            if (answers == null) return;
            JsonNode theirs = Answers.toJson(answers[0], (short) version), ours = Answers.toJson(answers[1], (short) version);
            if (Answers.compare(api, theirs, ours, names) == null) return;
            pause();
        }
    }

    static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    // Both answers, neither compared nor counted: for waiting until both have settled. On a connection of its own. Null when
    // both close it.
    ApiMessage[] peek(ApiKeys api, int version, ApiMessage body) throws IOException {
        if (aside == null || aside.isClosed()) aside = newLine(clientId);
        Request request = request(api, version, body);
        aside.send(request, names);
        Line.Pair pair = aside.receive();
        if (pair.first == Wire.CLOSED && pair.second == Wire.CLOSED) return null;
        if (pair.first == null || pair.second == null || pair.first == Wire.CLOSED || pair.second == Wire.CLOSED) {
            throw new Difference("no answer", request.text + ": " + Line.describe(pair.first) + "/" + Line.describe(pair.second));
        }
        return new ApiMessage[] {Answers.decode(request, pair.first), Answers.decode(request, pair.second)};
    }

    // Repeats the request until both answers pass or both brokers refuse to answer, for at most 20 seconds.
    void await(ApiKeys api, int version, ApiMessage body, java.util.function.Predicate<ApiMessage> passes) throws IOException {
        for (int i = 0; i < 1000; i++) {
            ApiMessage[] answers = peek(api, version, body);
            if (answers == null || passes.test(answers[0]) && passes.test(answers[1])) return;
            pause();
        }
    }

    private static String showAnswered(Line.Pair pair) {
        StringBuilder text = new StringBuilder();
        for (byte[] frame : new byte[][] {pair.first, pair.second}) {
            if (frame == null || frame == Wire.CLOSED || pair.request.api == null) continue;
            try {
                text.append(" ").append(Answers.shorten(Answers.readable(pair.request, Answers.decode(pair.request, frame)).toString(), 600));
            } catch (RuntimeException unreadable) {
                text.append(" unreadable ").append(Request.hex(frame));
            }
        }
        return text.toString();
    }

    private static ApiMessage decode(Request request, byte[] frame, String whose) {
        try {
            return Answers.decode(request, frame);
        } catch (RuntimeException unreadable) {
            throw new Difference(request.api.name + " unreadable", whose + " answer to " + request.text + " is unreadable: " + unreadable
                + "\n    " + Request.hex(frame));
        }
    }
}
