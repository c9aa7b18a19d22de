import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;

/** CopyManager, both ways. */
final class Copies {
    private static final String COLUMNS = "id, name, email, ssn, birth, balance, visits, vip, seen, photo, prefs";
    private static final String ROWS = "1001\tc1\tcopy1@" + Report.MARKER + "\tssn-1\t1990-01-02\t1.50\t1\tt\t2024-01-01 00:00:00+00\t\\\\x0001ff\t{\"a\": 1}\n"
        + "1002\tc2\tcopy2@x\t\\N\t\\N\t0\t\\N\t\\N\t\\N\t\\N\t\\N\n" + "1003\tc3\tback\\\\slash\\ttab\\nline\täöü\tinfinity\tNaN\t-5\tf\t1999-12-31 23:59:59.999999-08\t\\\\x\t[]\n";

    private final Connection connection;

    Copies(Connection connection) {
        this.connection = connection;
    }

    private CopyManager manager() throws SQLException {
        return connection.unwrap(PGConnection.class).getCopyAPI();
    }

    private Object rows(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return Report.rows(statement.executeQuery(sql));
        }
    }

    void run() {
        Report.line("copyText", () -> Report.list(manager().copyIn("COPY customers (" + COLUMNS + ") FROM STDIN", new StringReader(ROWS), 5), rows("SELECT " + COLUMNS + " FROM customers WHERE id > 1000 ORDER BY id"), out("COPY (SELECT " + COLUMNS + " FROM customers ORDER BY id) TO STDOUT")));
        Report.line("copyCsv", () -> {
            String csv = "id,name,email,balance,phone\n1011,\"a \"\"q\"\" b\",csv1@" + Report.MARKER + ",10.5,\"multi\nline\"\n1012,plain,csv2@x,0,\n1013,\"\",\"c,omma@x\",-1,\"\"\n";
            long count = manager().copyIn("COPY customers (id, name, email, balance, phone) FROM STDIN WITH (FORMAT csv, HEADER)", new ByteArrayInputStream(csv.getBytes(StandardCharsets.UTF_8)), 7);
            return Report.list(count, rows("SELECT id, name, email, balance, phone FROM customers WHERE id > 1010 ORDER BY id"), out("COPY (SELECT id, email, phone FROM customers ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *)"));
        });
        Report.line("copyBinary", () -> {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            long sent = manager().copyOut("COPY (SELECT id + 1000, name, 'b' || id, ssn, birth, balance, visits, vip, seen, photo, prefs FROM customers WHERE id IN (1001, 1002, 1003) ORDER BY id) TO STDOUT (FORMAT binary)", bytes);
            long read = manager().copyIn("COPY customers (" + COLUMNS + ") FROM STDIN (FORMAT binary)", new ByteArrayInputStream(bytes.toByteArray()), 13);
            return Report.list(sent, HexFormat.of().formatHex(bytes.toByteArray()), read, rows("SELECT " + COLUMNS + " FROM customers WHERE id > 2000 ORDER BY id"));
        });
        Report.line("copyManyRows", () -> {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 5000; i++) {
                text.append(10_000 + i).append("\tn\tmany").append(i).append("@x\t").append(i).append(".5\n");
            }
            long count = manager().copyIn("COPY customers (id, name, email, balance) FROM STDIN", new StringReader(text.toString()));
            return Report.list(count, out("COPY (SELECT id, email, balance FROM customers WHERE id >= 10000 ORDER BY id) TO STDOUT"), rows("WITH gone AS (DELETE FROM customers WHERE id >= 10000 RETURNING id) SELECT count(*) FROM gone"));
        });
        Report.line("copyBadRows", () -> {
            List<Object> found = new ArrayList<>();
            for (String bad : new String[] {"4000\tn\tbad0@x\t1\n4001\tn\tbad1@x\twrong\n", "4000\tn\tbad0@x\n", "x\tn\tbad0@x\t1\n", "4000\tn\t\\N\t1\n", "4000\tn\tcopy2@x\t1\n"}) {
                found.add(Report.outcome(() -> manager().copyIn("COPY customers (id, name, email, balance) FROM STDIN", new StringReader(bad))));
                found.add(rows("SELECT count(*) FROM customers WHERE id >= 4000"));
            }
            return found;
        });
        Report.line("copyCancelled", () -> {
            CopyIn copy = manager().copyIn("COPY customers (id, name, email, balance) FROM STDIN");
            byte[] part = "5000\tn\tcancel@x\t1\n5001\tn\tca".getBytes(StandardCharsets.UTF_8);
            copy.writeToCopy(part, 0, part.length);
            copy.cancelCopy();
            return Report.list(copy.isActive(), rows("SELECT count(*) FROM customers WHERE id >= 5000"));
        });
    }

    private String out(String sql) throws Exception {
        StringWriter text = new StringWriter();
        long count = manager().copyOut(sql, text);
        return count + " " + text;
    }
}
