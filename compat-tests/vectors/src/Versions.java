/** A version range as Kafka's JSON writes it. */
record Versions(int low, int high) {
    static Versions parse(String text) {
        if (text == null || text.equals("none")) return new Versions(0, -1);
        if (text.endsWith("+")) return new Versions(Integer.parseInt(text.substring(0, text.length() - 1)), Short.MAX_VALUE);
        int dash = text.indexOf('-');
        if (dash < 0) return new Versions(Integer.parseInt(text), Integer.parseInt(text));
        return new Versions(Integer.parseInt(text.substring(0, dash)), Integer.parseInt(text.substring(dash + 1)));
    }

    boolean contains(int version) {
        return low <= version && version <= high;
    }

    boolean isEmpty() {
        return low > high;
    }
}
