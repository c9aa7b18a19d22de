//! A view's stored definition, with what pgveil's own edits left in it taken back.
//!
//! `CREATE VIEW v AS SELECT id FROM people WHERE email = 'x'` reaches the server as `WHERE
//! pg_catalog.substring(email,9,16) = '\x…'::bytea`, and `pg_get_viewdef` gives it back as
//! `"substring"((people.email)::bytea, 9, 16) = '\x…'::bytea`. Here that becomes `people.email = $1`
//! again, which the resolver knows. What was taken back is noted: the resolver must come to want the
//! very same edits, else the definition is none of pgveil's making.
//!
//! Taken back are, wherever they stand (`c` is a column reference of any length):
//!
//! | stored | becomes |
//! |---|---|
//! | `"substring"(c, 9, 16)`, `"substring"((c)::bytea, 9, 16)` | `c`, noted as a token |
//! | `pgveil.any_value(c)`, `any_value((c)::bytea)` … | `c`, noted as any value of a group |
//! | `(c)::bytea` | `(c)`: what a value of the domain is cast to on its way into anything |
//! | `NULL::bytea` | `NULL` |
//! | `'\x…'::bytea`, `'{…}'::bytea[]` | a parameter |
//!
//! All is replaced by as many bytes, so that locations in both texts are the same. The text is
//! ruleutils.c's: no comments, no U&, one spelling, and functions without a schema are pg_catalog's.

use crate::sql::grammar::tokens::{Kind, Token, Tokens};

/// A definition with pgveil's edits taken back.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sql) struct StoredForm {
    /// The text.
    pub(in crate::sql) text: String,
    /// Where column references stand that are tokens in the stored text, in ascending order.
    pub(in crate::sql) tokens: Vec<usize>,
    /// Where column references stand that are under `any_value` in the stored text, likewise.
    pub(in crate::sql) any_values: Vec<usize>,
}

/// Takes pgveil's edits back.
pub(in crate::sql) fn take_back(definition: &str) -> StoredForm {
    let text = definition.as_bytes();
    let tokens: Vec<Token> = Tokens::new(text).collect();
    let mut reader = Reader { text, tokens: &tokens, at: 0 };
    let mut out = text.to_vec();
    let (mut in_tokens, mut in_any_values, mut parameters) = (Vec::new(), Vec::new(), 0_u32);
    while reader.at < tokens.len() {
        let start = reader.at;
        if let Some(column) = reader.token() {
            keep(&mut out, reader.span(start), &column);
            in_tokens.push(column.start);
        } else if let Some(column) = reader.any_value() {
            keep(&mut out, reader.span(start), &column);
            in_any_values.push(column.start);
        } else if let Some(rest) = reader.cast_column().or_else(|| reader.cast_null()) {
            keep(&mut out, reader.span(start), &rest);
        } else if reader.literal() {
            parameters += 1;
            let span = reader.span(start);
            keep(&mut out, span.clone(), &(0..0));
            for (byte, new) in out.iter_mut().skip(span.start).zip(format!("${parameters}").bytes()) {
                *byte = new;
            }
        } else {
            reader.at = start + 1;
        }
    }
    // Whole tokens were replaced by ASCII.
    let text = String::from_utf8(out).unwrap_or_else(|_| definition.to_owned());
    StoredForm { text, tokens: in_tokens, any_values: in_any_values }
}

type Span = std::ops::Range<usize>;

/// Blanks a span but for a part of it.
fn keep(out: &mut [u8], span: Span, part: &Span) {
    for at in span.filter(|at| !part.contains(at)) {
        if let Some(byte) = out.get_mut(at) {
            *byte = b' ';
        }
    }
}

/// Reads one of the patterns from where it stands, and stays there if it is not.
struct Reader<'a> {
    text: &'a [u8],
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    /// `"substring"(c, 9, 16)`
    fn token(&mut self) -> Option<Span> {
        self.all(|this| {
            this.unqualified()?;
            this.exactly("\"substring\"")?;
            let column = this.argument()?;
            for part in [",", "9", ",", "16", ")"] {
                this.exactly(part)?;
            }
            Some(column)
        })
    }

    /// `pgveil.any_value(c)`, `any_value(c)`
    fn any_value(&mut self) -> Option<Span> {
        self.all(|this| {
            this.unqualified()?;
            if this.exactly("pgveil").is_some() {
                this.exactly(".")?;
            }
            this.exactly("any_value")?;
            let column = this.argument()?;
            this.exactly(")")?;
            Some(column)
        })
    }

    /// `(c` or `((c)::bytea` of a call.
    fn argument(&mut self) -> Option<Span> {
        self.exactly("(")?;
        self.cast_column_alone().or_else(|| self.column())
    }

    /// `(c)::bytea`; what remains of it is `(c)`.
    fn cast_column(&mut self) -> Option<Span> {
        self.all(|this| {
            let start = this.here()?.start;
            let column = this.cast_column_alone()?;
            // The parenthesis behind the column.
            let end = this.text.iter().skip(column.end).position(|b| *b == b')')?;
            Some(start..column.end + end + 1)
        })
    }

    fn cast_column_alone(&mut self) -> Option<Span> {
        self.all(|this| {
            this.exactly("(")?;
            let column = this.column()?;
            this.exactly(")")?;
            this.bytea()?;
            // No array.
            this.exactly("[").is_none().then_some(column)
        })
    }

    /// `NULL::bytea`
    fn cast_null(&mut self) -> Option<Span> {
        self.all(|this| {
            let null = this.here()?.span();
            this.exactly("NULL")?;
            this.bytea()?;
            this.exactly("[").is_none().then_some(null)
        })
    }

    /// `'…'::bytea`, `'…'::bytea[]`
    fn literal(&mut self) -> bool {
        let literal = self.all(|this| {
            (this.here()?.kind == Kind::String).then(|| this.at += 1)?;
            this.bytea()?;
            if this.exactly("[").is_some() {
                this.exactly("]")?;
            }
            Some(())
        });
        literal.is_some()
    }

    fn bytea(&mut self) -> Option<()> {
        self.exactly("::")?;
        self.exactly("bytea")
    }

    /// `a`, `a.b`, `"A".b.c`
    fn column(&mut self) -> Option<Span> {
        self.all(|this| {
            let start = this.here()?.start;
            loop {
                let name = *this.here().filter(|t| matches!(t.kind, Kind::Word | Kind::QuotedIdent))?;
                this.at += 1;
                if this.exactly(".").is_none() {
                    return Some(start..name.end);
                }
            }
        })
    }

    /// Is the name here no part of a longer one?
    fn unqualified(&self) -> Option<()> {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        (!before.is_some_and(|t| t.is(self.text, b'.'))).then_some(())
    }

    fn here(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn exactly(&mut self, spelling: &str) -> Option<()> {
        (self.here()?.bytes(self.text) == spelling.as_bytes()).then(|| self.at += 1)
    }

    fn all<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let read = read(self);
        if read.is_none() {
            self.at = start;
        }
        read
    }

    /// The bytes of what was read since a token.
    fn span(&self, start: usize) -> Span {
        let from = self.tokens.get(start).map_or(0, |t| t.start);
        let to = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(from, |t| t.end);
        from..to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squeezed(definition: &str) -> (String, usize, usize) {
        let form = take_back(definition);
        assert_eq!(form.text.len(), definition.len(), "locations stay");
        let text: Vec<&str> = form.text.split_whitespace().collect();
        (text.join(" "), form.tokens.len(), form.any_values.len())
    }

    #[test]
    fn what_pgveil_wrote_is_taken_back() {
        for (stored, text, tokens, any_values) in [
            (
                r#"SELECT people.id FROM public.people WHERE ("substring"((people.email)::bytea, 9, 16) = '\x0102'::bytea);"#,
                "SELECT people.id FROM public.people WHERE ( people.email = $1 );",
                1,
                0,
            ),
            (
                r#"SELECT DISTINCT ON (("substring"(email, 9, 16))) email FROM v"#,
                "SELECT DISTINCT ON (( email )) email FROM v",
                1,
                0,
            ),
            (
                r#"SELECT pgveil.any_value((p."E mail")::bytea) AS "E mail" FROM p GROUP BY ("substring"((p."E mail")::bytea, 9, 16))"#,
                r#"SELECT p."E mail" AS "E mail" FROM p GROUP BY ( p."E mail" )"#,
                1,
                1,
            ),
            ("SELECT any_value(v.email) AS e", "SELECT v.email AS e", 0, 1),
            (
                r#"("substring"((a.b)::bytea, 9, 16) = ANY (ARRAY['\x01'::bytea, '\x02'::bytea]))"#,
                "( a.b = ANY (ARRAY[$1 , $2 ]))",
                1,
                0,
            ),
            (r#"= ANY ('{"\\x01"}'::bytea[])"#, "= ANY ($1 )", 0, 0),
            (
                "CASE WHEN a THEN (p.email)::bytea ELSE NULL::bytea END",
                "CASE WHEN a THEN (p.email) ELSE NULL END",
                0,
                0,
            ),
        ] {
            assert_eq!(squeezed(stored), (text.to_owned(), tokens, any_values), "{stored}");
        }
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        for stored in [
            r#"SELECT "substring"(people.email, 9, 17)"#.to_owned(),
            r#"SELECT other."substring"(people.email, 9, 16)"#.to_owned(),
            r#"SELECT "substring"((people.email || 'x'::text), 9, 16)"#.to_owned(),
            r#"SELECT "substring"((people.email)::text, 9, 16)"#.to_owned(),
            "SELECT other.any_value(people.email)".to_owned(),
            "SELECT any_value(people.email, 1)".to_owned(),
            "SELECT ARRAY[people.email]::bytea[]".to_owned(),
            "SELECT '(people.email)::bytea'::text".to_owned(),
            "SELECT (people.tags)::bytea[], NULL::bytea[]".to_owned(),
        ] {
            let form = take_back(&stored);
            assert_eq!((form.tokens, form.any_values), (vec![], vec![]), "{stored}");
            assert!(!form.text.contains("  "), "{stored}: {}", form.text);
        }
    }
}
