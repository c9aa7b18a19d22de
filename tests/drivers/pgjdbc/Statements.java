import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Look-ups, changes, upserts, batches, errors. */
final class Statements {
    private static final String NEWCOMER = "INSERT INTO customers (id, name, email, balance, phone, visits) VALUES (?, ?, ?, ?, ?, ?)";
    private static final Object[][] KEYS = {
        {"email", "varchar", "ada@" + Report.MARKER, "zoë@例え.jp", "nobody"}, {"ssn", "bpchar", "ssn" + Report.MARKER + "  ", "äöü", "none"}, {"phone", "text", "+44 " + Report.MARKER, "", "none"},
        {"birth", "date", LocalDate.of(1815, 12, 10), LocalDate.of(1, 1, 1), LocalDate.of(2000, 1, 1)}, {"visits", "int4", 7, Integer.MAX_VALUE, 8},
        {"seen", "timestamptz", OffsetDateTime.parse("2024-02-29T12:30:15.123456Z"), OffsetDateTime.parse("1970-01-01T00:00:00Z"), OffsetDateTime.parse("2000-01-01T00:00:00Z")},
        {"token", "uuid", UUID.fromString("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), new UUID(0, 0), new UUID(9, 9)},
    };

    private final Connection connection;

    Statements(Connection connection) {
        this.connection = connection;
    }

    private Object ask(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            Values.set(statement, values);
            return statement.execute() ? Report.rows(statement.getResultSet()) : statement.getUpdateCount();
        }
    }

    private Object byKey(KeyCase one) {
        Map<String, Object> found = new LinkedHashMap<>();
        for (Object[] key : KEYS) {
            found.put((String) key[0], Report.outcome(() -> one.run((String) key[0], (String) key[1], new Object[] {key[2], key[3], key[4]})));
        }
        return found;
    }

    private interface KeyCase {
        Object run(String column, String type, Object[] values) throws SQLException;
    }

    void run() {
        Report.line("equals", () -> byKey((column, type, values) -> {
            List<Object> found = new ArrayList<>();
            for (Object value : values) {
                found.add(Report.outcome(() -> ask("SELECT id, " + column + " FROM customers WHERE " + column + " = ? ORDER BY id", value)));
            }
            return found;
        }));
        Report.line("inList", () -> byKey((column, type, values) -> ask("SELECT id FROM customers WHERE " + column + " IN (?, ?, ?) ORDER BY id", values)));
        Report.line("anyOfArray", () -> byKey((column, type, values) -> {
            Array array = connection.createArrayOf(type, values);
            return Report.list(ask("SELECT id FROM customers WHERE " + column + " = ANY (?) ORDER BY id", array), ask("SELECT id FROM customers WHERE " + column + " = ANY (?) ORDER BY id", connection.createArrayOf(type, new Object[0])));
        }));
        Report.line("notEqual", () -> byKey((column, type, values) -> ask("SELECT id FROM customers WHERE " + column + " <> ? ORDER BY id", values[0])));
        Report.line("joins", () -> Report.list(
            ask("SELECT c.email, o.card, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.card = ? ORDER BY o.id", "4222"),
            ask("SELECT c.id, o.note FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.amount = ? ORDER BY c.id, o.id", new BigDecimal("19.900")),
            ask("SELECT count(*), count(phone), count(DISTINCT visits) FROM customers")));
        Report.line("stringsUnderCasts", () -> {
            List<Object> found = new ArrayList<>();
            String[][] all = {
                {"token", "uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "x"}, {"visits", "int4", "7", "x", "7.5"}, {"birth", "date", "1815-12-10", "Dec 10, 1815", "2024-02-30"}, {"seen", "timestamptz", "2024-02-29 12:30:15.123456+00", "x"},
                {"email", "text", "eve@x"}, {"phone", "varchar(2)", "5555"}, {"ssn", "char(11)", "123456789"},
            };
            for (String[] one : all) {
                for (int i = 2; i < one.length; i++) {
                    String value = one[i];
                    found.add(Report.outcome(() -> ask("SELECT id FROM customers WHERE " + one[0] + " = ?::" + one[1] + " ORDER BY id", value)));
                    found.add(Report.outcome(() -> ask("SELECT id FROM customers WHERE " + one[0] + " = CAST(? AS " + one[1] + ") ORDER BY id", value)));
                    found.add(Report.outcome(() -> ask("SELECT id FROM customers WHERE " + one[0] + " = ANY (?::" + one[1] + "[]) ORDER BY id", "{\"" + value + "\"}")));
                }
            }
            for (String[] one : new String[][] {{"prefs", "jsonb", "{\"a\": [1]}", "{"}, {"raw", "json", "[1 ]"}, {"address", "inet", "10.1.2.3", "x"}, {"balance", "numeric", "2.505", "1e20"}, {"score", "float8", "0.5"}, {"vip", "bool", "yes"}, {"opens", "time", "10:11"}, {"local_time", "timestamp", "2024-01-02 03:04"}}) {
                for (int i = 2; i < one.length; i++) {
                    String value = one[i];
                    found.add(Report.outcome(() -> ask("UPDATE customers SET " + one[0] + " = ?::" + one[1] + " WHERE id = 2 RETURNING " + one[0], value)));
                }
            }
            return found;
        });
        Report.line("updateReturning", () -> ask("UPDATE customers SET balance = ?, phone = ?, vip = ? WHERE email = ? RETURNING id, balance, phone, vip", new BigDecimal("17.005"), "p " + Report.MARKER, true, "bob@x"));
        Report.line("upsert", () -> {
            String upsert = NEWCOMER + " ON CONFLICT (email) DO UPDATE SET balance = EXCLUDED.balance, phone = EXCLUDED.phone RETURNING id, email, balance, phone, visits";
            return Report.list(ask(upsert, 10, "Fay", "fay@x", new BigDecimal("1"), "a", 1), ask(upsert, 11, "Fay", "fay@x", new BigDecimal("2"), "b", 2), ask(NEWCOMER + " ON CONFLICT DO NOTHING", 12, "Fay", "fay@x", 3, "c", 3));
        });
        Report.line("batch", this::batch);
        Report.line("batchFails", this::batchFails);
        Report.line("batchOfTexts", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.addBatch("UPDATE customers SET phone = 'batch' WHERE id = 10");
                statement.addBatch("INSERT INTO orders (customer_id, card, amount) VALUES (10, 'batched', 3)");
                statement.addBatch("DELETE FROM orders WHERE card = 'batched'");
                return statement.executeBatch();
            }
        });
        Report.line("generatedKeys", this::generatedKeys);
        Report.line("updatableResultSet", this::updatableResultSet);
        Report.line("severalStatements", () -> {
            List<Object> found = new ArrayList<>();
            try (Statement statement = connection.createStatement()) {
                boolean rows = statement.execute("SELECT email FROM customers WHERE id = 1; UPDATE orders SET note = 'x' WHERE id = 2; SELECT phone FROM customers WHERE id = 10; SELECT 1 AS one");
                while (rows || statement.getUpdateCount() != -1) {
                    found.add(rows ? Report.rows(statement.getResultSet()) : statement.getUpdateCount());
                    rows = statement.getMoreResults();
                }
            }
            return found;
        });
        Report.line("errors", this::errors);
        Report.line("remove", () -> Report.list(ask("DELETE FROM customers WHERE visits = ANY (?) RETURNING id, email", connection.createArrayOf("int4", new Object[] {150, 151})), ask("DELETE FROM customers WHERE id >= ?", 100)));
    }

    private Object batch() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(NEWCOMER)) {
            for (int i = 0; i < 300; i++) {
                Values.set(statement, 100 + i, "n" + i, "m" + i + "@x", new BigDecimal(i + ".5"), i % 3 == 0 ? null : "p" + i, i);
                statement.addBatch();
            }
            int[] counts = statement.executeBatch();
            return Report.list(counts, ask("SELECT id, email, balance, phone, visits FROM customers WHERE id >= 100 ORDER BY id"));
        }
    }

    private Object batchFails() throws SQLException {
        connection.setAutoCommit(false);
        try (PreparedStatement statement = connection.prepareStatement(NEWCOMER)) {
            for (int i = 0; i < 5; i++) {
                Values.set(statement, 900 + i, "n" + i, i == 3 ? "fay@x" : "f" + i + "@x", new BigDecimal(i), null, i);
                statement.addBatch();
            }
            return Report.outcome(statement::executeBatch);
        } finally {
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    private Object generatedKeys() throws SQLException {
        List<Object> found = new ArrayList<>();
        try (PreparedStatement s = connection.prepareStatement("INSERT INTO orders (customer_id, card, amount) VALUES (?, ?, ?)", Statement.RETURN_GENERATED_KEYS)) {
            Values.set(s, 1, "gen " + Report.MARKER, new BigDecimal("1.5"));
            found.add(s.executeUpdate());
            found.add(Report.rows(s.getGeneratedKeys()));
        }
        try (PreparedStatement s = connection.prepareStatement("INSERT INTO orders (customer_id, card, amount) VALUES (?, ?, ?)", new String[] {"id", "card", "note"})) {
            for (int i = 0; i < 3; i++) {
                Values.set(s, 1, "gen" + i, new BigDecimal(i));
                s.addBatch();
            }
            found.add(s.executeBatch());
            found.add(Report.rows(s.getGeneratedKeys()));
        }
        return found;
    }

    private Object updatableResultSet() throws SQLException {
        try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE); ResultSet rows = statement.executeQuery("SELECT id, phone, balance FROM customers WHERE id <= 3 ORDER BY id")) {
            List<Object> found = new ArrayList<>();
            rows.absolute(2);
            rows.updateString("phone", "updated in place");
            rows.updateBigDecimal("balance", new BigDecimal("99.99"));
            found.add(Report.outcome(() -> {
                rows.updateRow();
                return "updated";
            }));
            rows.last();
            found.add(rows.getRow());
            found.add(ask("SELECT id, phone, balance FROM customers WHERE id <= 3 ORDER BY id"));
            return found;
        }
    }

    private Object errors() {
        Map<String, Object> found = new LinkedHashMap<>();
        Object[][] all = {
            {"unique", NEWCOMER, 50, "Dup", "fay@x", new BigDecimal(1), null, 1}, {"not null", NEWCOMER, 51, null, "d@x", new BigDecimal(1), null, 1}, {"not null sealed", NEWCOMER, 51, "D", null, new BigDecimal(1), null, 1},
            {"foreign key", "INSERT INTO orders (customer_id, card, amount) VALUES (?, ?, ?)", 999, "c", new BigDecimal(1)}, {"too long", NEWCOMER, 52, "N", "x".repeat(121), new BigDecimal(1), null, 1},
            {"overflow", NEWCOMER, 52, "N", "n@x", new BigDecimal("99999999999"), null, 1}, {"wrong type", "SELECT id FROM customers WHERE visits = ?", "7"}, {"division", "SELECT email, 1 / (id - 1) FROM customers WHERE id = ?", 1},
            {"column", "SELECT email, nosuch FROM customers WHERE email = ?", "x"}, {"table", "SELECT * FROM customers, nosuch WHERE email = ?", "x"}, {"syntax", "SELECT email FROM customers WHERE WHERE email = ?", "x"},
            {"literal", "SELECT email FROM customers WHERE birth = '2024-02-30'"}, {"afterwards", "SELECT email FROM customers WHERE email = ?", "fay@x"},
        };
        for (Object[] one : all) {
            Object[] values = java.util.Arrays.copyOfRange(one, 2, one.length);
            found.put((String) one[0], Report.outcome(() -> ask((String) one[1], values)));
        }
        return found;
    }
}
