//! The rights that sweeps need: `apply` gives them, `check` names what is missing.

use crate::{
    code, json,
    support::{World, both, psql, stdout},
};

const SCHEMA: &str = "
CREATE SCHEMA parts;
CREATE TABLE notes (id int PRIMARY KEY, body text, title text, plain text);
CREATE TABLE old_notes (year int) INHERITS (notes);
CREATE TABLE parts.events (id int, day date, who text) PARTITION BY RANGE (day);
CREATE TABLE parts.y1 PARTITION OF parts.events FOR VALUES FROM ('2001-01-01') TO ('2002-01-01') PARTITION BY LIST (id);
CREATE TABLE parts.\"y1 A\" PARTITION OF parts.y1 FOR VALUES IN (1);
CREATE TABLE parts.y2 PARTITION OF parts.events FOR VALUES FROM ('2002-01-01') TO ('2003-01-01')";

const POLICY: &str = "
notes: { columns: { body: { type: text }, title: { type: text } } }
parts.events: { columns: { who: { type: text } } }";

/// Applied with an owner of its own; the service role has nothing but its login.
fn world(service: &str, owner: &str) -> World {
    World::builder()
        .schema(SCHEMA)
        .tables(POLICY)
        .service(service)
        .owner(owner)
        .superuser_sql(&format!("CREATE ROLE {service} LOGIN PASSWORD '{service}'"))
        .not_running()
        .start()
}

/// `object hint` of the warnings about rights.
fn warned(world: &World) -> Vec<String> {
    let document = json(&world.pgveil(&["check", "--no-probe", "--json"]));
    let findings = document["databases"][0]["findings"].as_array().unwrap_or_else(|| panic!("{document}")).clone();
    let of = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let rights = findings.iter().filter(|finding| finding["code"] == "sweep/no-privilege");
    rights
        .map(|finding| {
            assert_eq!(finding["severity"], "warning", "{finding}");
            format!("{}: {}", of(finding, "object"), of(finding, "hint"))
        })
        .collect()
}

#[test]
fn what_sweeps_need_is_granted_on_every_stored_relation() {
    let world = world("sweeping_role", "granting_owner");
    assert_eq!(warned(&world), [""; 0], "nobody sweeps");
    assert!(stdout(&world.pgveil(&["apply"])).contains("nothing to do"));

    world.edit_policy(|text| text + "sweep: { workers: 1 }\n");
    let expected = [
        ("parts", "GRANT USAGE ON SCHEMA parts TO sweeping_role"),
        ("parts.y1 A", "GRANT SELECT, UPDATE (who) ON parts.\"y1 A\" TO sweeping_role"),
        ("parts.y2", "GRANT SELECT, UPDATE (who) ON parts.y2 TO sweeping_role"),
        ("public.notes", "GRANT SELECT, UPDATE (body, title) ON public.notes TO sweeping_role"),
        ("public.old_notes", "GRANT SELECT, UPDATE (body, title) ON public.old_notes TO sweeping_role"),
    ];
    let hints: Vec<String> =
        expected.iter().map(|(object, sql)| format!("{object}: run `pgveil apply`, or as its owner: {sql}")).collect();
    assert_eq!(warned(&world), hints);
    let document = json(&world.pgveil(&["apply", "--dry-run", "--json"]));
    let steps = document["databases"][0]["steps"].as_array().unwrap_or_else(|| panic!("{document}")).clone();
    let steps: Vec<&str> = steps.iter().map(|step| step["sql"].as_str().unwrap_or_default()).collect();
    assert_eq!(steps, expected.map(|(_, sql)| sql));

    let output = world.pgveil(&["apply", "--yes"]);
    assert_eq!(code(&output), 0, "{}", both(&output));
    assert!(stdout(&world.pgveil(&["apply"])).contains("nothing to do"));
    assert_eq!(warned(&world), [""; 0]);
    let sweeping = world.direct().replace("user=app password=app", "user=sweeping_role password=sweeping_role");
    for relation in ["notes", "old_notes"] {
        let sql = format!("UPDATE ONLY {relation} SET body = body, title = title; SELECT count(*) FROM {relation}");
        assert_eq!(psql(&sweeping, &sql), "0");
    }
    psql(&sweeping, "UPDATE ONLY parts.\"y1 A\" SET who = who; SELECT ctid, xmin FROM ONLY parts.y2");
    let plain = crate::support::try_psql(&sweeping, "UPDATE ONLY notes SET plain = plain");
    assert!(!plain.status.success(), "no more than is needed: {}", both(&plain));

    // A partition that comes later.
    psql(
        &world.direct(),
        "CREATE TABLE parts.y3 PARTITION OF parts.events FOR VALUES FROM ('2003-01-01') TO ('2004-01-01')",
    );
    let later = "GRANT SELECT, UPDATE (who) ON parts.y3 TO sweeping_role";
    assert_eq!(warned(&world), [format!("parts.y3: run `pgveil apply`, or as its owner: {later}")]);
    // One right of several.
    psql(
        &world.direct(),
        "GRANT SELECT ON parts.y3 TO sweeping_role; REVOKE UPDATE (title) ON notes FROM sweeping_role",
    );
    let left: Vec<String> = warned(&world).iter().map(|hint| hint.split("GRANT ").nth(1).unwrap().to_owned()).collect();
    assert_eq!(left, ["UPDATE (who) ON parts.y3 TO sweeping_role", "UPDATE (title) ON public.notes TO sweeping_role"]);
}

#[test]
fn rights_on_tables_of_others_are_left_to_their_owners() {
    let world = world("sweeping_guest", "granting_guest");
    let database = world.superuser(world.database());
    psql(&database, "CREATE ROLE stranger_of_sweeps; ALTER TABLE old_notes OWNER TO stranger_of_sweeps");
    world.edit_policy(|text| text.replace("keys: { ", "keys: { reencrypt: auto, "));
    let output = world.pgveil(&["apply", "--yes", "--json"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let left = json(&output)["databases"][0]["left_to_others"].clone();
    assert_eq!(left[0]["run_as"], "stranger_of_sweeps", "{left}");
    assert_eq!(left[0]["sql"], "GRANT SELECT, UPDATE (body, title) ON public.old_notes TO sweeping_guest");
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(warned(&world).len(), 1);
    psql(&database, left[0]["sql"].as_str().unwrap_or_default());
    assert_eq!(warned(&world), [""; 0]);
    assert!(stdout(&world.pgveil(&["apply"])).contains("nothing to do"));
}
