//! Statements to start from.

use std::{collections::BTreeSet, fs, path::Path};

/// The statements of the golden corpus.
pub fn statements() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the golden corpus")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let mut statements = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).expect("a file of the golden corpus");
        let cases = text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '@']));
        statements.extend(
            cases
                .filter_map(|line| line.split_once(" ⇒ "))
                .map(|(statement, _)| statement.replace('⏎', "\n").into_bytes()),
        );
    }
    assert!(statements.len() > 200);
    statements
}

/// The statements that ORMs sent, as they were recorded; each once.
pub fn recorded() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/orm/recorded");
    let mut statements = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the recordings") {
        let text = fs::read_to_string(entry.expect("a file").path()).expect("a recording");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
        let found = lines.join("\n");
        statements.extend(found.split(";\n").map(str::trim).filter(|s| !s.is_empty()).map(|s| s.as_bytes().to_vec()));
    }
    assert!(statements.len() > 200);
    statements.into_iter().collect()
}
