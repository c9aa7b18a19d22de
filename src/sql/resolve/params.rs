//! In which forms each parameter travels.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::refuse::{Stop, located, native};
use crate::{
    config::ProtectedColumn,
    sql::{
        grammar::edits::{Change, NodeAt},
        model::{Param, ParamForm, Refusal},
    },
    values::{LogicalType, Source},
};

/// The protocol counts parameters in 16 bits.
const MAX_PARAMS: usize = 65_535;

/// Uses of parameters in one statement.
#[derive(Clone, Debug, Default)]
pub(in crate::sql) struct Params {
    /// By parameter: where it is used as it is, if anywhere.
    plain: Vec<Option<i32>>,
    /// Uses as a sealed value, token or token array.
    sealed: Vec<Use>,
    /// Uses that take whatever form there is: `$1 IS NULL`.
    any: Vec<Use>,
}

#[derive(Clone, Debug)]
struct Use {
    index: usize,
    at: NodeAt,
    cast: bool,
    /// Meaningless in `any`.
    form: ParamForm,
    /// In `any`: the cast around it, which may be untyped.
    read_as: Source,
}

impl Params {
    /// The 0-based index of `$number`.
    fn index(&mut self, number: i32, location: i32) -> Result<usize, Stop> {
        match usize::try_from(number) {
            Ok(number @ 1..=MAX_PARAMS) => {
                if self.plain.len() < number {
                    self.plain.resize(number, None);
                }
                Ok(number - 1)
            }
            _ => Err(native("42P02", "sql/unknown-parameter", format!("there is no parameter ${number}"), location)),
        }
    }

    /// `$number` is used as it is.
    pub(super) fn plain(&mut self, number: i32, location: i32) -> Result<(), Stop> {
        let index = self.index(number, location)?;
        if let Some(plain) = self.plain.get_mut(index) {
            *plain = Some(location);
        }
        Ok(())
    }

    /// `$number`, or the cast around it, is used in a form.
    pub(super) fn form(&mut self, number: i32, at: NodeAt, cast: bool, form: ParamForm) -> Result<(), Stop> {
        let index = self.index(number, at.location)?;
        self.sealed.push(Use { index, at, cast, form, read_as: Source::UNTYPED });
        Ok(())
    }

    /// `$number` is only looked at for being NULL.
    pub(super) fn any(&mut self, number: i32, at: NodeAt, cast: bool, read_as: Source) -> Result<(), Stop> {
        let index = self.index(number, at.location)?;
        self.any.push(Use { index, at, cast, form: ParamForm::Plain, read_as });
        Ok(())
    }

    /// Parameters of which is only asked whether they are NULL, each with: is it a text, so that any other
    /// text does as well? Drivers that number each place of a value anew make `$1 IS NULL OR c = $2` of a filter,
    /// and bind the value twice.
    pub(in crate::sql) fn only_looked_at(&self, declared: &[u32]) -> BTreeMap<usize, bool> {
        let sealed: HashSet<usize> = self.sealed.iter().map(|used| used.index).collect();
        let plain = |index: usize| self.plain.get(index).copied().flatten().is_some();
        let mut found = BTreeMap::new();
        for used in self.any.iter().filter(|used| !plain(used.index) && !sealed.contains(&used.index)) {
            let cast = used.read_as;
            let is_text = match declared.get(used.index).copied().unwrap_or(0) {
                0 => cast.is_string(),
                oid => Source { oid, typmod: -1 }.is_string() && (cast.oid == 0 || cast.is_string()),
            };
            *found.entry(used.index).or_insert(true) &= is_text;
        }
        found
    }

    /// Has any parameter to be transformed?
    pub(super) fn transforms(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// The upstream parameters, the first of them the client's own, and how many these are. Adds the
    /// changes of nodes that this takes.
    ///
    /// `declared` are the types that the client gave its parameters, `columns` the protected ones.
    #[expect(clippy::mutable_key_type, reason = "an enum type's hash and equality are its name's, which never changes")]
    pub(in crate::sql) fn finish(
        self,
        changes: &mut Vec<(NodeAt, Change)>,
        declared: &[u32],
        columns: &[Arc<ProtectedColumn>],
    ) -> Result<(Vec<Param>, usize), Stop> {
        self.check_types(declared, columns)?;
        let count = self.plain.len();
        let mut params: Vec<Param> = (0..count).map(|client| Param { client, form: ParamForm::Plain }).collect();
        let mut copies: HashMap<(usize, ParamForm), usize> = HashMap::new();
        for used in self.sealed {
            if self.plain.get(used.index).copied().flatten().is_some() {
                return Err(shared(&used));
            }
            let Some(own) = params.get_mut(used.index) else { continue };
            let slot = if own.form == ParamForm::Plain || own.form == used.form {
                own.form = used.form;
                used.index
            } else {
                *copies.entry((used.index, used.form)).or_insert_with(|| {
                    params.push(Param { client: used.index, form: used.form });
                    params.len() - 1
                })
            };
            if used.cast || slot != used.index {
                changes.push((used.at, Change::Param(slot + 1)));
            }
        }
        for used in self.any {
            // The cast around a token would be one of bytea.
            if used.cast && params.get(used.index).is_some_and(|p| p.form != ParamForm::Plain) {
                changes.push((used.at, Change::Param(used.index + 1)));
            }
        }
        if params.len() > MAX_PARAMS {
            let message = "too many parameters are needed in more than one form";
            return Err(Refusal::unsupported("sql/too-many-parameters", message).sqlstate("54000").into());
        }
        Ok((params, count))
    }
}

impl Params {
    /// The server gives an undeclared parameter one type, from one of its uses, and reads all others by
    /// it. Where they would differ it can't be told here what they mean.
    fn check_types(&self, declared: &[u32], columns: &[Arc<ProtectedColumn>]) -> Result<(), Stop> {
        let mut types: HashMap<usize, u32> = HashMap::new();
        for used in &self.sealed {
            if declared.get(used.index).is_some_and(|oid| *oid != 0) {
                continue;
            }
            let Some(ty) = deduced(used.form, columns) else { continue };
            if *types.entry(used.index).or_insert(ty) != ty {
                let number = used.index + 1;
                let message = format!("parameter ${number} is used with sealed columns of different types");
                let refusal = Refusal::unsupported("sql/shared-parameter", message)
                    .detail("The type that it was not declared with cannot be deduced as the server would.")
                    .hint("use two parameters, or give it a type: $1::text");
                return Err(located(refusal, used.at.location));
            }
        }
        Ok(())
    }
}

/// The type that a use gives a parameter without one; text and varchar are as good as the same.
fn deduced(form: ParamForm, columns: &[Arc<ProtectedColumn>]) -> Option<u32> {
    let text = |ty: LogicalType| if matches!(ty, LogicalType::Varchar(_)) { LogicalType::Text } else { ty };
    let own = |ordinal: usize| columns.get(ordinal).map(|column| text(column.ty));
    let (source, ty) = match form {
        ParamForm::Plain => return None,
        ParamForm::SealText(..) => return Some(25),
        ParamForm::Seal(ordinal, source) | ParamForm::Token(ordinal, source) => (source, own(ordinal)?.oid()),
        ParamForm::SealAs(_, ty, source) => (source, text(ty).oid()),
        ParamForm::SealArray(ordinal, source) | ParamForm::TokenArray(ordinal, source) => {
            (source, own(ordinal)?.array_oid())
        }
    };
    Some(match source.oid {
        0 => ty,
        1043 => 25,
        oid => oid,
    })
}

fn shared(used: &Use) -> Stop {
    let message = format!("parameter ${} is used both with a sealed column and elsewhere", used.index + 1);
    let refusal = Refusal::unsupported("sql/shared-parameter", message)
        .detail("sending it as it is would disclose the value")
        .hint("use two parameters");
    located(refusal, used.at.location)
}
