import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.Properties;

/** pgjdbc over TLS: {@code Door PORT DATABASE CA BINDING CHECK MARKER}. */
final class Door {
    private Door() {}

    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "app");
        properties.setProperty("password", "app");
        properties.setProperty("channelBinding", args[3]);
        if (args[4].equals("verify")) {
            properties.setProperty("sslmode", "verify-full");
            properties.setProperty("sslrootcert", args[2]);
        } else {
            properties.setProperty("sslmode", "require");
        }
        String url = "jdbc:postgresql://localhost:" + args[0] + "/" + args[1];
        String marker = args[5];
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            String insert = "INSERT INTO people (name, email, notes) VALUES ('d', ?, ?)";
            try (PreparedStatement statement = connection.prepareStatement(insert)) {
                statement.setString(1, marker + "@x");
                statement.setString(2, marker);
                statement.executeUpdate();
            }
            String query = "SELECT notes FROM people WHERE email = ?";
            try (PreparedStatement statement = connection.prepareStatement(query)) {
                statement.setString(1, marker + "@x");
                try (ResultSet result = statement.executeQuery()) {
                    result.next();
                    System.out.println(result.getString(1));
                }
            }
        }
    }
}
