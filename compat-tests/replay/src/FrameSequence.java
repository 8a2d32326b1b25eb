// What isn't a request at all, or not quite: unknown APIs and versions, bodies that end early or late, lengths that can't
// be, headers of the wrong form, and several requests in one write.

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.message.ApiVersionsRequestData;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.ListOffsetsRequestData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;

final class FrameSequence extends Sequence {
    // The largest request that both take.
    private static final int MAX_REQUEST_BYTES = 104_857_600;

    FrameSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 8;
    }

    @Override
    void step(int index) throws IOException {
        switch (random.nextInt(9)) {
            case 0: apiVersions(); break;
            case 1: unknownApi(); break;
            case 2: unknownVersion(); break;
            case 3: truncated(); break;
            case 4: trailing(); break;
            case 5: badLength(); break;
            case 6: flipped(); break;
            case 7: header(); break;
            default: pipelined();
        }
    }

    private void apiVersions() throws IOException {
        ApiVersionsRequestData body = new ApiVersionsRequestData();
        short version = version(ApiKeys.API_VERSIONS);
        if (version >= 3) {
            body.setClientSoftwareName(oneOf("replay", "", "bad name!", "-x", "x.y-1")).setClientSoftwareVersion(oneOf("1.0", "", "1 0", "v1-beta"));
        }
        ask(ApiKeys.API_VERSIONS, version, body);
    }

    private ApiMessage harmless(ApiKeys api) {
        switch (api) {
            case METADATA: return new MetadataRequestData().setTopics(new ArrayList<>(List.of(new MetadataRequestData.MetadataRequestTopic().setName(prefix + "t"))))
                .setAllowAutoTopicCreation(false);
            case LIST_GROUPS: return new ListGroupsRequestData();
            case HEARTBEAT: return new HeartbeatRequestData().setGroupId(prefix + "g").setMemberId("m").setGenerationId(1);
            case FIND_COORDINATOR: return new FindCoordinatorRequestData();
            default: return new ApiVersionsRequestData().setClientSoftwareName("replay").setClientSoftwareVersion("1");
        }
    }

    private static final ApiKeys[] APIS = {ApiKeys.METADATA, ApiKeys.LIST_GROUPS, ApiKeys.HEARTBEAT, ApiKeys.API_VERSIONS};

    private byte[] content(ApiKeys api, short version, int correlation) {
        ApiMessage body = harmless(api);
        if (api == ApiKeys.METADATA && version < 4) ((MetadataRequestData) body).setAllowAutoTopicCreation(true);
        return Request.serialize(api, version, version, body, clientId, correlation);
    }

    private short old(ApiKeys api) {
        return api == ApiKeys.METADATA ? version(api, 4) : version(api);
    }

    private void sendRaw(ApiKeys api, int version, byte[] content, int correlation, String text) throws IOException {
        sendFrame(api, version, Request.frame(content), correlation, text);
    }

    private void sendFrame(ApiKeys api, int version, byte[] frame, int correlation, String text) throws IOException {
        Request request = Request.raw(api, version, frame, correlation, text + ": " + Request.hex(frame));
        request.quietMs = 1000;
        Line line = main();
        ask(line, request.waiting());
        if (line.isWaiting()) abandon(line);  // both wait for more
    }

    private void unknownApi() throws IOException {
        int correlation = nextCorrelation();
        short key = (short) oneOf(93, 1000, 32767, -1, 52, 63, 64).intValue();
        byte[] content = ByteBuffer.allocate(64).putShort(key).putShort((short) random.nextInt(2)).putInt(correlation).putShort((short) -1).array();
        sendRaw(null, 0, content, correlation, "unknown API " + key);
    }

    private void unknownVersion() throws IOException {
        int correlation = nextCorrelation();
        ApiKeys api = oneOf(APIS);
        short version = (short) oneOf(-1, 50, 100, 32767, -32768).intValue();
        byte[] content = Request.serialize(api, version, api.latestVersion(), harmless(api), clientId, correlation);
        sendRaw(api == ApiKeys.API_VERSIONS ? api : null, version < 0 ? 99 : version, content, correlation, "unknown version " + version + " of " + api.name);
    }

    private void truncated() throws IOException {
        int correlation = nextCorrelation();
        ApiKeys api = oneOf(APIS);
        short version = old(api);
        byte[] whole = content(api, version, correlation);
        int left = random.nextInt(whole.length);
        sendRaw(api, version, Arrays.copyOf(whole, left), correlation, api.name + " v" + version + " cut off at " + left + " of " + whole.length);
    }

    private void trailing() throws IOException {
        int correlation = nextCorrelation();
        ApiKeys api = oneOf(APIS);
        short version = old(api);
        byte[] whole = content(api, version, correlation);
        sendRaw(api, version, Arrays.copyOf(whole, whole.length + oneOf(1, 4, 100)), correlation, api.name + " v" + version + " with bytes behind it");
    }

    private void badLength() throws IOException {
        int length = oneOf(0, -1, Integer.MIN_VALUE, MAX_REQUEST_BYTES + 1, Integer.MAX_VALUE, 1, 7);
        byte[] frame = ByteBuffer.allocate(4 + Math.min(Math.max(length, 0), 7)).putInt(length).array();
        sendFrame(null, 0, frame, 0, "length " + length);
    }

    private void flipped() throws IOException {
        int correlation = nextCorrelation();
        ApiKeys api = oneOf(ApiKeys.LIST_GROUPS, ApiKeys.HEARTBEAT, ApiKeys.API_VERSIONS);
        short version = old(api);
        byte[] whole = content(api, version, correlation);
        // Not the header's start: that would be another request.
        int at = 8 + random.nextInt(whole.length - 8);
        whole[at] ^= 1 << random.nextInt(8);
        sendRaw(api, version, whole, correlation, api.name + " v" + version + " with a flipped bit at " + at);
    }

    private void header() throws IOException {
        int correlation = nextCorrelation();
        ApiKeys api = ApiKeys.LIST_GROUPS;
        short version = (short) random.nextInt(5);
        ByteBuffer content = ByteBuffer.allocate(40).putShort(api.id).putShort(version).putInt(correlation);
        String what = oneOf("null client", "negative client", "long client", "tagged", "empty client");
        switch (what) {
            case "null client": content.putShort((short) -1); break;
            case "negative client": content.putShort((short) -5); break;
            case "long client": content.putShort((short) 3000).put((byte) 1); break;
            case "empty client": content.putShort((short) 0); break;
            default: content.putShort((short) -1).put(new byte[] {1, 9, 2, 7, 7});
        }
        if (version >= 3 && !what.equals("tagged")) content.put((byte) 0);
        if (version >= 4) content.put((byte) 1);
        if (version >= 3) content.put((byte) 0);
        sendRaw(api, version, Arrays.copyOf(content.array(), content.position()), correlation, api.name + " v" + version + " header with " + what);
    }

    private void pipelined() throws IOException {
        List<Request> all = new ArrayList<>();
        for (int i = 0, n = 2 + random.nextInt(6); i < n; i++) {
            ApiKeys api = oneOf(APIS);
            short version = old(api);
            all.add(request(api, version, harmless(api)));
        }
        all.forEach(request -> transcript.add(">> " + request));
        Line line = main();
        line.sendTogether(all, names);
        for (int i = 0; i < all.size(); i++) receive(line);
    }
}
