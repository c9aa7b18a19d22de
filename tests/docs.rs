//! The documentation says what the code does: error codes, links, commands, examples.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pgveil::{config::load_from, kms::declarations, sql::grammar::Parsed};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder with an extension, `target` and hidden folders left out.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// README.md and its like, and everything in docs/.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = fs::read_dir(root())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "md"))
        .collect();
    pages.extend(files(&root().join("docs"), "md"));
    pages
}

/// A page without its code blocks, and the blocks with their language.
fn split(page: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks) = (String::new(), Vec::new());
    let mut open: Option<(String, String, usize)> = None;
    for line in page.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        match (&mut open, text.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.trim().to_owned(), String::new(), indent)),
            (None, None) => prose.extend([line, "\n"]),
            (Some(_), Some("")) => {
                let (language, block, _) = open.take().unwrap();
                blocks.push((language, block));
            }
            (Some((_, block, indent)), _) => block.extend([line.get(*indent..).unwrap_or(""), "\n"]),
        }
    }
    assert!(open.is_none(), "a code block without an end");
    (prose, blocks)
}

/// What stands between backticks.
fn inline_code(prose: &str) -> Vec<&str> {
    prose.split('`').skip(1).step_by(2).collect()
}

/// The anchors that GitHub and others make of headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let slug = |heading: &str| {
        let kept = heading.trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect::<String>()
    };
    let (prose, _) = split(page);
    prose.lines().filter(|l| l.starts_with('#')).map(|l| slug(l.trim_start_matches('#'))).collect()
}

// ---- error codes

/// A source file without its tests.
fn without_tests(source: &str) -> &str {
    source.find("#[cfg(test)]\nmod tests {").map_or(source, |at| &source[..at])
}

/// String literals of the form `room/kebab-name`: error codes are the only ones.
fn is_code(literal: &str) -> bool {
    let Some((room, name)) = literal.split_once('/') else { return false };
    let kebab = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    kebab(room) && !room.contains('-') && kebab(name) && !name.ends_with('-')
}

/// Names of files that look like codes.
const PATHS: &[&str] = &["dm/uuid"];

/// Every code in the sources, and a file that raises it.
fn codes() -> BTreeMap<String, PathBuf> {
    let mut codes = BTreeMap::new();
    for path in files(&root().join("src"), "rs") {
        let relative = path.strip_prefix(root()).unwrap();
        if relative.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        let source = read(&path);
        let code = without_tests(&source).lines().filter(|line| !line.trim_start().starts_with("//"));
        for literal in
            code.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(|l| is_code(l) && !PATHS.contains(l))
        {
            codes.insert(literal.to_owned(), path.clone());
        }
    }
    // Those of the command line have no room.
    for file in ["src/cli/error.rs", "src/cli/connect.rs"] {
        let path = root().join(file);
        let source = read(&path);
        let body = source.split("fn code(").nth(1).unwrap().split("\n    }\n").next().unwrap();
        for literal in body.split('"').skip(1).step_by(2).filter(|literal| !literal.contains('/')) {
            codes.insert(literal.to_owned(), path.clone());
        }
    }
    assert!(codes.len() > 100, "codes are no longer found: {codes:?}");
    codes
}

#[test]
fn every_error_code_has_a_section_and_every_section_a_code() {
    let page = read(&root().join("docs/errors.md"));
    let headings = |level: &str| -> BTreeSet<String> {
        page.lines().filter_map(|l| l.strip_prefix(level)).map(|l| l.trim().to_owned()).collect()
    };
    let (rooms, sections) = (headings("## "), headings("### "));
    let codes = codes();
    let missing: Vec<_> = codes.iter().filter(|(c, _)| !sections.contains(*c) && !rooms.contains(*c)).collect();
    assert!(missing.is_empty(), "without a section in docs/errors.md: {missing:#?}");
    let left_over: Vec<_> = sections.iter().filter(|section| !codes.contains_key(*section)).collect();
    assert!(left_over.is_empty(), "sections of docs/errors.md that no code leads to: {left_over:#?}");
    let used: BTreeSet<&str> = codes.keys().map(|code| code.split('/').next().unwrap()).collect();
    let empty: Vec<_> = rooms.iter().filter(|r| *r != "command line" && !used.contains(r.as_str())).collect();
    assert!(empty.is_empty(), "rooms of docs/errors.md without a code: {empty:#?}");
}

#[test]
fn every_section_about_an_error_stands_in_its_room_in_the_order_of_the_alphabet() {
    let page = read(&root().join("docs/errors.md"));
    let mut sections = 0;
    for room in page.split("\n## ").skip(1) {
        let name = room.lines().next().unwrap();
        let found: Vec<&str> = room.lines().filter_map(|l| l.strip_prefix("### ")).collect();
        for code in &found {
            let at_home = code.split_once('/').map_or("command line", |(room, _)| room);
            assert_eq!(at_home, name, "{code}");
        }
        assert!(found.is_sorted(), "{name}: {found:#?}");
        sections += found.len();
    }
    assert!(sections > 100, "sections are no longer found: {sections}");
}

#[test]
fn every_section_about_an_error_says_its_cause_and_what_to_do() {
    let page = read(&root().join("docs/errors.md"));
    for section in page.split("\n### ").skip(1) {
        let (name, text) = section.split_once('\n').unwrap();
        let text = text.split("\n## ").next().unwrap();
        for part in ["Cause.**", "**Fix.**"] {
            assert!(text.contains(part), "{name}: {part}");
        }
        let to_clients = ["sql/", "session/", "open/", "seal/", "wire/"].iter().any(|room| name.starts_with(room));
        let state = text.trim_start().strip_prefix('`').and_then(|rest| rest.split('`').next()).unwrap_or_default();
        assert!(!to_clients || state.len() == 5, "{name} does not begin with its SQLSTATE");
    }
}

// ---- links

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for page in pages() {
        let (prose, _) = split(&read(&page));
        for target in prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let known = path.exists()
                && (anchor.is_empty()
                    || path.extension().is_none_or(|e| e != "md")
                    || anchors(&read(&path)).contains(anchor));
            if !known {
                broken.push(format!("{}: {target}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(count > 50, "links are no longer found");
}

#[test]
fn the_index_names_every_page() {
    let index = read(&root().join("docs/README.md"));
    for page in files(&root().join("docs"), "md") {
        let name = page.strip_prefix(root().join("docs")).unwrap().display().to_string();
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "docs/README.md does not name {name}");
    }
}

// ---- commands

/// `(pgveil|make, word)` at the start of lines of code blocks without a language, and of inline code.
fn commands(page: &str) -> BTreeSet<(String, String)> {
    let (prose, blocks) = split(page);
    let shell = blocks.iter().filter(|(language, _)| matches!(language.as_str(), "" | "sh"));
    let lines = shell.flat_map(|(_, block)| block.lines()).map(|line| line.trim_start_matches("$ "));
    let mut found = BTreeSet::new();
    for text in lines.chain(inline_code(&prose)) {
        let mut words = text.split([' ', '|', ',']);
        if let (Some(program @ ("pgveil" | "make")), Some(word)) = (words.next(), words.next())
            && word.starts_with(|c: char| c.is_ascii_lowercase())
        {
            found.insert((program.to_owned(), word.to_owned()));
        }
    }
    found
}

#[test]
fn commands_in_the_documentation_exist() {
    let makefile = read(&root().join("Makefile"));
    let mut all = BTreeSet::new();
    for page in pages() {
        all.extend(commands(&read(&page)).into_iter().map(|command| (command, page.clone())));
    }
    let mut tried = BTreeMap::new();
    for ((program, word), page) in all {
        let exists = *tried.entry((program.clone(), word.clone())).or_insert_with(|| match program.as_str() {
            "make" => makefile.lines().any(|line| line.starts_with(&format!("{word}:"))),
            _ => Command::new(env!("CARGO_BIN_EXE_pgveil")).args([&word, "--help"]).output().unwrap().status.success(),
        });
        assert!(exists, "{}: `{program} {word}` does not exist", page.strip_prefix(root()).unwrap().display());
    }
    for known in [("make", "demo"), ("make", "test"), ("pgveil", "apply"), ("pgveil", "run")] {
        assert!(tried.contains_key(&(known.0.to_owned(), known.1.to_owned())), "{known:?} is no longer found");
    }
}

#[test]
fn the_readme_starts_with_the_two_commands() {
    let page = read(&root().join("README.md"));
    let (_, blocks) = split(&page);
    let first = &blocks.first().unwrap().1;
    let lines: Vec<&str> = first.lines().map(|line| line.split('#').next().unwrap().trim()).collect();
    assert_eq!(lines, ["make demo", "make test"]);
}

#[test]
fn the_readme_names_every_command() {
    let page = read(&root().join("README.md"));
    let help = Command::new(env!("CARGO_BIN_EXE_pgveil")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut count = 0;
    for command in list.lines().filter_map(|line| line.split_whitespace().next()).filter(|c| *c != "help") {
        assert!(page.contains(&format!("`pgveil {command}")), "README.md does not name pgveil {command}");
        count += 1;
    }
    assert!(count > 5, "{help}");
}

// ---- examples

#[test]
fn policies_in_the_documentation_load() {
    let mut count = 0;
    for page in pages() {
        for (language, block) in split(&read(&page)).1 {
            if language != "yaml" {
                continue;
            }
            // A fragment is completed to a whole policy.
            let upstream = if block.contains("upstream:") { "" } else { "upstream: { hosts: 127.0.0.1 }\n" };
            let text = format!("{upstream}{block}");
            if let Err(findings) = load_from(&root().join("config/example.yaml"), text.as_bytes(), [], &declarations())
            {
                panic!("{}: {}", page.display(), findings.first().unwrap().rendered);
            }
            count += 1;
        }
    }
    assert!(count > 2, "policies are no longer found");
}

#[test]
fn sql_in_the_documentation_parses() {
    let mut count = 0;
    for page in pages() {
        for (language, block) in split(&read(&page)).1 {
            if language == "sql" {
                if let Err(error) = Parsed::parse(&block) {
                    panic!("{}: {} in {block}", page.display(), error.message);
                }
                count += 1;
            }
        }
    }
    assert!(count >= 2, "SQL is no longer found");
}

#[test]
fn every_metric_is_documented() {
    let page = read(&root().join("docs/operations.md"));
    let source: String = files(&root().join("src/admin"), "rs").iter().map(|path| read(path)).collect();
    let is_name =
        |literal: &&str| literal.starts_with("pgveil_") && literal.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let names: BTreeSet<&str> = source.split('"').skip(1).step_by(2).filter(is_name).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/operations.md");
    }
}

#[test]
fn every_type_and_its_kind_code_is_documented() {
    use pgveil::values::LogicalType;
    let page = read(&root().join("docs/types.md"));
    for name in [
        "text",
        "varchar",
        "char",
        "bool",
        "int2",
        "int4",
        "int8",
        "numeric",
        "date",
        "timestamptz",
        "uuid",
        "bytea",
        "jsonb",
    ] {
        let ty = LogicalType::parse(name).unwrap();
        let row = format!("| {} | `{name}", ty.kind());
        assert!(page.contains(&row), "docs/types.md has no row that begins with {row}");
    }
}
