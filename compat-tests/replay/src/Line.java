// A connection to each of the two brokers, over which the same bytes go. What comes back is handed out in pairs.

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayDeque;

final class Line implements Closeable {
    static final int QUIET_MS = 250;  // if neither answers for so long, both wait for something
    static final int ANSWER_MS = 20_000;  // if one has answered, or must answer

    // Frames of the first and of the second broker: Wire.CLOSED, or null when it stays silent.
    static final class Pair {
        final Request request;
        final byte[] first, second;

        Pair(Request request, byte[] first, byte[] second) {
            this.request = request;
            this.first = first;
            this.second = second;
        }
    }

    private final Wire first, second;
    private final String clientId;
    private final ArrayDeque<Request> unanswered = new ArrayDeque<>();

    Line(Run run, String clientId) throws IOException {
        this.clientId = clientId;
        first = new Wire(run.first);
        second = new Wire(run.second);
    }

    void send(Request request, Names names) {
        first.send(request.frame);
        second.send(request.frameFor(names, clientId));
        if (request.hasAnswer) unanswered.add(request);
    }

    // Several requests in one write.
    void sendTogether(java.util.List<Request> requests, Names names) {
        java.io.ByteArrayOutputStream one = new java.io.ByteArrayOutputStream(), two = new java.io.ByteArrayOutputStream();
        for (Request request : requests) {
            one.writeBytes(request.frame);
            two.writeBytes(request.frameFor(names, clientId));
            if (request.hasAnswer) unanswered.add(request);
        }
        first.send(one.toByteArray());
        second.send(two.toByteArray());
    }

    void finishSending() {
        first.finishSending();
        second.finishSending();
    }

    boolean isWaiting() {
        return !unanswered.isEmpty();
    }

    Request oldest() {
        return unanswered.peek();
    }

    boolean isClosed() {
        return first.isClosed() || second.isClosed();
    }

    // The answers to the oldest request without one; null when both still wait.
    Pair receive() {
        Request request = unanswered.peek();
        int patience = request.mayWait ? request.quietMs : ANSWER_MS;
        byte[] a = first.receive(patience);
        byte[] b = second.receive(a == null && request.mayWait ? 1 : ANSWER_MS);
        if (a == null && b != null) a = first.receive(ANSWER_MS);
        if (a == null && b == null && request.mayWait) return null;
        unanswered.poll();
        return new Pair(request, a, b);
    }

    // For what has no answer: whether the brokers went on or closed. Both must do the same.
    String closedAfter(int millis) {
        byte[] a = first.receive(millis), b = second.receive(a == Wire.CLOSED ? ANSWER_MS : millis);
        if (b == Wire.CLOSED && a == null) a = first.receive(ANSWER_MS);
        return describe(a) + "/" + describe(b);
    }

    static String describe(byte[] frame) {
        return frame == null ? "silent" : frame == Wire.CLOSED ? "closed" : "answered";
    }

    @Override
    public void close() {
        first.close();
        second.close();
    }
}
