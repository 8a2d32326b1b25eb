// Classic groups: members that join, sync, beat, commit, leave and come back, with right and wrong ids, generations and
// protocols; and those who look at the group and its offsets from outside.
//
// Sequences are built so that Kafka itself is deterministic: two members at most (with more, the successor of a leader
// is whoever comes first in a hash table), no timeouts within a sequence, no two waiting calls of one member.

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.message.DeleteGroupsRequestData;
import org.apache.kafka.common.message.DescribeGroupsRequestData;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.message.JoinGroupResponseData;
import org.apache.kafka.common.message.LeaveGroupRequestData;
import org.apache.kafka.common.message.ListGroupsRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetDeleteRequestData;
import org.apache.kafka.common.message.OffsetFetchRequestData;
import org.apache.kafka.common.message.SyncGroupRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;

final class GroupSequence extends LogSequence {
    // A client that may be a member, as it knows itself.
    private static final class Member {
        String name;  // the client's id, which begins the member's: it tells the two apart
        String instance;
        String id = "";
        int generation = -1;
        boolean leads;
        List<String> others = new ArrayList<>();
        Line joins;  // for requests that may wait
        Line rest;
    }

    private static final int POLL_MS = 5;

    private final String group, topic;
    private final Member[] members = {new Member(), new Member()};

    GroupSequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
        group = prefix + "group";
        topic = prefix + "topic";
    }

    @Override
    int steps() {
        return 40;
    }

    @Override
    void begin() throws IOException {
        createTopic(topic, 2, Map.of());
        for (int i = 0; i < members.length; i++) {
            members[i].name = "c" + i;
            members[i].joins = newLine(members[i].name);
            members[i].rest = newLine(members[i].name);
            if (sometimes(3)) members[i].instance = "instance" + i;
        }
    }

    @Override
    void step(int index) throws IOException {
        Member member = oneOf(members);
        int action = random.nextInt(20);
        if (action < 6) join(member);
        else if (action < 10) sync(member);
        else if (action < 12) heartbeat(member);
        else if (action < 13) leave(member);
        else if (action < 16) commit(member);
        else if (action < 18) fetch(member);
        else if (action < 19) administer(member);
        else deleteOffsets(member);
        settle(action < 10 || action == 12);
    }

    // Everything that answers now. Who is silent for a moment waits for the others; nobody's wait ends by a request that
    // only looks or commits.
    private void settle(boolean mayFree) {
        for (Member member : members) {
            if (member.rest.isWaiting()) receive(member.rest);
        }
        long quietSince = System.nanoTime();
        do {
            for (Member member : members) {
                if (!member.joins.isWaiting()) continue;
                ApiMessage answer = receive(member.joins);
                if (answer == null) continue;
                note(member, answer);
                quietSince = System.nanoTime();
            }
        } while (mayFree && someoneWaits() && System.nanoTime() - quietSince < run.quietMs * 1_000_000L);
    }

    private boolean someoneWaits() {
        for (Member member : members) {
            if (member.joins.isWaiting()) return true;
        }
        return false;
    }

    private void note(Member member, ApiMessage answer) {
        if (!(answer instanceof JoinGroupResponseData)) return;
        JoinGroupResponseData joined = (JoinGroupResponseData) answer;
        if (joined.errorCode() == 0 || joined.errorCode() == Errors.MEMBER_ID_REQUIRED.code()) member.id = joined.memberId();
        if (joined.errorCode() != 0) return;
        member.generation = joined.generationId();
        member.leads = joined.leader().equals(joined.memberId()) && !joined.skipAssignment();
        member.others.clear();
        joined.members().sort((a, b) -> Names.withoutUuids(a.memberId()).compareTo(Names.withoutUuids(b.memberId())));
        joined.members().forEach(other -> member.others.add(other.memberId()));
    }

    private void tell(Member member, ApiKeys api, short version, ApiMessage body) {
        boolean mayWait = api == ApiKeys.JOIN_GROUP || api == ApiKeys.SYNC_GROUP;
        Request request = Request.of(api, version, body, member.name, nextCorrelation(), "by " + member.name);
        request.mayWait = mayWait;
        request.quietMs = POLL_MS;
        send(mayWait ? member.joins : member.rest, request);
    }

    // ---- Members

    private void join(Member member) {
        if (member.joins.isWaiting()) return;
        boolean isStatic = member.instance != null;
        short version = version(ApiKeys.JOIN_GROUP, isStatic ? 5 : 0);
        JoinGroupRequestData request = new JoinGroupRequestData().setGroupId(sometimes(40) ? "" : group)
            .setSessionTimeoutMs(sometimes(25) ? 1000 : 60_000).setMemberId(sometimes(15) ? "bogus" : member.id)
            .setProtocolType(sometimes(25) ? "connect" : sometimes(40) ? "" : "consumer");
        if (isStatic) {
            request.setGroupInstanceId(member.instance);
            if (sometimes(5)) request.setMemberId("");  // it restarts
        }
        if (version >= 1) request.setRebalanceTimeoutMs(60_000);
        if (version >= 8 && sometimes(4)) request.setReason(oneOf("", "why not"));
        // Kafka's coordinator gets stuck for good on metadata that is no subscription, so these are real ones.
        String wanted = sometimes(4) ? oneOf("other", topic, "third") : topic;
        if (!sometimes(12)) request.protocols().add(protocol("range", wanted));
        if (sometimes(3)) request.protocols().add(protocol("sticky", wanted));
        tell(member, ApiKeys.JOIN_GROUP, version, request);
    }

    private static JoinGroupRequestData.JoinGroupRequestProtocol protocol(String name, String topic) {
        ByteBuffer metadata = ConsumerProtocol.serializeSubscription(new Subscription(List.of(topic)));
        byte[] bytes = new byte[metadata.remaining()];
        metadata.get(bytes);
        return new JoinGroupRequestData.JoinGroupRequestProtocol().setName(name).setMetadata(bytes);
    }

    private void sync(Member member) {
        if (member.joins.isWaiting()) return;
        short version = version(ApiKeys.SYNC_GROUP, member.instance != null ? 3 : 0);
        SyncGroupRequestData request = new SyncGroupRequestData().setGroupId(group).setMemberId(memberId(member))
            .setGenerationId(generation(member));
        if (version >= 3 && !sometimes(8)) request.setGroupInstanceId(member.instance);
        if (version >= 5 && !sometimes(12)) {
            request.setProtocolType(sometimes(15) ? "connect" : "consumer").setProtocolName(sometimes(15) ? "sticky" : "range");
        }
        if (member.leads) {
            int number = 0;
            for (String id : member.others) {
                if (sometimes(8)) continue;
                request.assignments().add(new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId(id)
                    .setAssignment(("assignment " + number++).getBytes()));
            }
        }
        tell(member, ApiKeys.SYNC_GROUP, version, request);
    }

    private void heartbeat(Member member) {
        short version = version(ApiKeys.HEARTBEAT);
        HeartbeatRequestData request = new HeartbeatRequestData().setGroupId(sometimes(40) ? "" : group)
            .setMemberId(memberId(member)).setGenerationId(generation(member));
        if (version >= 3 && !sometimes(6)) request.setGroupInstanceId(instance(member));
        tell(member, ApiKeys.HEARTBEAT, version, request);
    }

    private void leave(Member member) {
        // Kafka never answers the SyncGroup of a member that is removed while it waits; Barnabas does.
        for (Member other : members) {
            if (other.joins.isWaiting() && other.joins.oldest().api == ApiKeys.SYNC_GROUP) return;
        }
        short version = version(ApiKeys.LEAVE_GROUP);
        LeaveGroupRequestData request = new LeaveGroupRequestData().setGroupId(group);
        if (version < 3) {
            request.setMemberId(memberId(member));
        } else {
            LeaveGroupRequestData.MemberIdentity identity = new LeaveGroupRequestData.MemberIdentity()
                .setMemberId(member.instance != null && sometimes(2) ? "" : memberId(member));
            if (!sometimes(6)) identity.setGroupInstanceId(instance(member));
            request.members().add(identity);
            if (sometimes(5)) request.members().add(new LeaveGroupRequestData.MemberIdentity().setMemberId("bogus"));
            Member other = member == members[0] ? members[1] : members[0];
            if (sometimes(6)) {
                request.members().add(new LeaveGroupRequestData.MemberIdentity().setMemberId(sometimes(2) ? "" : other.id)
                    .setGroupInstanceId(other.instance));
            }
            if (sometimes(12)) request.members().add(identity.duplicate());
            if (version >= 5 && sometimes(3)) request.members().forEach(one -> one.setReason(oneOf("", null, "done")));
            if (sometimes(15)) request.members().clear();
        }
        tell(member, ApiKeys.LEAVE_GROUP, version, request);
        if (sometimes(3)) member.id = "";
    }

    private String memberId(Member member) {
        return sometimes(12) ? "bogus" : sometimes(20) ? "" : member.id;
    }

    private String instance(Member member) {
        return sometimes(15) ? "instance0" : member.instance;
    }

    private int generation(Member member) {
        return sometimes(10) ? member.generation + 1 - random.nextInt(3) : member.generation;
    }

    // ---- Offsets

    private void commit(Member member) {
        short version = version(ApiKeys.OFFSET_COMMIT);
        OffsetCommitRequestData request = new OffsetCommitRequestData().setGroupId(group);
        if (version >= 1 && !sometimes(6)) request.setMemberId(memberId(member)).setGenerationIdOrMemberEpoch(generation(member));
        if (version >= 7 && !sometimes(6)) request.setGroupInstanceId(instance(member));
        if (version >= 2 && version <= 4 && sometimes(2)) request.setRetentionTimeMs(3_600_000);
        for (String name : sometimes(4) ? List.of(topic, "missing") : List.of(topic)) {
            OffsetCommitRequestData.OffsetCommitRequestTopic wanted = new OffsetCommitRequestData.OffsetCommitRequestTopic().setName(name);
            for (int partition = 0, n = 1 + random.nextInt(3); partition < n; partition++) {
                String metadata = sometimes(8) ? null : sometimes(8) ? "x".repeat(4096 + random.nextInt(2)) : "note";
                OffsetCommitRequestData.OffsetCommitRequestPartition one = new OffsetCommitRequestData.OffsetCommitRequestPartition()
                    .setPartitionIndex(partition).setCommittedOffset(random.nextInt(1000)).setCommittedMetadata(metadata);
                if (version >= 6) one.setCommittedLeaderEpoch(random.nextInt(3) - 1);
                wanted.partitions().add(one);
            }
            request.topics().add(wanted);
        }
        tell(member, ApiKeys.OFFSET_COMMIT, version, request);
    }

    private void fetch(Member member) {
        short version = version(ApiKeys.OFFSET_FETCH);
        OffsetFetchRequestData request = new OffsetFetchRequestData();
        boolean all = version >= 2 && sometimes(3);
        if (version >= 7) request.setRequireStable(sometimes(2));
        if (version < 8) {
            List<OffsetFetchRequestData.OffsetFetchRequestTopic> topics = new ArrayList<>();
            for (String name : List.of(topic, "missing")) {
                topics.add(new OffsetFetchRequestData.OffsetFetchRequestTopic().setName(name).setPartitionIndexes(List.of(0, 1, 2)));
            }
            request.setGroupId(group).setTopics(all ? null : topics);
        } else {
            for (String name : List.of(group, "nobody")) {
                List<OffsetFetchRequestData.OffsetFetchRequestTopics> topics = new ArrayList<>();
                topics.add(new OffsetFetchRequestData.OffsetFetchRequestTopics().setName(topic).setPartitionIndexes(List.of(0, 1, 2)));
                request.groups().add(new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId(name).setTopics(all ? null : topics));
            }
        }
        tell(member, ApiKeys.OFFSET_FETCH, version, request);
    }

    private void deleteOffsets(Member member) {
        OffsetDeleteRequestData request = new OffsetDeleteRequestData().setGroupId(sometimes(20) ? "" : group);
        OffsetDeleteRequestData.OffsetDeleteRequestTopic wanted = new OffsetDeleteRequestData.OffsetDeleteRequestTopic().setName(topic);
        for (int partition : new int[] {0, 2}) {
            wanted.partitions().add(new OffsetDeleteRequestData.OffsetDeleteRequestPartition().setPartitionIndex(partition));
        }
        request.topics().add(wanted);
        tell(member, ApiKeys.OFFSET_DELETE, version(ApiKeys.OFFSET_DELETE), request);
    }

    // ---- From outside

    private void administer(Member member) {
        switch (random.nextInt(4)) {
            case 0: {
                short version = version(ApiKeys.DESCRIBE_GROUPS);
                DescribeGroupsRequestData request = new DescribeGroupsRequestData().setGroups(List.of(group, "nobody"));
                if (version >= 3) request.setIncludeAuthorizedOperations(sometimes(2));
                tell(member, ApiKeys.DESCRIBE_GROUPS, version, request);
                break;
            }
            case 1: {
                short version = version(ApiKeys.LIST_GROUPS);
                ListGroupsRequestData request = new ListGroupsRequestData();
                if (version >= 4 && sometimes(2)) request.setStatesFilter(List.of("stable", "Empty"));
                if (version >= 5 && sometimes(3)) request.setTypesFilter(List.of(sometimes(2) ? "Classic" : "consumer"));
                tell(member, ApiKeys.LIST_GROUPS, version, request);
                break;
            }
            case 2:
                tell(member, ApiKeys.DELETE_GROUPS, version(ApiKeys.DELETE_GROUPS),
                    new DeleteGroupsRequestData().setGroupsNames(List.of(group, "nobody", group)));
                break;
            default: {
                short version = version(ApiKeys.FIND_COORDINATOR);
                FindCoordinatorRequestData request = new FindCoordinatorRequestData();
                if (version < 4) request.setKey(group);
                else request.setCoordinatorKeys(List.of(group, "nobody", ""));
                tell(member, ApiKeys.FIND_COORDINATOR, version, request);
            }
        }
    }
}
