import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.postgresql.PGResultSetMetaData;

/** What the driver can say of statements and tables. */
final class About {
    private final Connection connection;

    About(Connection connection) {
        this.connection = connection;
    }

    /** Some columns of a result of DatabaseMetaData. */
    private static Object some(ResultSet found, String... columns) throws SQLException {
        List<Object> rows = new ArrayList<>();
        try (found) {
            while (found.next()) {
                StringBuilder row = new StringBuilder();
                for (String column : columns) {
                    row.append(found.getString(column)).append(' ');
                }
                rows.add(row.toString());
            }
        }
        return rows;
    }

    /** `catalog`: also what the catalog says of a protected table, which is how it is stored. */
    void run(boolean catalog) {
        Report.line("parametersOfStatement", () -> {
            List<Object> found = new ArrayList<>();
            for (String sql : new String[] {
                "SELECT * FROM customers WHERE email = ? AND visits = ? AND birth = ? AND token = ? AND seen = ?", "INSERT INTO customers (" + Values.COLUMNS + ") VALUES (?" + ", ?".repeat(19) + ")",
                "UPDATE customers SET phone = ?, prefs = ? WHERE ssn = ? RETURNING balance", "SELECT id FROM orders WHERE card = ANY (?) AND amount = ?",
            }) {
                try (PreparedStatement statement = connection.prepareStatement(sql)) {
                    ParameterMetaData about = statement.getParameterMetaData();
                    List<Object> types = new ArrayList<>();
                    for (int i = 1; i <= about.getParameterCount(); i++) {
                        types.add(about.getParameterTypeName(i) + " " + about.getParameterType(i) + " " + about.getParameterClassName(i));
                    }
                    ResultSetMetaData columns = statement.getMetaData();
                    found.add(Report.list(types, columns == null ? null : Report.columns(columns)));
                }
            }
            return found;
        });
        Report.line("originOfColumns", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT c.email AS mail, c.balance, o.*, 1 + 1 AS sum FROM customers c JOIN orders o ON o.customer_id = c.id"); ResultSet rows = statement.executeQuery()) {
                ResultSetMetaData about = rows.getMetaData();
                PGResultSetMetaData more = about.unwrap(PGResultSetMetaData.class);
                List<Object> found = new ArrayList<>();
                for (int i = 1; i <= about.getColumnCount(); i++) {
                    found.add(String.join(" ", more.getBaseSchemaName(i), more.getBaseTableName(i), more.getBaseColumnName(i), String.valueOf(about.isAutoIncrement(i)), String.valueOf(about.isNullable(i))));
                }
                return found;
            }
        });
        Report.line("tables", () -> some(connection.getMetaData().getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME", "TABLE_TYPE"));
        Report.line("primaryKeys", () -> some(connection.getMetaData().getPrimaryKeys(null, "public", "customers"), "COLUMN_NAME", "PK_NAME"));
        Report.line("foreignKeys", () -> some(connection.getMetaData().getImportedKeys(null, "public", "orders"), "PKTABLE_NAME", "FKCOLUMN_NAME", "FK_NAME"));
        Report.line("columnsOfPlainTable", () -> some(connection.getMetaData().getColumns(null, "public", "events", "%"), "COLUMN_NAME", "TYPE_NAME", "COLUMN_SIZE", "IS_NULLABLE", "COLUMN_DEF"));
        if (catalog) {
            Report.line("columnsOfProtectedTable", () -> some(connection.getMetaData().getColumns(null, "public", "customers", "%"), "COLUMN_NAME", "TYPE_NAME", "DATA_TYPE", "COLUMN_SIZE", "IS_NULLABLE"));
            Report.line("indexes", () -> some(connection.getMetaData().getIndexInfo(null, "public", "customers", false, false), "INDEX_NAME", "NON_UNIQUE", "COLUMN_NAME"));
        }
        Report.line("product", () -> {
            DatabaseMetaData about = connection.getMetaData();
            return Report.list(about.getDatabaseProductName(), about.getDatabaseProductVersion(), about.getUserName(), about.supportsSavepoints(), connection.getSchema());
        });
    }
}
