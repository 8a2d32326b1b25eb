// The address of one of the two brokers.
final class Broker {
    final String host;
    final int port;

    Broker(String address) {
        int colon = address.lastIndexOf(':');
        host = address.substring(0, colon);
        port = Integer.parseInt(address.substring(colon + 1));
    }
}
