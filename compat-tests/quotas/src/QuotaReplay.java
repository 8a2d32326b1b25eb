// Sends random requests about quotas and SCRAM credentials, right and wrong ones at every version, and prints every
// answer with its entries sorted. Two brokers that print the same for the same seed behave the same. The values are so
// large that nobody is slowed down, the default entities included. The last answers are all there is.
//
//   QuotaReplay HOST:PORT SEED STEPS

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.RequestUtils;

public class QuotaReplay {
    final DataInputStream in;
    final OutputStream out;
    final Random random;
    int correlation = 0;

    QuotaReplay(Socket socket, long seed) throws IOException {
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(60_000);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
        random = new Random(seed);
    }

    ApiMessage call(ApiKeys key, short version, ApiMessage body) throws IOException {
        RequestHeaderData header = new RequestHeaderData().setRequestApiKey(key.id).setRequestApiVersion(version)
            .setClientId("replay").setCorrelationId(++correlation);
        ByteBuffer bytes = RequestUtils.serialize(header, key.requestHeaderVersion(version), body, version);
        ByteBuffer frame = ByteBuffer.allocate(4 + bytes.remaining());
        frame.putInt(bytes.remaining()).put(bytes);
        out.write(frame.array());
        out.flush();
        byte[] answer = new byte[in.readInt()];
        in.readFully(answer);
        ByteBufferAccessor accessor = new ByteBufferAccessor(ByteBuffer.wrap(answer));
        new ResponseHeaderData(accessor, key.responseHeaderVersion(version));
        ApiMessage response = key.messageType.newResponse();
        response.read(accessor, version);
        return response;
    }

    String one(String... of) {
        return of[random.nextInt(of.length)];
    }

    short version() {
        return (short) random.nextInt(2);
    }

    String type() {
        return random.nextInt(20) == 0 ? one("", "pet") : one("user", "client-id", "user", "client-id", "ip");
    }

    String name(String type) {
        if (random.nextInt(12) == 0) return "";
        if (random.nextInt(5) == 0) return null;
        return type.equals("ip") ? one("127.0.0.1", "10.1.2.3", "::1", "localhost", "no.such.host.invalid")
            : one("a", "b", "c d", "\u00e4/*+%&=,~!'()", "<default>", "CN=x,O=y");
    }

    String key(boolean ip) {
        if (random.nextInt(15) == 0) return one("", "x", "SCRAM-SHA-256", "SCRAM-SHA-512");
        if (ip != (random.nextInt(12) == 0)) return "connection_creation_rate";
        return one("producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate");
    }

    double value() {
        double[] values = {1e6, 123456, 1e6 + 1e-7, 1e6 + 0.4, 1e7, 12345678.9, 1e12, 1e18, 1e19, 1e300, 2147483647.0, 2147483648.0,
            1e9 - 1e-7, Double.MAX_VALUE, Double.POSITIVE_INFINITY};
        return values[random.nextInt(values.length)];
    }

    String alter() throws IOException {
        AlterClientQuotasRequestData request = new AlterClientQuotasRequestData().setValidateOnly(random.nextInt(5) == 0);
        for (int entries = 1 + random.nextInt(3); entries > 0; entries--) {
            AlterClientQuotasRequestData.EntryData entry = new AlterClientQuotasRequestData.EntryData();
            boolean ip = false;
            int wrong = 0;
            for (int parts = random.nextInt(20) == 0 ? 0 : 1 + random.nextInt(2); parts > 0; parts--) {
                String type = type();
                ip |= type.equals("ip");
                String name = name(type);
                // Which of two wrong parts is named depends on the order of a hash map.
                if ("".equals(name) || type.isEmpty() || type.equals("pet")) wrong++;
                if (wrong > 1) continue;
                entry.entity().add(new AlterClientQuotasRequestData.EntityData().setEntityType(type).setEntityName(name));
            }
            for (int ops = random.nextInt(4); ops > 0; ops--) {
                entry.ops().add(new AlterClientQuotasRequestData.OpData().setKey(key(ip)).setValue(value())
                    .setRemove(random.nextInt(3) == 0));
            }
            if (ip && random.nextInt(6) == 0) {
                entry.ops().add(new AlterClientQuotasRequestData.OpData().setKey("connection_creation_rate").setValue(-5));
            }
            request.entries().add(entry);
        }
        short version = version();
        AlterClientQuotasResponseData response = (AlterClientQuotasResponseData) call(ApiKeys.ALTER_CLIENT_QUOTAS, version, request);
        TreeSet<String> lines = new TreeSet<>();
        for (AlterClientQuotasResponseData.EntryData entry : response.entries()) {
            TreeSet<String> entity = new TreeSet<>();
            for (AlterClientQuotasResponseData.EntityData part : entry.entity()) entity.add(part.entityType() + "=" + part.entityName());
            lines.add(entity + " " + Errors.forCode(entry.errorCode()) + " " + entry.errorMessage());
        }
        return "Alter v" + version + " " + request + "\n-> " + response.throttleTimeMs() + " " + lines;
    }

    String describe() throws IOException {
        DescribeClientQuotasRequestData request = new DescribeClientQuotasRequestData().setStrict(random.nextBoolean());
        for (int parts = random.nextInt(3); parts > 0; parts--) {
            int match = random.nextInt(20) == 0 ? 3 : random.nextInt(3);
            String type = type(), name = name(type);
            if (match != 0 || (name == null && random.nextInt(3) > 0)) name = match == 0 ? "a" : null;
            request.components().add(new DescribeClientQuotasRequestData.ComponentData().setEntityType(type)
                .setMatchType((byte) match).setMatch(name));
        }
        return describe(version(), request);
    }

    String describe(short version, DescribeClientQuotasRequestData request) throws IOException {
        DescribeClientQuotasResponseData response =
            (DescribeClientQuotasResponseData) call(ApiKeys.DESCRIBE_CLIENT_QUOTAS, version, request);
        List<String> lines = new ArrayList<>();
        if (response.entries() != null) {
            for (DescribeClientQuotasResponseData.EntryData entry : response.entries()) {
                List<String> entity = new ArrayList<>();
                for (DescribeClientQuotasResponseData.EntityData part : entry.entity()) entity.add(part.entityType() + "=" + part.entityName());
                TreeSet<String> values = new TreeSet<>();
                for (DescribeClientQuotasResponseData.ValueData value : entry.values()) values.add(value.key() + "=" + value.value());
                lines.add(entity + " " + values);
            }
        }
        lines.sort(null);
        return "Describe v" + version + " " + request + "\n-> " + Errors.forCode(response.errorCode()) + " " + response.errorMessage()
            + (response.entries() == null ? " null" : " " + lines);
    }

    String credentials() throws IOException {
        DescribeUserScramCredentialsRequestData request = new DescribeUserScramCredentialsRequestData();
        for (int users = random.nextInt(3); users > 0; users--) {
            request.users().add(new DescribeUserScramCredentialsRequestData.UserName().setName(one("a", "a", "c d", "")));
        }
        if (random.nextInt(4) == 0) request.setUsers(null);
        return credentials(request);
    }

    String credentials(DescribeUserScramCredentialsRequestData request) throws IOException {
        DescribeUserScramCredentialsResponseData response =
            (DescribeUserScramCredentialsResponseData) call(ApiKeys.DESCRIBE_USER_SCRAM_CREDENTIALS, (short) 0, request);
        TreeSet<String> lines = new TreeSet<>();
        for (DescribeUserScramCredentialsResponseData.DescribeUserScramCredentialsResult result : response.results()) {
            lines.add(result.toString());
        }
        return "Credentials " + request + "\n-> " + Errors.forCode(response.errorCode()) + " " + response.errorMessage() + " " + lines;
    }

    byte mechanism() {
        return (byte) (random.nextInt(15) == 0 ? random.nextInt(256) - 128 : 1 + random.nextInt(2));
    }

    byte[] secret() {
        byte[] bytes = new byte[random.nextInt(25) == 0 ? 0 : 1 + random.nextInt(70)];
        random.nextBytes(bytes);
        return bytes;
    }

    String alterCredentials() throws IOException {
        AlterUserScramCredentialsRequestData request = new AlterUserScramCredentialsRequestData();
        String[] users = {"a", "b", "c d", "\u00e4/*+%&=,~!'()", "<default>", "CN=x,O=y"};
        for (int deletions = random.nextInt(3); deletions > 0; deletions--) {
            request.deletions().add(new AlterUserScramCredentialsRequestData.ScramCredentialDeletion()
                .setName(random.nextInt(25) == 0 ? "" : one(users)).setMechanism(mechanism()));
        }
        for (int upsertions = random.nextInt(4); upsertions > 0; upsertions--) {
            int[] iterations = {4096, 4096, 4096, 8192, 16384, 4095, 16385, -1};
            request.upsertions().add(new AlterUserScramCredentialsRequestData.ScramCredentialUpsertion()
                .setName(random.nextInt(25) == 0 ? "" : one(users)).setMechanism(mechanism())
                .setIterations(iterations[random.nextInt(random.nextInt(3) == 0 ? 8 : 5)]).setSalt(secret()).setSaltedPassword(secret()));
        }
        AlterUserScramCredentialsResponseData response =
            (AlterUserScramCredentialsResponseData) call(ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, (short) 0, request);
        TreeSet<String> lines = new TreeSet<>();
        for (AlterUserScramCredentialsResponseData.AlterUserScramCredentialsResult result : response.results()) {
            lines.add(result.toString());
        }
        return "AlterCredentials " + request + "\n-> " + response.throttleTimeMs() + " " + lines;
    }

    public static void main(String[] args) throws IOException {
        String[] address = args[0].split(":");
        try (Socket socket = new Socket(address[0], Integer.parseInt(address[1]))) {
            QuotaReplay replay = new QuotaReplay(socket, Long.parseLong(args[1]));
            for (int step = Integer.parseInt(args[2]); step > 0; step--) {
                int what = replay.random.nextInt(24);
                System.out.println(what < 10 ? replay.alter() : what < 18 ? replay.describe()
                    : what < 22 ? replay.alterCredentials() : replay.credentials());
            }
            System.out.println(replay.credentials(new DescribeUserScramCredentialsRequestData()));
            System.out.println(replay.describe((short) 1, new DescribeClientQuotasRequestData()));
        }
    }
}
