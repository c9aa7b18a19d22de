import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** pgjdbc: {@code Main URL [property=value ...]}. */
final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        URI address = URI.create(args[0]);
        Properties properties = new Properties();
        String[] user = address.getUserInfo().split(":");
        properties.setProperty("user", user[0]);
        properties.setProperty("password", user[1]);
        for (int i = 1; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            properties.setProperty(pair[0], pair[1]);
        }
        String url = "jdbc:postgresql://" + address.getHost() + ":" + address.getPort() + address.getPath();
        Sessions sessions = more -> {
            Properties all = new Properties();
            all.putAll(properties);
            all.putAll(more);
            return DriverManager.getConnection(url, all);
        };
        try (Connection connection = sessions.open(new Properties())) {
            try (Statement statement = connection.createStatement()) {
                statement.execute("TRUNCATE customers, orders, events RESTART IDENTITY");
            }
            new Values(connection).run();
            new Statements(connection).run();
            new Flow(connection, sessions).run();
            new Copies(connection).run();
            new About(connection).run(args.length == 1);
        }
    }

    /** Opens further connections, with more properties. */
    interface Sessions {
        Connection open(Properties more) throws SQLException;
    }
}
