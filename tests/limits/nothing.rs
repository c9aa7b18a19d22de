//! Results without columns, results without rows, statements without anything.

use super::{
    raw::{Script, bind, brief, describe_portal, describe_statement, execute, parse, query, sync},
    same,
    support::{PEOPLE, PEOPLE_POLICY, World},
};

#[test]
fn results_without_columns_are_as_the_server_gives_them() {
    let world = World::builder()
        .schema(&format!("{PEOPLE}; CREATE TABLE plain (id integer, t text); CREATE TABLE bare ()"))
        .tables(PEOPLE_POLICY)
        .start();
    let mut script = Script::new();
    for id in 1..=3 {
        script = script
            .query(&format!("INSERT INTO people (id, name, email) VALUES ({id}, 'n', 'e{id}@x')"))
            .query(&format!("INSERT INTO plain VALUES ({id}, 'x')"));
    }
    script = script.query("INSERT INTO bare DEFAULT VALUES");
    for sql in [
        "SELECT FROM people",
        "SELECT FROM people WHERE email = 'e2@x'",
        "SELECT FROM people WHERE email = 'nobody'",
        "SELECT FROM people p JOIN people q USING (email)",
        "SELECT FROM plain",
        "SELECT FROM plain WHERE id = 2",
        "SELECT FROM bare",
        "SELECT * FROM bare",
        "SELECT bare.* FROM bare, people",
        "SELECT",
        "SELECT 1 FROM people WHERE EXISTS (SELECT FROM people WHERE email = 'e1@x')",
        "WITH x AS (SELECT FROM people) SELECT count(*) FROM x",
        "INSERT INTO people (name, email) VALUES ('more', 'more@x')",
        "UPDATE people SET notes = 'n' WHERE email = 'more@x'",
        "DELETE FROM people WHERE email = 'more@x'",
        "UPDATE people SET notes = 'n' WHERE email = 'nobody' RETURNING email",
        "SELECT email FROM people LIMIT 0",
        "COPY (SELECT FROM people) TO STDOUT",
        "COPY (SELECT FROM people) TO STDOUT CSV",
        "COPY (SELECT FROM people) TO STDOUT BINARY",
        "COPY (SELECT FROM plain) TO STDOUT BINARY",
        "COPY bare TO STDOUT",
        "COPY bare TO STDOUT BINARY",
        "COPY people () TO STDOUT",
        "",
        ";",
        "-- nothing",
    ] {
        script = script.query(sql);
        for results in [&[][..], &[0], &[1]] {
            script = script
                .ask([
                    parse("", sql, &[]),
                    describe_statement(""),
                    bind("", "", &[], &[], results),
                    describe_portal(""),
                    execute("", 0),
                    sync(),
                ])
                .ask([parse("", sql, &[]), bind("", "", &[], &[], results), execute("", 2), execute("", 0), sync()]);
        }
    }
    // More formats than columns.
    script =
        script.ask([parse("", "SELECT FROM people", &[]), bind("", "", &[], &[], &[0, 1]), execute("", 0), sync()]);
    script = script.query("SELECT FROM people; SELECT FROM plain; SELECT email FROM people WHERE id = 1");
    script = script.query("BEGIN").query("DECLARE c CURSOR FOR SELECT FROM people").ask([query("FETCH 2 FROM c")]);
    let said = brief(&same(&world, &script.query("FETCH ALL FROM c").query("COMMIT")));
    // Rows without columns are rows.
    assert!(said.windows(2).any(|pair| pair == ["", "FETCH 1"]), "{said:?}");
}
