//! In which forms each parameter travels.

use std::collections::HashMap;

use super::refuse::{Stop, located, native};
use crate::sql::{
    grammar::edits::{Change, NodeAt},
    model::{Param, ParamForm, Refusal},
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
        self.sealed.push(Use { index, at, cast, form });
        Ok(())
    }

    /// `$number` is only looked at for being NULL.
    pub(super) fn any(&mut self, number: i32, at: NodeAt, cast: bool) -> Result<(), Stop> {
        let index = self.index(number, at.location)?;
        self.any.push(Use { index, at, cast, form: ParamForm::Plain });
        Ok(())
    }

    /// Has any parameter to be transformed?
    pub(super) fn transforms(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// The upstream parameters, the first of them the client's own, and how many these are. Adds the
    /// changes of nodes that this takes.
    pub(in crate::sql) fn finish(self, changes: &mut Vec<(NodeAt, Change)>) -> Result<(Vec<Param>, usize), Stop> {
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

fn shared(used: &Use) -> Stop {
    let message = format!("parameter ${} is used both with a sealed column and elsewhere", used.index + 1);
    let refusal = Refusal::unsupported("sql/shared-parameter", message)
        .detail("sending it as it is would disclose the value")
        .hint("use two parameters");
    located(refusal, used.at.location)
}
