import static java.time.ZoneOffset.UTC;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.postgresql.util.PGobject;

/** Values of every column, in and out, by every getter and setter. */
final class Values {
    static final String COLUMNS = "id, name, email, ssn, phone, birth, balance, visits, points, level, vip, score, seen, local_time, opens, token, photo, prefs, raw, address";
    private static final String INSERT = "INSERT INTO customers (" + COLUMNS + ") VALUES (?" + ", ?".repeat(19) + ")";

    private final Connection connection;

    Values(Connection connection) {
        this.connection = connection;
    }

    static PGobject object(String type, String value) throws SQLException {
        PGobject object = new PGobject();
        object.setType(type);
        object.setValue(value);
        return object;
    }

    private static List<Object[]> people() throws SQLException {
        List<Object[]> rows = new ArrayList<>();
        rows.add(new Object[] {1, "Ada", "ada@" + Report.MARKER, "ssn" + Report.MARKER, "+44 " + Report.MARKER, LocalDate.of(1815, 12, 10), new BigDecimal("1234.50"), 7, 9007199254740993L,
            (short) 3, true, 0.1, OffsetDateTime.of(2024, 2, 29, 12, 30, 15, 123456000, UTC), LocalDateTime.of(2024, 3, 31, 2, 30, 0, 1000), LocalTime.of(8, 30),
            UUID.fromString("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), new byte[] {0, 1, -2, -1, 92, 39}, object("jsonb", "{\"b\": [1, 2.50, null], \"a\": \"" + Report.MARKER + "\"}"),
            object("json", "{\"b\": 1,  \"a\": \"x\"}"), object("inet", "192.168.0.1")});
        rows.add(new Object[] {2, "Bob", "bob@x", null, null, null, BigDecimal.ZERO, null, null, null, null, null, null, null, null, null, null, null, null, null});
        rows.add(new Object[] {3, "Zoë – 日本語 🦀", "zoë@例え.jp", "äöü", "it's \\ \"q\"\n\t$1 ? ??", LocalDate.of(1, 1, 1), new BigDecimal("-9999999999.99"), Integer.MAX_VALUE, Long.MAX_VALUE,
            Short.MAX_VALUE, false, Double.POSITIVE_INFINITY, OffsetDateTime.of(1, 1, 2, 0, 0, 0, 0, UTC), LocalDateTime.of(9999, 12, 31, 23, 59, 59, 999999000), LocalTime.MAX.withNano(999999000),
            new UUID(-1, -1), new byte[0], object("jsonb", "[\"ü\", \"🦀\", {\"deep\": [[]]}]"), object("json", "\"text\""), object("inet", "2001:db8::1/64")});
        rows.add(new Object[] {4, "", "", "", "", Date.valueOf("1970-01-01"), new BigDecimal("0.01"), Integer.MIN_VALUE, Long.MIN_VALUE, Short.MIN_VALUE, false, Double.NaN,
            Timestamp.from(Instant.EPOCH), Timestamp.valueOf("1999-12-31 23:59:59.5"), Time.valueOf("00:00:00"), new UUID(0, 0), new byte[3000], object("jsonb", "0"), object("json", "[]"), object("inet", "::/0")});
        rows.add(new Object[] {5, "Eve", "eve@x", "123456789", "555", LocalDate.of(1990, 5, 6), new BigDecimal("12.345"), 0, 0L, (short) 0, true, -0.0,
            OffsetDateTime.parse("2024-05-06T07:08:09.5+02:00"), LocalDateTime.of(2024, 5, 6, 7, 8, 9), LocalTime.of(23, 59, 59), UUID.fromString("6ba7b811-9dad-11d1-80b4-00c04fd430c8"), new byte[] {1},
            object("jsonb", "{\"n\": 1e2}"), object("json", " {\"k\" : 1}"), object("inet", "10.0.0.0/8")});
        return rows;
    }

    static void set(PreparedStatement statement, Object... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i]);
        }
    }

    private Object ask(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            set(statement, values);
            return statement.execute() ? Report.rows(statement.getResultSet()) : statement.getUpdateCount();
        }
    }

    void run() {
        Report.line("insertEveryColumn", () -> {
            List<Object> found = new ArrayList<>();
            for (Object[] row : people()) {
                found.add(Report.outcome(() -> ask(INSERT + " RETURNING *", row)));
            }
            return found;
        });
        Report.line("insertBySetters", this::insertBySetters);
        Report.line("insertOrders", () -> {
            List<Object> found = new ArrayList<>();
            for (Object[] row : new Object[][] {{1, "4111 " + Report.MARKER, "19.90", "first " + Report.MARKER}, {1, "4222", "0.10", null}, {3, "4333", "-5", "ünï"}, {3, "4111", "19.9", ""}}) {
                found.add(ask("INSERT INTO orders (customer_id, card, amount, note) VALUES (?, ?, ?::numeric, ?) RETURNING id, card, amount", row));
            }
            return found;
        });
        Report.line("readAll", () -> ask("SELECT * FROM customers ORDER BY id"));
        Report.line("readManyTimes", () -> {
            List<Object> found = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                found.add(Report.outcome(() -> ask("SELECT * FROM customers WHERE id >= ? ORDER BY id", 1)));
            }
            return found;
        });
        Report.line("readOneStatementManyTimes", () -> {
            List<Object> found = new ArrayList<>();
            try (PreparedStatement statement = connection.prepareStatement("SELECT " + COLUMNS + " FROM customers WHERE id <= ? ORDER BY id")) {
                for (int i = 0; i < 8; i++) {
                    statement.setInt(1, i);
                    found.add(Report.rows(statement.executeQuery()));
                }
            }
            return found;
        });
        Report.line("getters", this::getters);
        Report.line("inputs", this::inputs);
        Report.line("large", () -> {
            String text = "é€ x%".repeat(200_000);
            Object changed = ask("UPDATE customers SET phone = ?, photo = ? WHERE id = 5", text, text.getBytes("UTF-8"));
            return Report.list(changed, ask("SELECT phone, photo FROM customers WHERE id = 5"), ask("SELECT id FROM customers WHERE phone = ?", text));
        });
        Report.line("settings", () -> {
            List<Object> found = new ArrayList<>();
            for (String setting : new String[] {"TimeZone = 'America/New_York'", "TimeZone = 'Asia/Kathmandu'", "bytea_output = 'escape'", "extra_float_digits = 0"}) {
                found.add(Report.outcome(() -> ask("SET " + setting)));
                found.add(Report.outcome(() -> strings("SELECT seen, local_time, birth, score FROM customers WHERE id IN (1, 3) ORDER BY id")));
            }
            for (String setting : new String[] {"TimeZone = 'UTC'", "bytea_output = 'hex'", "extra_float_digits = 3"}) {
                ask("SET " + setting);
            }
            return found;
        });
    }

    private List<Object> strings(String sql) throws SQLException {
        List<Object> found = new ArrayList<>();
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
                    found.add(rows.getString(i));
                }
            }
        }
        return found;
    }

    private Object insertBySetters() throws SQLException {
        try (PreparedStatement s = connection.prepareStatement(INSERT + " RETURNING *")) {
            s.setInt(1, 6);
            s.setString(2, "Set");
            s.setString(3, "set@x");
            s.setString(4, "s " + Report.MARKER);
            s.setNull(5, Types.VARCHAR);
            s.setDate(6, Date.valueOf("2024-02-29"));
            s.setBigDecimal(7, new BigDecimal("5"));
            s.setShort(8, (short) 12);
            s.setInt(9, 12);
            s.setInt(10, 12);
            s.setBoolean(11, true);
            s.setFloat(12, 1.5f);
            s.setTimestamp(13, Timestamp.valueOf("2024-05-06 07:08:09.123456"));
            s.setTimestamp(14, Timestamp.valueOf("2024-05-06 07:08:09.123456"));
            s.setTime(15, Time.valueOf("10:11:12"));
            s.setObject(16, "00000000-0000-0000-0000-000000000001", Types.OTHER);
            s.setBytes(17, "bytes".getBytes());
            s.setObject(18, "{\"x\": 1}", Types.OTHER);
            s.setNull(19, Types.OTHER);
            s.setObject(20, "1.2.3.4", Types.OTHER);
            return Report.rows(s.executeQuery());
        }
    }

    /** Every column by every getter that makes sense. */
    private Object getters() throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        try (PreparedStatement s = connection.prepareStatement("SELECT " + COLUMNS + " FROM customers WHERE id > ? ORDER BY id")) {
            s.setInt(1, 0);
            for (int round = 0; round < 6; round++) {
                try (ResultSet rows = s.executeQuery()) {
                    while (rows.next()) {
                        List<Object> row = new ArrayList<>();
                        for (String column : COLUMNS.split(", ")) {
                            // The text of bytes in binary form would be an object's address.
                            row.add(column.equals("photo") ? null : Report.outcome(() -> rows.getString(column)));
                            row.add(Report.outcome(() -> rows.getObject(column)));
                        }
                        row.add(Report.outcome(() -> rows.getObject("birth", LocalDate.class)));
                        row.add(Report.outcome(() -> rows.getDate("birth")));
                        row.add(Report.outcome(() -> rows.getBigDecimal("balance")));
                        row.add(Report.outcome(() -> rows.getDouble("balance")));
                        row.add(Report.outcome(() -> rows.getLong("visits")));
                        row.add(Report.outcome(() -> rows.getInt("points")));
                        row.add(Report.outcome(() -> rows.getBoolean("vip")));
                        row.add(Report.outcome(() -> rows.getFloat("score")));
                        row.add(Report.outcome(() -> rows.getTimestamp("seen")));
                        row.add(Report.outcome(() -> rows.getObject("seen", OffsetDateTime.class)));
                        row.add(Report.outcome(() -> rows.getObject("local_time", LocalDateTime.class)));
                        row.add(Report.outcome(() -> rows.getObject("opens", LocalTime.class)));
                        row.add(Report.outcome(() -> rows.getObject("token", UUID.class)));
                        row.add(Report.outcome(() -> rows.getBytes("photo")));
                        row.add(Report.outcome(() -> rows.getBytes("phone")));
                        row.add(Report.outcome(() -> rows.getCharacterStream("phone") == null));
                        found.put(round + "/" + rows.getInt("id"), row);
                    }
                }
            }
        }
        return found;
    }

    private Object inputs() throws SQLException {
        Map<String, Object> found = new LinkedHashMap<>();
        Object[][] all = {
            {"ssn", "12345678901", "123456789012"}, {"email", "x".repeat(121)}, {"birth", "x", LocalDateTime.of(2024, 1, 2, 3, 4), 5}, {"balance", 1e9, new BigDecimal("99999999999"), "1", 7L},
            {"visits", 5L, 5_000_000_000L, 1.5, "x", new BigDecimal("2.5"), (short) 2, true}, {"level", 32768, 7}, {"points", 2, new BigDecimal("9223372036854775808")}, {"score", 1.5f, 3, new BigDecimal("0.1"), "1"},
            {"vip", "t", 1, true}, {"seen", LocalDateTime.of(2024, 1, 2, 3, 4), LocalDate.of(2024, 1, 2), "2024-01-01"}, {"local_time", OffsetDateTime.parse("2024-05-06T07:08:09.5+02:00"), LocalDate.of(2024, 1, 2)},
            {"opens", LocalTime.of(1, 2, 3, 456789), "10:00"}, {"token", new UUID(1, 2), "x"}, {"prefs", object("jsonb", "null"), object("json", "[1]"), "{}"}, {"raw", object("json", "[1 ,2]"), object("jsonb", "[1 ,2]")},
            {"address", object("inet", "1.2.3.4/33"), object("cidr", "10.0.0.0/8"), "::1"}, {"phone", 5, true, 'c', new BigDecimal("1.50"), LocalDate.of(2024, 1, 2), new UUID(1, 2), "nul\0"},
        };
        connection.setAutoCommit(false);
        for (Object[] inputs : all) {
            List<Object> seen = new ArrayList<>();
            for (int i = 1; i < inputs.length; i++) {
                Object value = inputs[i];
                seen.add(Report.outcome(() -> ask("UPDATE customers SET " + inputs[0] + " = ? WHERE id = 5 RETURNING " + inputs[0], value)));
                connection.rollback();
                // Compared with floats, sealed integers are refused.
                if (!(value instanceof Double || value instanceof Float)) {
                    seen.add(Report.outcome(() -> ask("SELECT id FROM customers WHERE visits = ? AND " + inputs[0] + " IS NOT NULL", value)));
                    connection.rollback();
                }
            }
            found.put((String) inputs[0], seen);
        }
        connection.setAutoCommit(true);
        return found;
    }
}
