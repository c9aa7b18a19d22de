//! Blots secrets out of the text that findings quote.

use super::{
    issue::Place,
    near::near,
    reader::printable,
    yaml::{Kind, Node},
};

/// The text with what looks like an inline secret replaced by asterisks, byte for byte, so that
/// positions stay. Works on lines too, since a file with a syntax error or a misspelt key has
/// secrets as well; errs on the side of masking.
///
/// `secrets` are names of keys that hold secrets, besides those whose name says so.
pub(super) fn mask(text: &str, root: Option<&Node>, secrets: &[&str]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for (from, to) in secrets_in(line, secrets) {
            blot(&mut bytes, start + from, start + to);
        }
        start += line.len();
    }
    if let Some(root) = root {
        walk(root, false, secrets, &mut bytes);
    }
    // Only ASCII took the place of whole characters.
    String::from_utf8(bytes).unwrap_or_default()
}

/// What [`mask`] took out of the text, as messages would quote it. A wrong quote makes a name of
/// `token: …`, and of what follows; so messages are looked through too.
pub(super) fn taken_out(text: &str, masked: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut start = None;
    let pairs = text.bytes().zip(masked.bytes()).map(|(a, b)| a != b).chain([false]);
    for (index, differs) in pairs.enumerate() {
        match (differs, start) {
            (true, None) => start = Some(index),
            (false, Some(from)) => {
                // A connection string's user alone is no secret, and often a word of its own.
                let user = |taken: &&str| text.as_bytes().get(index) == Some(&b'@') && !taken.contains(':');
                found.extend(text.get(from..index).filter(|taken| !user(taken)).and_then(secret));
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// A secret without what stands around it. Those of a letter or two would blot out half a message.
pub(super) fn secret(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || "\"'{}[],".contains(c));
    (text.chars().count() > 3).then(|| printable(text))
}

/// A message without secrets, also those of which it quotes the beginning only.
pub(super) fn without(message: &str, secrets: &[String]) -> String {
    const HEAD: usize = 12;
    let mut clean = message.to_owned();
    for secret in secrets {
        let head = secret.get(..secret.floor_char_boundary(HEAD)).unwrap_or(secret);
        let mut from = 0;
        while let Some(start) = clean.get(from..).and_then(|rest| rest.find(head)).map(|at| from + at) {
            let rest = clean.get(start..).unwrap_or_default();
            let same =
                rest.chars().zip(secret.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum::<usize>();
            clean.replace_range(start..start + same, "***");
            from = start + 3;
        }
    }
    clean
}

fn blot(bytes: &mut [u8], from: usize, to: usize) {
    for byte in bytes.get_mut(from..to).unwrap_or_default() {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b'*';
        }
    }
}

/// Does a key or variable of this name hold a secret?
pub(super) fn is_secret(name: &str, secrets: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    ["pas", "pwd", "secret"].iter().any(|word| name.contains(word))
        || name.rsplit("__").next().is_some_and(|last| near(last, secrets.iter().copied()).is_some())
}

/// Values of secret keys in the tree, wherever their lines break.
fn walk(node: &Node, secret: bool, secrets: &[&str], bytes: &mut [u8]) {
    match &node.kind {
        Kind::Scalar(_) if secret => {
            if let Place::File(start, end) = node.at.place() {
                blot(bytes, start, end);
            }
        }
        Kind::List(items) => items.iter().for_each(|item| walk(item, secret, secrets, bytes)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                let name = key.scalar().unwrap_or_default();
                let inside = (secret && !matches!(name, "env" | "file")) || is_secret(name, secrets);
                walk(value, inside && holds_no_columns(value), secrets, bytes);
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
fn secrets_in(line: &str, secrets: &[&str]) -> Vec<(usize, usize)> {
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
        if !is_secret(before.get(key_start..).unwrap_or_default(), secrets) {
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
        mask(text, None, &["token"])
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
            "vault: { token: hunter2 }",
            "vault: { tokn: hunter2 }",
        ] {
            let shown = masked(text);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(shown.len(), text.len());
        }
    }

    #[test]
    fn messages_are_cleared_of_what_was_blotted_out() {
        let long = "0123456789abcdef".repeat(10);
        for secret in ["hunter2", "hun\\ter2", "hünter2", "****", "aaaa", &long] {
            let text = format!("x: {{ token: {secret} }}\n'password:{secret}'");
            let secrets = taken_out(&text, &masked(&text));
            let quoted = crate::config::reader::shorten(&format!("token: {secret}"));
            let shown = without(&format!("unknown key `{quoted}`, `{quoted}`"), &secrets);
            assert_eq!(shown.matches("token: ***").count(), 2, "{shown}");
            assert!(!shown.contains("unt") && !shown.contains("0123") && !shown.contains("aa"), "{shown}");
        }
        assert_eq!(without("unknown key `key`", &taken_out("token: key", &masked("token: key"))), "unknown key `key`");
    }

    #[test]
    fn references_to_secrets_and_columns_of_that_name_stay() {
        for text in [
            "service: { user: pgveil, password: { env: PGVEIL_SERVICE_PASSWORD } }",
            "passphrase: { file: /run/secrets/p }",
            "password: { type: text, mode: equality }",
            "listen: 127.0.0.1:6432",
            "token: { type: text, mode: equality }",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
