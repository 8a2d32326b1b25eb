// Sends random sequences of group requests, right and wrong ones, at random versions, and prints every answer with what
// may differ (member ids, addresses) replaced. Two brokers that print the same for the same seed behave the same.
//
//   GroupReplay HOST:PORT FIRST_SEED SEQUENCES STEPS
//
// Sequences are built so that Kafka itself is deterministic: two members at most (with more, the successor of a leader
// is whoever comes first in a hash table), no timeouts within a sequence, no two waiting calls of one member.

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.requests.RequestUtils;

public class GroupReplay {
    static final int QUIET_MS = 300;  // whoever answers later than this counts as waiting
    static final int ANSWER_MS = 20_000;

    static String host;
    static int port;

    // One connection: requests go out one at a time, as Kafka's clients and its muted channels have it.
    static class Connection {
        final Socket socket = new Socket(host, port);
        final DataInputStream in = new DataInputStream(socket.getInputStream());
        final OutputStream out = socket.getOutputStream();
        final String clientId;
        int correlation = 0;
        ApiKeys waitingFor = null;
        short version;
        String label;
        Member member;

        Connection(String clientId) throws IOException {
            this.clientId = clientId;
            socket.setTcpNoDelay(true);
        }

        void send(ApiKeys key, short version, ApiMessage body, String label) throws IOException {
            RequestHeaderData header = new RequestHeaderData().setRequestApiKey(key.id).setRequestApiVersion(version)
                .setClientId(clientId).setCorrelationId(++correlation);
            ByteBuffer bytes = RequestUtils.serialize(header, key.requestHeaderVersion(version), body, version);
            ByteBuffer frame = ByteBuffer.allocate(4 + bytes.remaining());
            frame.putInt(bytes.remaining()).put(bytes);
            out.write(frame.array());
            out.flush();
            waitingFor = key;
            this.version = version;
            this.label = label;
        }

        // The answer, or null when none comes in time.
        ApiMessage receive(int millis) throws IOException {
            socket.setSoTimeout(Math.max(millis, 1));
            int size;
            try {
                size = in.readInt();
            } catch (SocketTimeoutException late) {
                return null;
            }
            socket.setSoTimeout(10_000);
            byte[] bytes = new byte[size];
            in.readFully(bytes);
            ByteBufferAccessor accessor = new ByteBufferAccessor(ByteBuffer.wrap(bytes));
            new ResponseHeaderData(accessor, waitingFor.responseHeaderVersion(version));
            ApiMessage response = waitingFor.messageType.newResponse();
            response.read(accessor, version);
            return response;
        }
    }

    // A client that may be a member.
    static class Member {
        String name;
        String instance;
        String id = "";
        int generation = -1;
        boolean leads;
        List<String> others = new ArrayList<>();
        Connection joins;  // for requests that may wait
        Connection rest;
    }

    final Random random;
    final String group;
    final Member[] members = {new Member(), new Member()};
    final Map<String, String> masks = new LinkedHashMap<>();
    final StringBuilder report = new StringBuilder();
    int step = 0;

    GroupReplay(long seed) throws IOException {
        random = new Random(seed);
        group = "replay-" + seed;
        for (int i = 0; i < members.length; i++) {
            members[i].name = "c" + i;
            members[i].joins = new Connection("c" + i);
            members[i].rest = new Connection("c" + i);
            members[i].joins.member = members[i];
            members[i].rest.member = members[i];
            if (random.nextInt(3) == 0) members[i].instance = "instance" + i;
        }
    }

    short version(ApiKeys key, int from, int to) {
        return (short) (from + random.nextInt(to - from + 1));
    }

    boolean sometimes(int outOf) {
        return random.nextInt(outOf) == 0;
    }

    // ---- Requests

    void join(Member member) throws IOException {
        if (member.joins.waitingFor != null) return;
        boolean isStatic = member.instance != null;
        short version = version(ApiKeys.JOIN_GROUP, isStatic ? 5 : 0, 9);
        JoinGroupRequestData request = new JoinGroupRequestData().setGroupId(sometimes(40) ? "" : group)
            .setSessionTimeoutMs(sometimes(25) ? 1000 : 60_000).setMemberId(sometimes(15) ? "bogus" : member.id)
            .setProtocolType(sometimes(25) ? "connect" : sometimes(40) ? "" : "consumer");
        if (isStatic) {
            request.setGroupInstanceId(member.instance);
            if (sometimes(5)) request.setMemberId("");  // it restarts
        }
        if (version >= 1) request.setRebalanceTimeoutMs(60_000);
        // Kafka's coordinator gets stuck for good on metadata that is no subscription, so these are real ones.
        String metadata = sometimes(4) ? List.of("other", "replayed", "third").get(random.nextInt(3)) : "replayed";
        if (!sometimes(12)) request.protocols().add(protocol("range", metadata));
        if (sometimes(3)) request.protocols().add(protocol("sticky", metadata));
        send(member.joins, ApiKeys.JOIN_GROUP, version, request);
    }

    static JoinGroupRequestData.JoinGroupRequestProtocol protocol(String name, String topic) {
        ByteBuffer metadata = ConsumerProtocol.serializeSubscription(new Subscription(List.of(topic)));
        byte[] bytes = new byte[metadata.remaining()];
        metadata.get(bytes);
        return new JoinGroupRequestData.JoinGroupRequestProtocol().setName(name).setMetadata(bytes);
    }

    void sync(Member member) throws IOException {
        if (member.joins.waitingFor != null) return;
        short version = version(ApiKeys.SYNC_GROUP, member.instance != null ? 3 : 0, 5);
        SyncGroupRequestData request = new SyncGroupRequestData().setGroupId(group).setMemberId(memberId(member))
            .setGenerationId(generation(member));
        if (version >= 3 && !sometimes(8)) request.setGroupInstanceId(member.instance);
        if (version >= 5 && !sometimes(12)) {
            request.setProtocolType(sometimes(15) ? "connect" : "consumer")
                .setProtocolName(sometimes(15) ? "sticky" : "range");
        }
        if (member.leads) {
            for (String id : member.others) {
                if (sometimes(8)) continue;
                request.assignments().add(new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId(id)
                    .setAssignment(("for " + mask(id)).getBytes()));
            }
        }
        send(member.joins, ApiKeys.SYNC_GROUP, version, request);
    }

    void heartbeat(Member member) throws IOException {
        short version = version(ApiKeys.HEARTBEAT, 0, 4);
        HeartbeatRequestData request = new HeartbeatRequestData().setGroupId(sometimes(40) ? "" : group)
            .setMemberId(memberId(member)).setGenerationId(generation(member));
        if (version >= 3 && !sometimes(6)) request.setGroupInstanceId(instance(member));
        send(member.rest, ApiKeys.HEARTBEAT, version, request);
    }

    void leave(Member member) throws IOException {
        // Kafka never answers the SyncGroup of a member that is removed while it waits; we do.
        for (Member other : members) {
            if (other.joins.waitingFor == ApiKeys.SYNC_GROUP) return;
        }
        short version = version(ApiKeys.LEAVE_GROUP, 0, 5);
        LeaveGroupRequestData request = new LeaveGroupRequestData().setGroupId(group);
        if (version < 3) {
            request.setMemberId(memberId(member));
        } else {
            LeaveGroupRequestData.MemberIdentity identity = new LeaveGroupRequestData.MemberIdentity()
                .setMemberId(member.instance != null && sometimes(2) ? "" : memberId(member));
            if (!sometimes(6)) identity.setGroupInstanceId(instance(member));
            request.members().add(identity);
            if (sometimes(5)) {
                request.members().add(new LeaveGroupRequestData.MemberIdentity().setMemberId("bogus"));
            }
        }
        send(member.rest, ApiKeys.LEAVE_GROUP, version, request);
        if (sometimes(3)) member.id = "";
    }

    void commit(Member member) throws IOException {
        short version = version(ApiKeys.OFFSET_COMMIT, 0, 9);
        OffsetCommitRequestData request = new OffsetCommitRequestData().setGroupId(group);
        if (version >= 1 && !sometimes(6)) {
            request.setMemberId(memberId(member)).setGenerationIdOrMemberEpoch(generation(member));
        }
        if (version >= 7 && !sometimes(6)) request.setGroupInstanceId(instance(member));
        if (version >= 2 && version <= 4 && sometimes(2)) request.setRetentionTimeMs(3_600_000);
        for (String topic : sometimes(4) ? List.of("replayed", "missing") : List.of("replayed")) {
            OffsetCommitRequestData.OffsetCommitRequestTopic wanted =
                new OffsetCommitRequestData.OffsetCommitRequestTopic().setName(topic);
            for (int partition = 0; partition < 1 + random.nextInt(3); partition++) {
                String metadata = sometimes(8) ? null : sometimes(8) ? "x".repeat(4096 + random.nextInt(2)) : "note";
                OffsetCommitRequestData.OffsetCommitRequestPartition one =
                    new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(partition)
                        .setCommittedOffset(random.nextInt(1000)).setCommittedMetadata(metadata);
                if (version >= 6) one.setCommittedLeaderEpoch(random.nextInt(3) - 1);
                wanted.partitions().add(one);
            }
            request.topics().add(wanted);
        }
        send(member.rest, ApiKeys.OFFSET_COMMIT, version, request);
    }

    void fetch(Member member) throws IOException {
        short version = version(ApiKeys.OFFSET_FETCH, 0, 9);
        OffsetFetchRequestData request = new OffsetFetchRequestData();
        boolean all = version >= 2 && sometimes(3);
        if (version >= 7) request.setRequireStable(sometimes(2));
        if (version < 8) {
            request.setGroupId(group);
            List<OffsetFetchRequestData.OffsetFetchRequestTopic> topics = new ArrayList<>();
            for (String topic : List.of("replayed", "missing")) {
                topics.add(new OffsetFetchRequestData.OffsetFetchRequestTopic().setName(topic)
                    .setPartitionIndexes(List.of(0, 1, 2)));
            }
            request.setTopics(all ? null : topics);
        } else {
            for (String wanted : List.of(group, "nobody")) {
                List<OffsetFetchRequestData.OffsetFetchRequestTopics> topics = new ArrayList<>();
                topics.add(new OffsetFetchRequestData.OffsetFetchRequestTopics().setName("replayed")
                    .setPartitionIndexes(List.of(0, 1, 2)));
                request.groups().add(new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId(wanted)
                    .setTopics(all ? null : topics));
            }
        }
        send(member.rest, ApiKeys.OFFSET_FETCH, version, request);
    }

    void deleteOffsets(Member member) throws IOException {
        OffsetDeleteRequestData request = new OffsetDeleteRequestData().setGroupId(sometimes(20) ? "" : group);
        OffsetDeleteRequestData.OffsetDeleteRequestTopic topic =
            new OffsetDeleteRequestData.OffsetDeleteRequestTopic().setName("replayed");
        for (int partition : new int[] {0, 2}) {
            topic.partitions()
                .add(new OffsetDeleteRequestData.OffsetDeleteRequestPartition().setPartitionIndex(partition));
        }
        request.topics().add(topic);
        send(member.rest, ApiKeys.OFFSET_DELETE, (short) 0, request);
    }

    void administer(Member member) throws IOException {
        switch (random.nextInt(4)) {
            case 0: {
                short version = version(ApiKeys.DESCRIBE_GROUPS, 0, 5);
                DescribeGroupsRequestData request = new DescribeGroupsRequestData().setGroups(List.of(group, "nobody"));
                if (version >= 3) request.setIncludeAuthorizedOperations(sometimes(2));
                send(member.rest, ApiKeys.DESCRIBE_GROUPS, version, request);
                break;
            }
            case 1: {
                short version = version(ApiKeys.LIST_GROUPS, 0, 5);
                ListGroupsRequestData request = new ListGroupsRequestData();
                if (version >= 4 && sometimes(2)) request.setStatesFilter(List.of("stable", "Empty"));
                if (version >= 5 && sometimes(3)) request.setTypesFilter(List.of(sometimes(2) ? "Classic" : "consumer"));
                send(member.rest, ApiKeys.LIST_GROUPS, version, request);
                break;
            }
            case 2: {
                short version = version(ApiKeys.DELETE_GROUPS, 0, 2);
                DeleteGroupsRequestData request =
                    new DeleteGroupsRequestData().setGroupsNames(List.of(group, "nobody", group));
                send(member.rest, ApiKeys.DELETE_GROUPS, version, request);
                break;
            }
            default: {
                short version = version(ApiKeys.FIND_COORDINATOR, 0, 4);
                FindCoordinatorRequestData request = new FindCoordinatorRequestData();
                if (version < 4) request.setKey(group);
                if (version >= 4) request.setCoordinatorKeys(List.of(group, "nobody", ""));
                if (version >= 1) request.setKeyType((byte) 0);
                send(member.rest, ApiKeys.FIND_COORDINATOR, version, request);
            }
        }
    }

    String memberId(Member member) {
        return sometimes(12) ? "bogus" : sometimes(20) ? "" : member.id;
    }

    String instance(Member member) {
        return sometimes(15) ? "instance0" : member.instance;
    }

    int generation(Member member) {
        return sometimes(10) ? member.generation + 1 - random.nextInt(3) : member.generation;
    }

    // ---- Answers

    void send(Connection connection, ApiKeys key, short version, ApiMessage body) throws IOException {
        String label = "#" + step + " " + connection.clientId + " " + key.name + " v" + version;
        connection.send(key, version, body, label);
        if (System.getenv("SHOW_REQUESTS") != null) report.append(label + " " + text(body, version)).append('\n');
    }

    // Everything that answers now. Whoever stays silent for a moment waits for the others.
    void settle() throws IOException {
        boolean progress = true;
        while (progress) {
            progress = false;
            TreeMap<String, String> answers = new TreeMap<>();
            for (Member member : members) {
                for (Connection connection : List.of(member.joins, member.rest)) {
                    if (connection.waitingFor == null) continue;
                    // Only these two may wait for other members.
                    boolean mayWait = connection.waitingFor == ApiKeys.JOIN_GROUP || connection.waitingFor == ApiKeys.SYNC_GROUP;
                    ApiMessage answer = connection.receive(mayWait ? QUIET_MS : ANSWER_MS);
                    if (answer == null && !mayWait) throw new IOException(connection.label + " has no answer");
                    if (answer == null) continue;
                    progress = true;
                    note(connection, answer);
                    answers.put(connection.label, text(answer, connection.version));
                    connection.waitingFor = null;
                }
            }
            for (Map.Entry<String, String> answer : answers.entrySet()) {
                report.append(answer.getKey()).append(" -> ").append(answer.getValue()).append('\n');
            }
        }
        for (Member member : members) {
            if (member.joins.waitingFor != null) report.append("   ").append(member.joins.label).append(" waits\n");
        }
    }

    // What a client remembers.
    void note(Connection connection, ApiMessage answer) {
        Member member = connection.member;
        if (!(answer instanceof JoinGroupResponseData)) return;
        JoinGroupResponseData joined = (JoinGroupResponseData) answer;
        short memberIdRequired = 79;
        if (joined.errorCode() == 0 || joined.errorCode() == memberIdRequired) member.id = joined.memberId();
        if (joined.errorCode() != 0) return;
        member.generation = joined.generationId();
        member.leads = joined.leader().equals(joined.memberId()) && !joined.skipAssignment();
        member.others.clear();
        joined.members().sort((a, b) -> withoutUuid(a.memberId()).compareTo(withoutUuid(b.memberId())));
        joined.members().forEach(other -> member.others.add(other.memberId()));
    }

    // What members are ordered by: Kafka lists them in the order of a hash table.
    static String withoutUuid(String id) {
        return UUID.matcher(id).replaceAll("");
    }

    static final Pattern UUID =
        Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");

    String mask(String text) {
        Matcher matcher = UUID.matcher(text);
        StringBuilder masked = new StringBuilder();
        while (matcher.find()) {
            matcher.appendReplacement(masked, masks.computeIfAbsent(matcher.group(), id -> "ID" + masks.size()));
        }
        matcher.appendTail(masked);
        return masked.toString();
    }

    // As JSON, lists whose order means nothing sorted, other groups and addresses left out.
    String text(ApiMessage message, short version) {
        if (message instanceof ListGroupsResponseData) {
            ((ListGroupsResponseData) message).groups().removeIf(listed -> !listed.groupId().equals(group));
        } else if (message instanceof DescribeGroupsResponseData) {
            ((DescribeGroupsResponseData) message).groups().forEach(
                described -> described.members().sort(
                    (a, b) -> withoutUuid(a.memberId()).compareTo(withoutUuid(b.memberId()))));
        } else if (message instanceof OffsetFetchResponseData) {
            OffsetFetchResponseData fetched = (OffsetFetchResponseData) message;
            fetched.topics().sort((a, b) -> a.name().compareTo(b.name()));
            fetched.topics().forEach(t -> t.partitions().sort((a, b) -> a.partitionIndex() - b.partitionIndex()));
            fetched.groups().sort((a, b) -> a.groupId().compareTo(b.groupId()));
            fetched.groups().forEach(g -> {
                g.topics().sort((a, b) -> a.name().compareTo(b.name()));
                g.topics().forEach(t -> t.partitions().sort((a, b) -> a.partitionIndex() - b.partitionIndex()));
            });
        } else if (message instanceof OffsetDeleteResponseData) {
            ((OffsetDeleteResponseData) message).topics().forEach(
                t -> t.partitions().sort((a, b) -> a.partitionIndex() - b.partitionIndex()));
        } else if (message instanceof OffsetCommitResponseData) {
            OffsetCommitResponseData committed = (OffsetCommitResponseData) message;
            committed.topics().sort((a, b) -> a.name().compareTo(b.name()));
            committed.topics().forEach(t -> t.partitions().sort((a, b) -> a.partitionIndex() - b.partitionIndex()));
        }
        try {
            Class<?> converter = Class.forName(message.getClass().getName() + "JsonConverter");
            String json = converter.getMethod("write", message.getClass(), short.class)
                .invoke(null, message, version).toString();
            json = json.replace("\"port\":" + port, "\"port\":PORT").replaceAll("/[0-9.]+\"", "/HOST\"");
            return sortedResults(mask(json));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    // DeleteGroups answers in the order of a hash table.
    static String sortedResults(String json) {
        int start = json.indexOf("\"results\":[");
        if (start < 0) return json;
        String inner = json.substring(start + 11, json.lastIndexOf(']'));
        List<String> results = new ArrayList<>(List.of(inner.split("(?<=}),")));
        Collections.sort(results);
        return json.substring(0, start) + results;
    }

    void run(int steps) throws IOException {
        report.append("== ").append(group).append('\n');
        for (step = 1; step <= steps; step++) {
            Member member = members[random.nextInt(members.length)];
            int action = random.nextInt(20);
            if (action < 6) join(member);
            else if (action < 10) sync(member);
            else if (action < 12) heartbeat(member);
            else if (action < 13) leave(member);
            else if (action < 16) commit(member);
            else if (action < 18) fetch(member);
            else if (action < 19) administer(member);
            else deleteOffsets(member);
            settle();
        }
        for (Member member : members) {
            member.joins.socket.close();
            member.rest.socket.close();
        }
        System.out.print(report);
        System.out.flush();
    }

    public static void main(String[] args) throws IOException {
        int colon = args[0].lastIndexOf(':');
        host = args[0].substring(0, colon);
        port = Integer.parseInt(args[0].substring(colon + 1));
        long first = Long.parseLong(args[1]);
        for (long seed = first; seed < first + Long.parseLong(args[2]); seed++) {
            new GroupReplay(seed).run(Integer.parseInt(args[3]));
        }
    }
}
