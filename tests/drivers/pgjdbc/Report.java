import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** How a case is run and printed: a line of JSON with all that a program can see. */
final class Report {
    /** Written into a value of each sealed text column; the server's log is searched for it. */
    static final String MARKER = "Qx7Zkw";

    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    /** Something that may fail. */
    interface Action {
        Object run() throws Exception;
    }

    private Report() {}

    static void line(String name, Action action) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("case", name);
        line.put("found", outcome(action));
        StringBuilder text = new StringBuilder();
        json(line, text);
        OUT.println(text);
    }

    /** The result, or what there is to see of the failure. */
    static Object outcome(Action action) {
        try {
            return shown(action.run());
        } catch (SQLException error) {
            return failure(error);
        } catch (Exception error) {
            return error.getClass().getName() + ": " + error.getMessage();
        }
    }

    static List<Object> list(Object... items) {
        return new ArrayList<>(Arrays.asList(items));
    }

    /** Names and types of a result's columns, and its rows, each value as the object that the driver makes. */
    static Object rows(ResultSet found) throws SQLException {
        try (found) {
            return list(columns(found.getMetaData()), values(found));
        }
    }

    static List<Object> values(ResultSet found) throws SQLException {
        int count = found.getMetaData().getColumnCount();
        List<Object> rows = new ArrayList<>();
        while (found.next()) {
            List<Object> row = new ArrayList<>();
            for (int i = 1; i <= count; i++) {
                final int at = i;
                row.add(outcome(() -> found.getObject(at)));
            }
            rows.add(row);
        }
        return rows;
    }

    static List<Object> columns(ResultSetMetaData about) throws SQLException {
        List<Object> columns = new ArrayList<>();
        for (int i = 1; i <= about.getColumnCount(); i++) {
            columns.add(String.join(" ", about.getColumnLabel(i), about.getColumnTypeName(i), String.valueOf(about.getColumnType(i)),
                String.valueOf(about.getPrecision(i)), String.valueOf(about.getScale(i)), String.valueOf(about.getColumnDisplaySize(i)),
                about.getColumnClassName(i), String.valueOf(about.isSigned(i)), String.valueOf(about.isCaseSensitive(i))));
        }
        return columns;
    }

    static Object failure(SQLException error) {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("error", error.getClass().getSimpleName());
        found.put("state", error.getSQLState());
        found.put("message", redacted(error.getMessage()));
        if (error instanceof BatchUpdateException batch) {
            found.put("counts", shown(batch.getUpdateCounts()));
        }
        if (error instanceof PSQLException native_ && native_.getServerErrorMessage() != null) {
            ServerErrorMessage server = native_.getServerErrorMessage();
            found.put("server", list(server.getSeverity(), server.getMessage(), redacted(server.getDetail()), server.getHint(), server.getPosition(), redacted(server.getWhere()),
                server.getSchema(), server.getTable(), server.getColumn(), server.getDatatype(), server.getConstraint(), server.getInternalQuery(), server.getInternalPosition()));
        }
        if (error.getNextException() != null) {
            found.put("next", failure(error.getNextException()));
        }
        return found;
    }

    /** Without what pgveil leaves out of errors: values and rows in DETAIL and CONTEXT. */
    private static String redacted(String text) {
        return text == null ? null : text.replaceAll("(?s)(=|contains )\\((?!…).*?\\)(?= already|\\.| is )", "$1(…)").replaceAll("(?s)(COPY \\w+, line \\d+): \".*\"", "$1");
    }

    static Object shown(Object value) {
        if (value == null || value instanceof Boolean || value instanceof Map) {
            return value;
        } else if (value instanceof String text) {
            return shortened(text);
        } else if (value instanceof byte[] bytes) {
            return "bytes " + shortened(HexFormat.of().formatHex(bytes));
        } else if (value instanceof int[] counts) {
            return Arrays.toString(counts);
        } else if (value instanceof List<?> items) {
            List<Object> all = new ArrayList<>();
            items.forEach(item -> all.add(shown(item)));
            return all;
        } else if (value instanceof Object[] items) {
            return shown(Arrays.asList(items));
        } else if (value instanceof Timestamp moment) {
            return "Timestamp " + moment.getTime() + " " + moment.getNanos();
        } else if (value instanceof PGobject object) {
            return object.getClass().getSimpleName() + " " + object.getType() + " " + shortened(String.valueOf(object.getValue()));
        } else if (value instanceof SQLException error) {
            return failure(error);
        }
        return value.getClass().getSimpleName() + " " + shortened(value.toString());
    }

    private static String shortened(String text) {
        return text.length() <= 300 ? text : text.substring(0, 40) + "…(" + text.length() + " characters, " + Integer.toHexString(text.hashCode()) + ")";
    }

    private static void json(Object value, StringBuilder out) {
        if (value == null || value instanceof Boolean) {
            out.append(value);
        } else if (value instanceof Map<?, ?> map) {
            String before = "{";
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                out.append(before);
                json(entry.getKey().toString(), out);
                out.append(':');
                json(entry.getValue(), out);
                before = ",";
            }
            out.append(map.isEmpty() ? "{}" : "}");
        } else if (value instanceof List<?> list) {
            out.append('[');
            for (int i = 0; i < list.size(); i++) {
                out.append(i == 0 ? "" : ",");
                json(list.get(i), out);
            }
            out.append(']');
        } else {
            out.append('"');
            for (char c : value.toString().toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < ' ') {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            out.append('"');
        }
    }
}
