// The two brokers answered differently.
final class Difference extends RuntimeException {
    final String where;  // API, version and field: differences of one cause look alike

    Difference(String where, String text) {
        super(text);
        this.where = where;
    }
}
