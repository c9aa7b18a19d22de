//! Who sweeps needs no more than pgveil asks for: no superuser, no owner of the tables.

use crate::{house::House, support::World};

const SCHEMA: &str = "CREATE TABLE people (id int PRIMARY KEY, secret text, number int, plain text);
CREATE TABLE parts (id int, secret text) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100)";
const TABLES: &str = "people: { columns: { secret: { type: text }, number: { type: int4 } } }
parts: { columns: { secret: { type: text } } }";

fn house(role: &str, extra: &str) -> House {
    let builder = World::builder()
        .schema(SCHEMA)
        .tables(TABLES)
        .extra(extra)
        .superuser_sql(&format!("CREATE ROLE {role} LOGIN"))
        .service(role)
        .owner("pgveil_owner")
        .not_running();
    let house = House::with(builder, 1, false);
    house.ask("INSERT INTO people SELECT 1, 'one', 1, 'plain'");
    house.ask("INSERT INTO parts VALUES (1, 'one')");
    house
}

/// Sealed anew by a role that can do nothing else.
fn is_enough(house: &House, role: &str) {
    let (old, new) = house.rotate();
    let job = house.sweep(&[]);
    assert_eq!(house.state(job), "completed");
    for (table, column) in [("people", "secret"), ("people", "number"), ("part", "secret")] {
        assert_eq!(house.by_dek(table, column), [(new, 1)].into(), "{table}.{column}");
    }
    let rights = house.sql(&format!(
        "SELECT has_column_privilege('{role}', 'people', 'plain', 'UPDATE'), has_table_privilege('{role}', 'people', 'DELETE'), \
         has_table_privilege('{role}', 'people', 'INSERT'), (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = '{role}')"
    ));
    assert_eq!(rights, "f|f|f|f");
    assert_eq!(house.ask("SELECT secret, number FROM people"), "one|1");
    house.pgveil(&["keys", "retire", &format!("{old:#010x}")]);
}

#[test]
fn a_service_role_with_what_apply_grants_is_enough() {
    is_enough(&house("sweeper", "sweep: { workers: 1 }"), "sweeper");
}

#[test]
fn a_service_role_without_the_rights_is_told_which_and_they_are_enough() {
    let house = house("unready", "");
    house.rotate();
    let said = house.refused(&["sweep", "start", "--yes"], "sweep/");
    println!("{said}");
    let grants: Vec<&str> = said.lines().filter_map(|line| Some(&line[line.find("GRANT ")?..])).collect();
    assert!(!grants.is_empty(), "{said}");
    for grant in grants {
        house.sql(grant);
    }
    is_enough(&house, "unready");
}

#[test]
fn row_level_security_that_the_service_role_does_not_bypass_is_in_the_way() {
    let house = house("watched", "");
    house.sql("GRANT SELECT, UPDATE ON people, parts, part TO watched");
    house.sql("CREATE POLICY mine ON people USING (id = 0); ALTER TABLE people ENABLE ROW LEVEL SECURITY");
    let (old, new) = house.rotate();
    let said = house.refused(&["sweep", "start", "--yes"], "sweep/");
    println!("{said}");
    assert!(said.contains("row") && said.contains("people"), "{said}");
    assert_eq!(house.by_dek("people", "secret"), [(old, 1)].into());
    // The owner of the tables is not held by it: neither is who bypasses it.
    house.sql("ALTER ROLE watched BYPASSRLS");
    let job = house.sweep(&[]);
    assert_eq!(house.state(job), "completed");
    assert_eq!(house.by_dek("people", "secret"), [(new, 1)].into());
}
