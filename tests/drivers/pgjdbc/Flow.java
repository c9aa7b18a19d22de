import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** Transactions, portals, prepared statements, notifications, timeouts. */
final class Flow {
    private static final String ADD = "INSERT INTO orders (customer_id, card, amount, note) VALUES (?, ?, ?, ?)";

    private final Connection connection;
    private final Main.Sessions sessions;

    Flow(Connection connection, Main.Sessions sessions) {
        this.connection = connection;
        this.sessions = sessions;
    }

    private static Object ask(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            Values.set(statement, values);
            return statement.execute() ? Report.rows(statement.getResultSet()) : statement.getUpdateCount();
        }
    }

    private Object ask(String sql, Object... values) throws SQLException {
        return ask(connection, sql, values);
    }

    private Object add(String card, int customer) {
        return Report.outcome(() -> ask(ADD, customer, card, new BigDecimal("1.5"), "note of " + card));
    }

    private Object cards() {
        return Report.outcome(() -> ask("SELECT card, amount, note FROM orders WHERE card IN ('one', 'two', 'three', 'four') ORDER BY id"));
    }

    private Object inTransaction(Report.Action action) throws Exception {
        connection.setAutoCommit(false);
        try {
            return action.run();
        } finally {
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }

    private Object commit() {
        return Report.outcome(() -> {
            connection.commit();
            return "committed";
        });
    }

    void run() {
        Report.line("commit", () -> inTransaction(() -> Report.list(add("one", 1), commit(), cards())));
        Report.line("rollback", () -> inTransaction(() -> {
            Object seen = Report.list(add("two", 1), cards());
            connection.rollback();
            return Report.list(seen, cards());
        }));
        Report.line("failedInTransaction", () -> inTransaction(() -> Report.list(add("two", 1), add("two", 999), cards(), commit(), cards())));
        Report.line("savepoints", () -> inTransaction(() -> {
            Object first = add("two", 1);
            Savepoint point = connection.setSavepoint("point");
            Object failed = Report.list(add("three", 999), cards());
            connection.rollback(point);
            Object second = add("three", 3);
            connection.releaseSavepoint(point);
            return Report.list(first, failed, second, commit(), cards());
        }));
        Report.line("readOnlyAndSerializable", () -> {
            connection.setReadOnly(true);
            connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            Object found = inTransaction(() -> Report.list(cards(), add("four", 1)));
            connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            connection.setReadOnly(false);
            return found;
        });
        Report.line("fetchSizes", () -> inTransaction(this::fetchSizes));
        Report.line("portalAbandoned", () -> inTransaction(() -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT id, email FROM customers ORDER BY id")) {
                statement.setFetchSize(2);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    Object between = ask("SELECT card FROM orders WHERE card = ?", "one");
                    rows.next();
                    rows.next();
                    return Report.list(between, rows.getString(2));
                }
            }
        }));
        Report.line("scrollable", () -> {
            try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY); ResultSet rows = statement.executeQuery("SELECT id, email FROM customers ORDER BY id")) {
                rows.last();
                int last = rows.getRow();
                rows.absolute(2);
                Object second = rows.getString(2);
                rows.previous();
                return Report.list(last, second, rows.getString(2));
            }
        });
        Report.line("maxRows", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.setMaxRows(2);
                return Report.rows(statement.executeQuery("SELECT id, email FROM customers ORDER BY id"));
            }
        });
        Report.line("cursorsInSql", () -> inTransaction(() -> {
            List<Object> found = new ArrayList<>();
            for (String sql : new String[] {"DECLARE c SCROLL CURSOR FOR SELECT id, email FROM customers ORDER BY id", "FETCH 2 FROM c", "FETCH BACKWARD 1 FROM c", "MOVE 2 IN c", "FETCH c", "CLOSE c", "FETCH c"}) {
                found.add(Report.outcome(() -> ask(sql)));
            }
            return found;
        }));
        Report.line("preparedAgain", () -> preparedAgain(true));
        Report.line("preparedAgainInTransaction", () -> preparedAgain(false));
        Report.line("listen", this::listen);
        Report.line("notices", () -> {
            try (Statement statement = connection.createStatement()) {
                statement.execute("DO $$ BEGIN RAISE NOTICE 'from the block'; RAISE WARNING USING MESSAGE = 'ü', ERRCODE = 'U1234'; END $$");
                return Report.list(statement.getWarnings().getMessage(), statement.getWarnings().getSQLState(), statement.getWarnings().getNextWarning().getMessage());
            }
        });
        Report.line("queryTimeout", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT email, pg_sleep(10)::text FROM customers WHERE id = ?")) {
                statement.setInt(1, 1);
                statement.setQueryTimeout(1);
                return Report.list(Report.outcome(() -> Report.rows(statement.executeQuery())), ask("SELECT email FROM customers WHERE id = ?", 1));
            }
        });
        Report.line("statementTimeout", () -> Report.list(ask("SET statement_timeout = 100"), Report.outcome(() -> ask("SELECT email, pg_sleep(5)::text FROM customers WHERE id = ?", 1)), ask("RESET statement_timeout"), ask("SELECT email FROM customers WHERE id = ?", 1)));
        Report.line("secondSession", () -> {
            Properties more = new Properties();
            more.setProperty("ApplicationName", "driver test");
            more.setProperty("options", "-c TimeZone=Asia/Tokyo");
            more.setProperty("currentSchema", "public");
            try (Connection other = sessions.open(more)) {
                other.setAutoCommit(false);
                Object found = Report.list(ask(other, "SELECT email FROM customers WHERE id = ? FOR UPDATE", 1), Report.outcome(() -> ask("SELECT email FROM customers WHERE id = ? FOR UPDATE NOWAIT", 1)), ask(other, "SHOW application_name"));
                other.rollback();
                return Report.list(found, other.isValid(2));
            }
        });
    }

    private Object fetchSizes() throws SQLException {
        List<Object> found = new ArrayList<>();
        for (int size : new int[] {1, 2, 3, 100}) {
            try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM customers WHERE id > ? ORDER BY id")) {
                statement.setInt(1, 0);
                statement.setFetchSize(size);
                found.add(Report.rows(statement.executeQuery()));
            }
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(size);
                found.add(Report.rows(statement.executeQuery("SELECT card, note FROM orders ORDER BY id")));
            }
        }
        return found;
    }

    /** Statements that the driver has prepared, after DDL and after they are gone. */
    private Object preparedAgain(boolean autoCommit) throws SQLException {
        List<Object> found = new ArrayList<>();
        try (Connection other = sessions.open(new Properties());
            PreparedStatement orders = other.prepareStatement("SELECT * FROM orders WHERE card = ?");
            PreparedStatement events = other.prepareStatement("SELECT * FROM events WHERE id > ?")) {
            other.setAutoCommit(autoCommit);
            orders.setString(1, "one");
            events.setInt(1, 0);
            Report.Action both = () -> Report.list(Report.outcome(() -> Report.rows(orders.executeQuery())), Report.outcome(() -> Report.rows(events.executeQuery())));
            for (int i = 0; i < 7; i++) {
                found.add(Report.outcome(both));
            }
            for (String change : new String[] {"ALTER TABLE orders ADD COLUMN extra integer DEFAULT 5", "ALTER TABLE orders DROP COLUMN extra", "ALTER TABLE events ADD COLUMN extra text", "ALTER TABLE events DROP COLUMN extra", "DEALLOCATE ALL", "DISCARD ALL"}) {
                found.add(Report.list(Report.outcome(() -> ask(other, change)), Report.outcome(both), Report.outcome(both)));
                if (!autoCommit) {
                    found.add(Report.outcome(() -> {
                        other.commit();
                        return "committed";
                    }));
                }
            }
        }
        return found;
    }

    private Object listen() throws Exception {
        List<Object> heard = new ArrayList<>();
        try (Connection other = sessions.open(new Properties())) {
            ask("LISTEN news");
            ask(other, "NOTIFY news, 'one'");
            ask(other, "SELECT pg_notify('news', ?)", "zwei ü");
            for (int i = 0; i < 200 && heard.size() < 2; i++) {
                PGNotification[] some = connection.unwrap(PGConnection.class).getNotifications(50);
                for (PGNotification one : some == null ? new PGNotification[0] : some) {
                    heard.add(one.getName() + ": " + one.getParameter());
                }
            }
            Object found = ask("SELECT email FROM customers WHERE id = ?", 1);
            ask("UNLISTEN news");
            return Report.list(heard, found);
        }
    }
}
