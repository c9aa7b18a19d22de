//! PostgreSQL names in a policy: verbatim, no case folding.

/// PostgreSQL's NAMEDATALEN - 1: longer names are cut by the server, so no catalog holds one.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
const MAX_NAME_BYTES: usize = 63;

/// What is wrong with a name, if anything.
pub(super) fn fault(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("a name must not be empty".to_owned())
    } else if name.contains('\0') {
        Some("a name must not hold a NUL character".to_owned())
    } else if name.len() > MAX_NAME_BYTES {
        Some(format!("a name has at most {MAX_NAME_BYTES} bytes in PostgreSQL, this one has {}", name.len()))
    } else {
        None
    }
}

/// `schema.table`, `table` (schema `public`), with double quotes around parts that hold a dot:
/// `"a.b".table`. A doubled quote inside quotes is one.
pub(super) fn table(text: &str) -> Result<(String, String), String> {
    let mut parts = parts(text)?.into_iter();
    let (schema, table) = match (parts.next(), parts.next(), parts.next()) {
        (Some(table), None, None) => ("public".to_owned(), table),
        (Some(schema), Some(table), None) => (schema, table),
        _ => return Err(r#"too many dots: a name with a dot inside is written '"a.b".people'"#.to_owned()),
    };
    match fault(&schema).or_else(|| fault(&table)) {
        Some(fault) => Err(fault),
        None => Ok((schema, table)),
    }
}

fn parts(text: &str) -> Result<Vec<String>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let part;
        if let Some(quoted) = rest.strip_prefix('"') {
            (part, rest) = unquote(quoted)?;
            if !rest.is_empty() && !rest.starts_with('.') {
                return Err("only a dot may follow a quoted name".to_owned());
            }
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let (plain, after) = rest.split_at(end);
            (part, rest) = (plain.to_owned(), after);
        }
        parts.push(part);
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return Ok(parts),
        }
    }
}

/// Up to the closing quote: the name, and what follows.
fn unquote(text: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err("the double quote is not closed".to_owned());
        };
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Ok((name, after)),
        }
    }
}

/// The parts joined by dots, quoted where needed: two columns never share an identity by accident
/// (`"a.b".c` and `a."b.c"`).
pub(super) fn identity(parts: [&str; 3]) -> String {
    parts
        .map(|p| if p.contains(['.', '"']) { format!("\"{}\"", p.replace('"', "\"\"")) } else { p.to_owned() })
        .join(".")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn split(text: &str) -> (String, String) {
        table(text).unwrap()
    }

    #[test]
    fn names_are_taken_verbatim_and_the_schema_defaults_to_public() {
        assert_eq!(split("people"), ("public".into(), "people".into()));
        assert_eq!(split("archive.people_2019"), ("archive".into(), "people_2019".into()));
        assert_eq!(split("OddName"), ("public".into(), "OddName".into()));
        assert_eq!(split("my table"), ("public".into(), "my table".into()));
    }

    #[test]
    fn dots_and_quotes_inside_a_name_are_quoted_as_in_sql() {
        assert_eq!(split(r#""a.b".table"#), ("a.b".into(), "table".into()));
        assert_eq!(split(r#"s."t.u""#), ("s".into(), "t.u".into()));
        assert_eq!(split(r#""t""u""#), ("public".into(), r#"t"u"#.into()));
        assert_eq!(split(r#"it"s"#), ("public".into(), r#"it"s"#.into()));
    }

    #[test]
    fn bad_names_are_refused() {
        for bad in ["", ".", "a.", ".a", "a.b.c", r#""a"#, r#""a"b"#, "\"\"", "a\0b", &"x".repeat(64)] {
            assert!(table(bad).is_err(), "{bad:?}");
        }
        assert!(table(&"x".repeat(63)).is_ok());
    }

    #[test]
    fn different_columns_have_different_identities() {
        assert_eq!(identity(["public", "people", "ssn"]), "public.people.ssn");
        assert_ne!(identity(["a.b", "c", "d"]), identity(["a", "b.c", "d"]));
        assert_ne!(identity(["a", "b", "c\".\"d"]), identity(["a", "b", "c.d"]));
    }
}
