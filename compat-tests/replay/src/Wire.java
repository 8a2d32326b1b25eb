// One raw connection to one broker: bytes out, frames in, no client library in between.

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;

final class Wire implements Closeable {
    static final byte[] CLOSED = new byte[0];  // the broker ended the connection
    private static final int REST_MS = 30_000;  // whoever sent a frame's first byte sends the rest

    private final Socket socket;
    private final InputStream in;
    private boolean closed;

    Wire(Broker broker) throws IOException {
        socket = new Socket(broker.host, broker.port);
        socket.setTcpNoDelay(true);
        in = new java.io.BufferedInputStream(socket.getInputStream(), 65536);
    }

    // A broker that has closed already is noticed when its answer is read.
    void send(byte[] bytes) {
        try {
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
        } catch (IOException gone) {
            closed = true;
        }
    }

    void finishSending() {
        try {
            socket.shutdownOutput();
        } catch (IOException gone) {
            closed = true;
        }
    }

    // The next frame without its length; CLOSED at the connection's end; null when nothing comes in time.
    byte[] receive(int millis) {
        try {
            socket.setSoTimeout(Math.max(millis, 1));
            int first;
            try {
                first = in.read();
            } catch (SocketTimeoutException late) {
                return closed ? CLOSED : null;
            }
            if (first < 0) return end();
            socket.setSoTimeout(REST_MS);
            int size = first << 24 | in.read() << 16 | in.read() << 8 | in.read();
            byte[] frame = in.readNBytes(size);
            return frame.length < size ? end() : frame;
        } catch (IOException gone) {
            return end();
        }
    }

    boolean isClosed() {
        return closed;
    }

    private byte[] end() {
        closed = true;
        return CLOSED;
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException ignored) {
            closed = true;
        }
    }
}
