//! What a view's columns carry, found out from its stored definition.
//!
//! [`take_back`] turns the definition into the statement that a client would have written; the walk
//! knows that statement or does not. If it does, the edits that it wants must be those that were taken
//! back: then the definition does what pgveil would make of it, token for token.

use pg_raw_parse::Node;

use super::{Params, QueryOut, Resolver, Stop, carry::Carry, table_label, unsupported_on};
use crate::sql::{
    catalog::{Catalog, StoredForm, take_back},
    env::Env,
    grammar::{
        Parsed,
        edits::{Change, NodeAt, Wrap},
    },
    model::{Ordinal, ParamForm, Refusal},
};

/// A definition that the walk knows to the end.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sql) struct Stored {
    /// Which sealed column's value each output column carries, if one's.
    pub(in crate::sql) carries: Vec<Option<Ordinal>>,
    /// May reading it change data (it calls functions that are not known to be harmless)?
    pub(in crate::sql) may_write: bool,
}

/// Walks a view's definition over the catalog so far.
///
/// # Errors
/// The walk's own refusal; its position means nothing to anybody.
pub(in crate::sql) fn stored(catalog: &Catalog, definition: &str) -> Result<Stored, Refusal> {
    let unknown = || Refusal::unsupported("sql/unsupported-construct", "pgveil cannot read its definition");
    let form = take_back(definition);
    let parsed = Parsed::parse(&form.text).map_err(|_| unknown())?;
    let query = match parsed.statement(0).map(|raw| raw.stmt()) {
        Some(node @ Node::SelectStmt(_)) if parsed.len() == 1 => node,
        _ => return Err(unknown()),
    };
    // Whatever is not in pg_catalog has its schema in the definition.
    let env = Env { search_path: vec!["pg_catalog".to_owned()], standard_conforming_strings: true, ..Env::default() };
    let mut resolver = Resolver::new(catalog, &env, &[], &form.text, 0);
    resolver.stored = true;
    let out = match resolver.outermost(query) {
        Ok(out) => out,
        Err(Stop::Refusal(refusal)) => return Err(*refusal),
        Err(Stop::Construct(construct, location)) => {
            let table = resolver.touched.map(|r| table_label(&r.schema, &r.name)).unwrap_or_default();
            return Err(unsupported_on(&construct, &table, location));
        }
    };
    let Resolver { changes, params, may_write, .. } = resolver;
    if !agree(changes, params, &form) {
        let what = "its definition uses sealed columns otherwise than pgveil would";
        return Err(Refusal::unsupported("sql/unsupported-construct", what)
            .hint("create the view through pgveil, which makes comparisons of tokens of it"));
    }
    Ok(Stored { carries: carries(&out, catalog)?, may_write })
}

fn carries(out: &QueryOut<'_>, catalog: &Catalog) -> Result<Vec<Option<Ordinal>>, Refusal> {
    let carry = |carry: Carry| match carry {
        Carry::Sealed(sealed) if sealed.is_as_stored(catalog) => Ok(Some(sealed.ordinal)),
        Carry::Sealed(_) => {
            let what = "one of its columns holds a sealed column's values as another type than the column's";
            Err(Refusal::unsupported("sql/unsupported-construct", what).hint("hand the column itself through"))
        }
        Carry::Plain | Carry::Open(_) => Ok(None),
    };
    out.columns.iter().map(|column| carry(column.carry)).collect()
}

/// Are the edits that the walk wants those that the definition has?
fn agree(mut changes: Vec<(NodeAt, Change)>, params: Params, form: &StoredForm) -> bool {
    // A literal of the definition is a parameter in the form: a token, or nothing to do with pgveil.
    let stays = |form| matches!(form, ParamForm::Plain | ParamForm::Token(..) | ParamForm::TokenArray(..));
    let Ok((params, _)) = params.finish(&mut changes, &[], &[]) else { return false };
    if !params.iter().all(|param| stays(param.form)) {
        return false;
    }
    let (mut tokens, mut any_values) = (Vec::new(), Vec::new());
    for (at, change) in changes {
        let list = match change {
            Change::Substring => &mut tokens,
            Change::Column(column) => match column.wrap {
                _ if column.name.is_some() => return false,
                Wrap::Token => &mut tokens,
                Wrap::AnyValue(_) => &mut any_values,
                Wrap::TokenOfAny(_) => return false,
                Wrap::Nothing => continue,
            },
            // NULL stays NULL, as does what is none, an array of tokens is one of bytea already, and names mean what they meant
            // when the view was made.
            Change::Null
            | Change::LookedAt(_)
            | Change::Instead(_)
            | Change::NullBytea
            | Change::ByteaArray
            | Change::Qualify(_) => {
                continue;
            }
            _ => return false,
        };
        let Ok(location) = usize::try_from(at.location) else { return false };
        list.push(location);
    }
    tokens.sort_unstable();
    any_values.sort_unstable();
    tokens == form.tokens && any_values == form.any_values
}
