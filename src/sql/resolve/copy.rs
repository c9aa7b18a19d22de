//! COPY: which fields its rows have, and what its options say of their form (`ProcessCopyOptions` of
//! src/backend/commands/copy.c).

use pg_raw_parse::{
    Node,
    nodes::{CopyStmt, DefElem, RangeVar},
};

use super::{
    Done, Resolver, Step,
    from::relation_item,
    readings,
    refuse::{construct, construct_at, native, unsupported_on},
    scope::Scope,
};
use crate::sql::{
    catalog::Relation,
    copy::{Copy, CopyField, CopyForm, Header, Lines},
    grammar::edits::{Change, NodeKind},
    model::Output,
};

/// Columns that an option names.
enum Named {
    All,
    These(Vec<String>),
}

impl Named {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.iter().any(|n| n == name),
        }
    }
}

/// The options as they are written.
#[derive(Default)]
struct Options<'a> {
    format: Option<&'a str>,
    delimiter: Option<&'a str>,
    null: Option<&'a str>,
    quote: Option<&'a str>,
    escape: Option<&'a str>,
    header: Option<Header>,
    force_quote: Option<Named>,
    force_not_null: Option<Named>,
    force_null: Option<Named>,
}

impl<'a> Resolver<'a> {
    pub(super) fn copy(&mut self, copy: &'a CopyStmt) -> Step<Done<'a>> {
        // The program may be a client of this server.
        if let Some(program) = copy.filename().filter(|_| copy.is_program)
            && let Some(table) = readings::names(program, self.catalog)
        {
            self.forbidden = true;
            return Err(unsupported_on("COPY … PROGRAM", &table, -1).into());
        }
        if let Some(name) = copy.relation() {
            let relation = self.relation(name)?;
            let mut scope = Scope::default();
            scope.items.push(relation_item(relation, name));
            self.server_expression(copy.where_clause(), &scope, "COPY … WHERE")?;
            if !self.catalog.matters(relation) && relation.columns.iter().all(|column| column.sealed.is_none()) {
                return self.untouched("COPY");
            }
            if self.catalog.views.contains_key(&relation.oid) || !matches!(relation.kind, 'r' | 'p') {
                return Err(construct_at("COPY of a view", name.location));
            }
            self.copy_table(copy, name, relation)?;
            return Ok(Done::Utility);
        }
        let out = self.outermost(copy.query())?;
        if self.touched.is_none() {
            return self.untouched("COPY (query)");
        }
        let outputs = out.outputs(self.catalog, &self.mixtures);
        if self.may_write {
            return Err(construct("COPY of a query that may write"));
        }
        let fields = outputs.into_iter().map(|output| field(String::new(), output));
        self.copy = Some(form(copy, String::new(), fields.collect())?);
        Ok(Done::Query(out))
    }

    fn copy_table(&mut self, copy: &'a CopyStmt, name: &'a RangeVar, relation: &'a Relation) -> Step<()> {
        let mut fields = Vec::new();
        let output = |sealed: Option<usize>| sealed.map_or(Output::Plain, Output::Sealed);
        if copy.attlist().is_empty() {
            let columns = relation.columns.iter().filter(|column| !column.generated);
            fields.extend(columns.map(|column| field(column.name.clone(), output(column.sealed))));
            // What a field is must not depend on a catalog that has changed since.
            let names = fields.iter().map(|field| field.name.clone()).collect();
            self.change(NodeKind::CopyTable, name.location, Change::Columns(names));
        }
        for node in copy.attlist() {
            let column = string(node).ok_or_else(|| construct_at("this kind of column list", name.location))?;
            let Some(known) = relation.columns.iter().find(|c| c.name == column) else {
                let message = format!("column \"{column}\" of relation \"{}\" does not exist", relation.name);
                return Err(native("42703", "sql/unknown-column", message, -1));
            };
            fields.push(field(known.name.clone(), output(known.sealed)));
        }
        self.copy = Some(form(copy, relation.name.clone(), fields)?);
        Ok(())
    }
}

fn field(name: String, output: Output) -> CopyField {
    CopyField { name, output, force_quote: false, force_not_null: false, force_null: false }
}

/// Files and programs are the server's: it would write or read stored values.
fn stdio(copy: &CopyStmt) -> Step<()> {
    match (copy.filename(), copy.is_program) {
        (None, false) => Ok(()),
        (_, true) => Err(construct("COPY … PROGRAM")),
        (Some(_), false) => Err(construct("COPY to or from a file of the server")),
    }
}

fn form(copy: &CopyStmt, table: String, mut fields: Vec<CopyField>) -> Step<Copy> {
    stdio(copy)?;
    let options = options(copy)?;
    for field in &mut fields {
        let has = |named: &Option<Named>| named.as_ref().is_some_and(|named| named.has(&field.name));
        let forced = (has(&options.force_quote), has(&options.force_not_null), has(&options.force_null));
        (field.force_quote, field.force_not_null, field.force_null) = forced;
    }
    // Output columns of a query are named there, and their names are not known here.
    if copy.relation().is_none() && matches!(options.force_quote, Some(Named::These(_))) {
        return Err(construct("COPY (query) with FORCE_QUOTE of single columns"));
    }
    let csv = match options.format {
        Some("binary") => return Ok(Copy { from: copy.is_from, table, fields, form: CopyForm::Binary }),
        None | Some("text") => None,
        Some("csv") => {
            let quote = character(options.quote.unwrap_or("\""), "QUOTE")?;
            let escape = options.escape.map(|escape| character(escape, "ESCAPE")).transpose()?.unwrap_or(quote);
            Some((quote, escape))
        }
        Some(_) => return Err(construct("COPY in this format")),
    };
    let delimiter = match options.delimiter {
        Some(delimiter) => character(delimiter, "DELIMITER")?,
        None if csv.is_some() => b',',
        None => b'\t',
    };
    let null = options.null.unwrap_or(if csv.is_some() { "" } else { "\\N" });
    // Else the server's own reading of a row is not plain any more, or it refuses the option.
    let clear = match csv {
        Some((quote, _)) => {
            quote != b'\\' && delimiter != b'\\' && delimiter != quote && !null.as_bytes().contains(&quote)
        }
        None => (null == "\\N" || !null.contains('\\')) && delimiter != b'\\' && delimiter != b'.',
    };
    if !clear || null.contains(['\n', '\r']) || null.as_bytes().contains(&delimiter) {
        return Err(construct("COPY with this combination of NULL, DELIMITER and QUOTE"));
    }
    let header = options.header.unwrap_or(Header::No);
    let lines = Lines { csv, delimiter, null: null.to_owned(), header };
    Ok(Copy { from: copy.is_from, table, fields, form: CopyForm::Lines(lines) })
}

/// A character that stands between or around values. Letters and digits may stand in sealed values.
fn character(text: &str, option: &'static str) -> Step<u8> {
    match text.as_bytes() {
        [byte] if (byte.is_ascii_punctuation() || matches!(byte, b' ' | b'\t' | 1..=7 | 14..=31)) => Ok(*byte),
        _ => Err(construct_at(format!("COPY with this {option}"), -1)),
    }
}

fn options(copy: &CopyStmt) -> Step<Options<'_>> {
    let mut options = Options::default();
    for option in copy.options() {
        let name = option.defname().unwrap_or_default();
        let text = || string(option.arg()).ok_or_else(|| construct_at(format!("COPY with this {name}"), -1));
        match name {
            "format" => options.format = Some(text()?),
            "delimiter" => options.delimiter = Some(text()?),
            "null" => options.null = Some(text()?),
            "quote" => options.quote = Some(text()?),
            "escape" => options.escape = Some(text()?),
            "header" => options.header = Some(header(option)?),
            "force_quote" => options.force_quote = Some(named(option.arg())?),
            "force_not_null" => options.force_not_null = Some(named(option.arg())?),
            "force_null" => options.force_null = Some(named(option.arg())?),
            "encoding" => {
                let name: String = text()?.chars().filter(char::is_ascii_alphanumeric).collect();
                if !matches!(name.to_ascii_lowercase().as_str(), "utf8" | "unicode") {
                    return Err(construct("COPY with another ENCODING than UTF8"));
                }
            }
            // A row that does not fit is the server's to skip, but it would never see it.
            "on_error" if text()?.eq_ignore_ascii_case("stop") => {}
            "on_error" => return Err(construct("COPY with ON_ERROR ignore")),
            "freeze" | "log_verbosity" => {}
            _ => return Err(construct_at(format!("COPY with {}", name.to_ascii_uppercase()), -1)),
        }
    }
    Ok(options)
}

/// `defGetCopyHeaderChoice`
fn header(option: &DefElem) -> Step<Header> {
    let word = match option.arg() {
        Node::None => return Ok(Header::Yes),
        Node::Boolean(value) => return Ok(if value.boolval { Header::Yes } else { Header::No }),
        Node::Integer(value) if value.ival == 0 => return Ok(Header::No),
        Node::Integer(value) if value.ival == 1 => return Ok(Header::Yes),
        node => string(node).unwrap_or_default().to_ascii_lowercase(),
    };
    match word.as_str() {
        "true" | "on" => Ok(Header::Yes),
        "false" | "off" => Ok(Header::No),
        "match" => Ok(Header::Match),
        _ => Err(construct("COPY with this HEADER")),
    }
}

fn named(node: Node<'_>) -> Step<Named> {
    let unknown = || construct("COPY with this list of columns");
    match node {
        Node::A_Star(_) => Ok(Named::All),
        Node::NodeList(list) => {
            let names = list.iter().map(|node| string(node).map(str::to_owned));
            names.collect::<Option<_>>().map(Named::These).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

fn string(node: Node<'_>) -> Option<&str> {
    match node {
        Node::String(text) => text.sval(),
        _ => None,
    }
}
