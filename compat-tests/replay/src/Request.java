// A request as it goes over the wire, with what is needed to read its answer and to show it to a person.

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.requests.RequestUtils;

final class Request {
    final ApiKeys api;  // null: no API that anybody knows
    final short version;
    final ApiMessage body;  // null for frames that were made by hand
    final byte[] frame;  // with its length, as the first broker gets it
    final int correlation;
    final String text;
    boolean mayWait;  // an answer may depend on what others send later
    boolean hasAnswer = true;
    // How long both may stay silent before that counts as the outcome.
    int quietMs = Line.QUIET_MS;

    private Request(ApiKeys api, short version, ApiMessage body, byte[] frame, int correlation, String text) {
        this.api = api;
        this.version = version;
        this.body = body;
        this.frame = frame;
        this.correlation = correlation;
        this.text = text;
    }

    static Request of(ApiKeys api, int version, ApiMessage body, String clientId, int correlation, String note) {
        short v = (short) version;
        byte[] frame = frame(serialize(api, v, v, body, clientId, correlation));
        String text = api.name + " v" + v + " " + Answers.shorten(describe(body, v), 1500) + (note.isEmpty() ? "" : " | " + note);
        return new Request(api, v, body, frame, correlation, text);
    }

    // Bytes that are nobody's request, or a changed one: read the answer (if any) as that API's at that version.
    static Request raw(ApiKeys api, int version, byte[] frame, int correlation, String text) {
        return new Request(api, (short) version, null, frame, correlation, text);
    }

    static byte[] serialize(ApiKeys api, short headerVersion, short bodyVersion, ApiMessage body, String clientId, int correlation) {
        RequestHeaderData header = new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(headerVersion)
            .setClientId(clientId).setCorrelationId(correlation);
        ByteBuffer bytes = RequestUtils.serialize(header, api.requestHeaderVersion(bodyVersion), body, bodyVersion);
        byte[] array = new byte[bytes.remaining()];
        bytes.get(array);
        return array;
    }

    static byte[] frame(byte[] content) {
        return ByteBuffer.allocate(4 + content.length).putInt(content.length).put(content).array();
    }

    // What goes to the second broker: the same bytes, but for the names that each broker gives on its own.
    byte[] frameFor(Names names, String clientId) {
        byte[] bytes = frame;
        if (body instanceof FetchRequestData && ((FetchRequestData) body).sessionId() > 0) {
            FetchRequestData fetch = (FetchRequestData) body;
            int theirs = fetch.sessionId();
            fetch.setSessionId(names.session(theirs));
            bytes = frame(serialize(api, version, version, body, clientId, correlation));
            fetch.setSessionId(theirs);
        }
        return names.translate(bytes);
    }

    Request waiting() {
        mayWait = true;
        return this;
    }

    Request silent() {
        hasAnswer = false;
        return this;
    }

    private static String describe(ApiMessage body, short version) {
        try {
            JsonNode json = Answers.toJson(body, version);
            return json.toString();
        } catch (RuntimeException notInThisVersion) {
            return body.toString();
        }
    }

    @Override
    public String toString() {
        return text;
    }

    static String hex(byte[] bytes) {
        StringBuilder hex = new StringBuilder();
        for (byte b : Arrays.copyOf(bytes, Math.min(bytes.length, 200))) hex.append(String.format("%02x", b));
        return bytes.length > 200 ? hex + "… (" + bytes.length + " bytes)" : hex.toString();
    }
}
