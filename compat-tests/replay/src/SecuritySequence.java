// Requests about security and features to brokers that have neither: SASL, ACLs, delegation tokens, SCRAM credentials,
// feature levels, moving replicas to other log directories; as far as both advertise them.

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.message.AlterReplicaLogDirsRequestData;
import org.apache.kafka.common.message.AlterUserScramCredentialsRequestData;
import org.apache.kafka.common.message.CreateAclsRequestData;
import org.apache.kafka.common.message.CreateDelegationTokenRequestData;
import org.apache.kafka.common.message.DeleteAclsRequestData;
import org.apache.kafka.common.message.DescribeAclsRequestData;
import org.apache.kafka.common.message.DescribeDelegationTokenRequestData;
import org.apache.kafka.common.message.DescribeUserScramCredentialsRequestData;
import org.apache.kafka.common.message.ExpireDelegationTokenRequestData;
import org.apache.kafka.common.message.RenewDelegationTokenRequestData;
import org.apache.kafka.common.message.SaslAuthenticateRequestData;
import org.apache.kafka.common.message.SaslHandshakeRequestData;
import org.apache.kafka.common.message.UpdateFeaturesRequestData;
import org.apache.kafka.common.protocol.ApiKeys;

final class SecuritySequence extends LogSequence {
    private static final ApiKeys[] APIS = {ApiKeys.SASL_HANDSHAKE, ApiKeys.SASL_AUTHENTICATE, ApiKeys.DESCRIBE_ACLS, ApiKeys.CREATE_ACLS,
        ApiKeys.DELETE_ACLS, ApiKeys.CREATE_DELEGATION_TOKEN, ApiKeys.RENEW_DELEGATION_TOKEN, ApiKeys.EXPIRE_DELEGATION_TOKEN,
        ApiKeys.DESCRIBE_DELEGATION_TOKEN, ApiKeys.DESCRIBE_USER_SCRAM_CREDENTIALS, ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, ApiKeys.UPDATE_FEATURES,
        ApiKeys.ALTER_REPLICA_LOG_DIRS};
    private static final byte SCRAM_SHA_256 = 1, SCRAM_SHA_512 = 2;

    private final Set<String> users = new TreeSet<>();  // that may have SCRAM credentials

    SecuritySequence(Run run, long seed, String prefix) {
        super(run, seed, prefix);
    }

    @Override
    int steps() {
        return 25;
    }

    @Override
    void begin() throws IOException {
        createTopic(prefix + "t", 1, Map.of());
    }

    @Override
    void step(int index) throws IOException {
        ApiKeys api = oneOf(APIS);
        if (!run.both(api)) return;
        short version = version(api);
        switch (api) {
            case SASL_HANDSHAKE:
                ask(api, version, new SaslHandshakeRequestData().setMechanism(oneOf("PLAIN", "SCRAM-SHA-256", "", "nonsense")));
                break;
            case SASL_AUTHENTICATE:
                ask(api, version, new SaslAuthenticateRequestData().setAuthBytes(oneOf("\0user\0secret", "").getBytes()));
                break;
            case DESCRIBE_ACLS: describeAcls(version); break;
            case CREATE_ACLS: createAcls(version); break;
            case DELETE_ACLS: deleteAcls(version); break;
            case CREATE_DELEGATION_TOKEN: createToken(version); break;
            case RENEW_DELEGATION_TOKEN:
                ask(api, version, new RenewDelegationTokenRequestData().setHmac(oneOf("", "abc").getBytes()).setRenewPeriodMs(oneOf(-1L, 1000L)));
                break;
            case EXPIRE_DELEGATION_TOKEN:
                ask(api, version, new ExpireDelegationTokenRequestData().setHmac(oneOf("", "abc").getBytes()).setExpiryTimePeriodMs(oneOf(-1L, 1000L)));
                break;
            case DESCRIBE_DELEGATION_TOKEN: {
                DescribeDelegationTokenRequestData request = new DescribeDelegationTokenRequestData();
                request.setOwners(sometimes(2) ? null : List.of(new DescribeDelegationTokenRequestData.DescribeDelegationTokenOwner()
                    .setPrincipalType("User").setPrincipalName("somebody")));
                ask(api, version, request);
                break;
            }
            case DESCRIBE_USER_SCRAM_CREDENTIALS: describeScram(version); break;
            case ALTER_USER_SCRAM_CREDENTIALS: alterScram(version); break;
            case UPDATE_FEATURES: updateFeatures(version); break;
            default: moveReplicas(version);
        }
    }

    private byte patternType(short version) {
        return version == 0 || !sometimes(3) ? (byte) 3 : sometimes(2) ? (byte) 4 : (byte) 1;
    }

    private void describeAcls(short version) throws IOException {
        byte pattern = patternType(version);
        DescribeAclsRequestData request = new DescribeAclsRequestData().setResourceTypeFilter(oneOf((byte) 1, (byte) 2))
            .setResourceNameFilter(oneOf(null, "t")).setPrincipalFilter(oneOf(null, "User:a")).setHostFilter(oneOf(null, "*"))
            .setOperation(oneOf((byte) 1, (byte) 3)).setPermissionType(oneOf((byte) 1, (byte) 3));
        if (version >= 1) request.setPatternTypeFilter(pattern);
        ask(ApiKeys.DESCRIBE_ACLS, version, request);
    }

    private void createAcls(short version) throws IOException {
        CreateAclsRequestData request = new CreateAclsRequestData();
        for (int a = random.nextInt(3); a > 0; a--) {
            CreateAclsRequestData.AclCreation creation = new CreateAclsRequestData.AclCreation().setResourceType((byte) 2).setResourceName(oneOf("t", "*"))
                .setPrincipal(oneOf("User:a", "User:*")).setHost("*").setOperation((byte) 3).setPermissionType((byte) 3);
            if (version >= 1) creation.setResourcePatternType((byte) 3);
            request.creations().add(creation);
        }
        ask(ApiKeys.CREATE_ACLS, version, request);
    }

    private void deleteAcls(short version) throws IOException {
        DeleteAclsRequestData request = new DeleteAclsRequestData();
        for (int a = random.nextInt(3); a > 0; a--) {
            DeleteAclsRequestData.DeleteAclsFilter filter = new DeleteAclsRequestData.DeleteAclsFilter().setResourceTypeFilter((byte) 2)
                .setResourceNameFilter(oneOf(null, "t")).setPrincipalFilter(null).setHostFilter(null).setOperation((byte) 1).setPermissionType((byte) 1);
            if (version >= 1) filter.setPatternTypeFilter(oneOf((byte) 3, (byte) 1));
            request.filters().add(filter);
        }
        ask(ApiKeys.DELETE_ACLS, version, request);
    }

    private void createToken(short version) throws IOException {
        CreateDelegationTokenRequestData request = new CreateDelegationTokenRequestData().setMaxLifetimeMs(oneOf(-1L, 1000L));
        if (sometimes(2)) {
            request.renewers().add(new CreateDelegationTokenRequestData.CreatableRenewers().setPrincipalType(oneOf("User", "Group")).setPrincipalName("somebody"));
        }
        if (version >= 3 && sometimes(3)) request.setOwnerPrincipalType("User").setOwnerPrincipalName("owner");
        ask(ApiKeys.CREATE_DELEGATION_TOKEN, version, request);
    }

    private void describeScram(short version) throws IOException {
        DescribeUserScramCredentialsRequestData request = new DescribeUserScramCredentialsRequestData();
        if (sometimes(4)) {
            request.setUsers(null);
        } else {
            request.setUsers(new java.util.ArrayList<>());
            for (int u = random.nextInt(3); u > 0; u--) {
                request.users().add(new DescribeUserScramCredentialsRequestData.UserName().setName(user()));
            }
        }
        ask(ApiKeys.DESCRIBE_USER_SCRAM_CREDENTIALS, version, request);
    }

    private String user() {
        return sometimes(8) ? "" : prefix + oneOf("u0", "u1", "a/b=c d");
    }

    private void alterScram(short version) throws IOException {
        AlterUserScramCredentialsRequestData request = new AlterUserScramCredentialsRequestData();
        for (int u = random.nextInt(3); u > 0; u--) {
            String user = user();
            users.add(user);
            request.upsertions().add(new AlterUserScramCredentialsRequestData.ScramCredentialUpsertion().setName(user)
                .setMechanism(sometimes(6) ? oneOf((byte) 0, (byte) 3) : oneOf(SCRAM_SHA_256, SCRAM_SHA_512))
                .setIterations(sometimes(4) ? oneOf(0, 4095, 16385, -1) : oneOf(4096, 16384))
                .setSalt(Batches.bytes(sometimes(6) ? "" : "salt")).setSaltedPassword(Batches.bytes("salted" + random.nextInt(5))));
        }
        for (int u = random.nextInt(sometimes(2) ? 3 : 1); u > 0; u--) {
            request.deletions().add(new AlterUserScramCredentialsRequestData.ScramCredentialDeletion().setName(user())
                .setMechanism(sometimes(6) ? (byte) 7 : oneOf(SCRAM_SHA_256, SCRAM_SHA_512)));
        }
        ask(ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, version, request);
    }

    // Nobody's credentials stay.
    @Override
    void putBack() throws IOException {
        if (users.isEmpty()) return;
        AlterUserScramCredentialsRequestData request = new AlterUserScramCredentialsRequestData();
        for (byte mechanism : new byte[] {SCRAM_SHA_256, SCRAM_SHA_512}) {
            request.deletions().clear();
            for (String user : users) {
                request.deletions().add(new AlterUserScramCredentialsRequestData.ScramCredentialDeletion().setName(user).setMechanism(mechanism));
            }
            peek(ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, 0, request);
        }
    }

    private void updateFeatures(short version) throws IOException {
        UpdateFeaturesRequestData request = new UpdateFeaturesRequestData().setTimeoutMs(5000);
        if (version >= 1) request.setValidateOnly(sometimes(2));
        for (int f = sometimes(6) ? 0 : 1 + random.nextInt(2); f > 0; f--) {
            UpdateFeaturesRequestData.FeatureUpdateKey update = new UpdateFeaturesRequestData.FeatureUpdateKey()
                .setFeature(sometimes(6) ? "" : oneOf("no.such.feature", "another")).setMaxVersionLevel(oneOf((short) 0, (short) 1, (short) 5, (short) -1));
            if (request.featureUpdates().find(update.feature()) != null) continue;
            if (version == 0) update.setAllowDowngrade(sometimes(2));
            else update.setUpgradeType(oneOf((byte) 1, (byte) 2, (byte) 3));
            request.featureUpdates().add(update);
        }
        ask(ApiKeys.UPDATE_FEATURES, version, request);
    }

    private void moveReplicas(short version) throws IOException {
        AlterReplicaLogDirsRequestData request = new AlterReplicaLogDirsRequestData();
        AlterReplicaLogDirsRequestData.AlterReplicaLogDir directory = new AlterReplicaLogDirsRequestData.AlterReplicaLogDir()
            .setPath(oneOf("/no/such/directory", "relative", ""));
        directory.topics().add(new AlterReplicaLogDirsRequestData.AlterReplicaLogDirTopic().setName(sometimes(3) ? prefix + "missing" : prefix + "t")
            .setPartitions(oneOf(List.of(0), List.of(0, 7), List.of())));
        request.dirs().add(directory);
        ask(ApiKeys.ALTER_REPLICA_LOG_DIRS, version, request);
    }
}
