//! A keystore that was put back while no pgveil ran.

use std::fs;

use super::world;

#[test]
fn a_keystore_that_was_put_back_while_nobody_looked_is_noticed_at_the_start() {
    let mut world = world().start();
    world.stop();
    let path = world.path("pgveil-epochs");
    let noted = fs::read_to_string(&path).unwrap();
    let mut seen: serde_json::Value = serde_json::from_str(&noted).unwrap();
    for entry in seen["keystores"].as_object_mut().unwrap().values_mut() {
        entry["epoch"] = (entry["epoch"].as_i64().unwrap() + 1).into();
    }
    fs::write(&path, seen.to_string()).unwrap();
    let error = world.try_replica("").unwrap_err().to_string();
    assert!(error.contains("went back"), "{error}");
    fs::write(&path, "not json").unwrap();
    let error = world.try_replica("").unwrap_err().to_string();
    assert!(error.contains("cannot tell") && error.contains("delete the file"), "{error}");
    fs::remove_file(&path).unwrap();
    world.replica("");
    assert_eq!(fs::read_to_string(&path).unwrap(), noted);
}
