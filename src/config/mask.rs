//! Blots secrets out of the text that findings quote.

use super::{
    issue::Place,
    yaml::{Kind, Node},
};

/// The text with what looks like an inline secret replaced by asterisks, byte for byte, so that
/// positions stay. Works on lines too, since a file with a syntax error or a misspelt key has
/// secrets as well; errs on the side of masking.
pub(super) fn mask(text: &str, root: Option<&Node>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for (from, to) in secrets_in(line) {
            blot(&mut bytes, start + from, start + to);
        }
        start += line.len();
    }
    if let Some(root) = root {
        walk(root, false, &mut bytes);
    }
    // Only ASCII took the place of whole characters.
    String::from_utf8(bytes).unwrap_or_default()
}

fn blot(bytes: &mut [u8], from: usize, to: usize) {
    for byte in bytes.get_mut(from..to).unwrap_or_default() {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b'*';
        }
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["pas", "pwd", "secret"].iter().any(|word| key.contains(word))
}

/// Values of secret keys in the tree, wherever their lines break.
fn walk(node: &Node, secret: bool, bytes: &mut [u8]) {
    match &node.kind {
        Kind::Scalar(_) if secret => {
            if let Place::File(start, end) = node.at.place() {
                blot(bytes, start, end);
            }
        }
        Kind::List(items) => items.iter().for_each(|item| walk(item, secret, bytes)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                let name = key.scalar().unwrap_or_default();
                let inside = (secret && !matches!(name, "env" | "file")) || is_secret(name);
                walk(value, inside && holds_no_columns(value), bytes);
            }
        }
        Kind::Scalar(_) | Kind::Null => {}
    }
}

/// A column or table may be called `password`; what the policy says about it is no secret.
fn holds_no_columns(value: &Node) -> bool {
    match &value.kind {
        Kind::Map(entries) => {
            !entries.iter().any(|(key, _)| matches!(key.scalar(), Some("type" | "columns" | "tables")))
        }
        _ => true,
    }
}

/// Byte ranges of secret values in one line.
fn secrets_in(line: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    // User and password of a connection string.
    for (scheme, _) in line.match_indices("://") {
        let rest = line.get(scheme + 3..).unwrap_or_default();
        let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(rest.len());
        if let Some(at) = rest.get(..end).and_then(|r| r.rfind('@')) {
            found.push((scheme + 3, scheme + 3 + at));
        }
    }
    let mut from = 0;
    while let Some(colon) = line.get(from..).and_then(|l| l.find(':')).map(|i| from + i) {
        from = colon + 1;
        let before = line.get(..colon).unwrap_or_default().trim_end_matches(['"', '\'', ' ']);
        let key_start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).map_or(0, |i| i + 1);
        if !is_secret(before.get(key_start..).unwrap_or_default()) {
            continue;
        }
        let after = line.get(from..).unwrap_or_default();
        let value = from + (after.len() - after.trim_start().len());
        let rest = line.get(value..).unwrap_or_default().trim_end();
        // `{ env: NAME }` is no secret; `{ evn: hunter2 }` may be one. A column's settings are none.
        if let Some(inner) = rest.strip_prefix('{') {
            let key = inner.split(':').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            if matches!(key, "env" | "file") || inner.contains("type:") {
                continue;
            }
            let skip = inner.find(':').map_or(1, |i| i + 2);
            let length = rest.find('}').map_or(rest, |i| rest.get(..i).unwrap_or_default()).trim_end().len();
            found.push((value + skip.min(length), value + length));
            from = value + length;
        } else {
            let flow = line.get(..colon).unwrap_or_default().contains('{');
            let end = if flow { rest.find([',', '}']) } else { None };
            let length = end.map_or(rest, |i| rest.get(..i).unwrap_or_default()).trim_end().len();
            // In quotes a comma or brace belongs to the secret.
            let length = match rest.chars().next() {
                Some(quote @ ('"' | '\'')) => rest.get(1..).and_then(|r| r.rfind(quote)).map_or(rest.len(), |i| i + 2),
                _ => length,
            };
            found.push((value, value + length));
            from = value + length;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        mask(text, None)
    }

    #[test]
    fn inline_secrets_are_blotted_out_even_under_a_misspelt_key() {
        for text in [
            "service: { user: pgveil, password: hunter2 }",
            "password: hunter2 # mine",
            "password: a, hunter2",
            "  \"passphrase\": 'a, } hunter2'",
            "pasword: hunter2",
            "passwort:hunter2",
            "password: { evn: hunter2 }",
            "password: {hunter2}",
            "password: [hunter2",
            "hosts: ['postgres://pgveil:hunter2@db/app']",
            "{ pwd: \"x, hunter2\", user: pgveil }",
        ] {
            let shown = masked(text);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(shown.len(), text.len());
        }
    }

    #[test]
    fn references_to_secrets_and_columns_of_that_name_stay() {
        for text in [
            "service: { user: pgveil, password: { env: PGVEIL_SERVICE_PASSWORD } }",
            "passphrase: { file: /run/secrets/p }",
            "password: { type: text, mode: equality }",
            "listen: 127.0.0.1:6432",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
