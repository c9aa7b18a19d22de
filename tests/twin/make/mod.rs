//! Makes statements: valid ones as a rule, of what the matrix promises as a rule.

mod conditions;
mod copy;
mod query;
mod sessions;
mod write;

use crate::{
    doc::{Cast, Doc, Form, Operand, Value},
    matrix::{Construct, Mode},
    schema::{Column, Schema, Table, ident},
    shim::Random,
    ty::{Family, Ty},
};

pub use sessions::{Exchange, How, Part, session};

/// Makes one statement after the other.
pub struct Maker<'a> {
    pub schema: &'a Schema,
    pub random: Random,
    share: u32,
    alias: u32,
    /// May the statement have a construct that is declared as refused? It has one at most, so that
    /// it hides no other.
    dare: bool,
}

/// Something in FROM.
#[derive(Clone)]
pub struct Source {
    pub alias: String,
    pub columns: Vec<Column>,
    /// Has it a column `id` that is unique?
    pub keyed: bool,
}

/// One column of one source.
#[derive(Clone, Copy)]
pub struct Place {
    source: usize,
    column: usize,
}

impl<'a> Maker<'a> {
    pub fn new(schema: &'a Schema, random: Random) -> Self {
        Self { schema, random, share: 0, alias: 0, dare: false }
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.random.below(n) == 0
    }

    fn pick<'b, T>(&mut self, of: &'b [T]) -> &'b T {
        &of[self.random.below(of.len())]
    }

    /// Something that is refused, here? Once a statement at most.
    fn dares(&mut self) -> bool {
        let dares = self.dare && self.one_in(2);
        self.dare &= !dares;
        dares
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.alias += 1;
        format!("{prefix}{}", self.alias)
    }

    fn table(&mut self) -> &'a Table {
        let schema = self.schema;
        &schema.tables[self.random.below(schema.tables.len())]
    }

    fn places(scope: &[Source], fits: impl Fn(&Column) -> bool) -> Vec<Place> {
        let all = scope.iter().enumerate().flat_map(|(s, source)| {
            source.columns.iter().enumerate().map(move |(c, column)| (Place { source: s, column: c }, column))
        });
        all.filter(|(_, column)| fits(column)).map(|(place, _)| place).collect()
    }

    /// A random column that fits.
    fn place(&mut self, scope: &[Source], fits: impl Fn(&Column) -> bool) -> Option<Place> {
        let places = Self::places(scope, fits);
        (!places.is_empty()).then(|| *self.pick(&places))
    }

    /// As SQL names it: by its name alone where that is clear.
    fn name(&mut self, scope: &[Source], place: Place) -> String {
        let source = &scope[place.source];
        let name = &source.columns[place.column].name;
        let clear = scope.iter().flat_map(|source| &source.columns).filter(|column| column.name == *name).count() == 1;
        if clear && scope.len() == 1 && self.one_in(2) {
            return ident(name);
        }
        format!("{}.{}", ident(&source.alias), ident(name))
    }

    /// A value to be compared with a column, or stored in it.
    pub fn operand(&mut self, column: &Column) -> Operand {
        let pool = column.pool();
        let value = if self.one_in(25) { Value::Null } else { Value::One(self.pick(&pool).clone()) };
        self.operand_of(column, value)
    }

    pub fn operand_of(&mut self, column: &Column, value: Value) -> Operand {
        let form = match self.random.below(12) {
            0 => Form::Escape,
            1 => Form::Dollar,
            2 => Form::Unicode,
            3 => Form::Continued,
            4..=7 => Form::Bare,
            _ => Form::Quoted,
        };
        let kin = self.kin(column, &value);
        let cast = match self.random.below(9) {
            0 | 1 => Cast::Colons(kin),
            2 => Cast::Call(kin),
            3 => Cast::Typed(kin),
            _ => Cast::None,
        };
        // A number where text is expected is another comparison.
        let form = if column.ty.family() == Family::Text && form == Form::Bare { Form::Quoted } else { form };
        let mut operand = Operand { form, cast, sealed: column.sealed(), ..Operand::plain(value, column.ty) };
        self.parameterise(&mut operand, column);
        operand
    }

    /// A type near the column's that the value fits.
    fn kin(&mut self, column: &Column, value: &Value) -> Ty {
        let kin = *self.pick(column.ty.kin());
        if !self.one_in(3) {
            return column.ty;
        }
        let fits = |text: &String| kin.family() != Family::Integer || kin.binary(text).is_some();
        let fits = match value {
            Value::Null => true,
            Value::One(text) => fits(text),
            Value::Many(items) => items.iter().flatten().all(fits),
        };
        if fits { kin } else { column.ty }
    }

    fn parameterise(&mut self, operand: &mut Operand, column: &Column) {
        if self.one_in(4) {
            return;
        }
        let kin = self.kin(column, &operand.value);
        let declared = self.one_in(3);
        let array = matches!(operand.value, Value::Many(_));
        let cast = match operand.cast {
            Cast::None => None,
            Cast::Colons(ty) | Cast::Call(ty) | Cast::Typed(ty) => Some(ty),
        };
        operand.ty = if declared { kin } else { cast.unwrap_or(column.ty) };
        if array && !declared && cast.is_none() && matches!(column.ty, Ty::Varchar(_)) {
            // There is no `varchar = varchar`: the parameter is a text[].
            operand.ty = Ty::Text;
        }
        let oid = match (declared, array) {
            (false, _) => 0,
            (true, false) => operand.ty.oid(),
            (true, true) => operand.ty.array_oid(),
        };
        operand.parameter = Some((oid, self.one_in(2)));
    }

    /// A value of some other type, which the column may not take.
    fn foreign(&mut self, column: &Column) -> Doc {
        let ty = *self.pick(&Ty::ALL);
        let value = Value::One(self.pick(&crate::pool::sealed(ty)).clone());
        let declared = self.one_in(2);
        let operand = Operand { sealed: column.sealed(), ..Operand::plain(value, ty) };
        let bare = matches!(ty.family(), Family::Integer | Family::Numeric | Family::Bool) && self.one_in(2);
        let operand = match declared {
            true => Operand { parameter: Some((ty.oid(), self.one_in(2))), cast: Cast::Colons(ty), ..operand },
            false if bare => Operand { form: Form::Bare, ..operand },
            false => Operand { cast: Cast::Colons(ty), ..operand },
        };
        let strings = column.ty.family() == Family::Text && ty.family() == Family::Text;
        let chars = strings && matches!(column.ty, Ty::Char(_)) != matches!(ty, Ty::Char(_));
        let exact = matches!(column.ty.family(), Family::Integer | Family::Numeric);
        let construct = match ty.family() {
            _ if chars => Construct::CharAmongStrings,
            _ if column.ty.family() == Family::Text && ty.element().is_some() => Construct::ArrayAmongStrings,
            Family::Float if exact => Construct::FloatAmongNumbers,
            Family::Feeling if column.ty != ty => Construct::EnumAmongOthers,
            _ => Construct::Foreign,
        };
        Doc::Seq(vec![Self::mark(construct, column.mode), operand.into()])
    }

    /// Several values.
    fn many(&mut self, column: &Column) -> Vec<Option<String>> {
        let pool = column.pool();
        (0..self.random.below(5)).map(|_| (!self.one_in(8)).then(|| self.pick(&pool).clone())).collect()
    }

    fn mark(construct: Construct, mode: Mode) -> Doc {
        Doc::Mark(construct, mode)
    }
}

/// Do values of the types compare in native SQL as their tokens do?
pub fn compares(a: Ty, b: Ty) -> bool {
    a.family() == b.family() && matches!(a, Ty::Char(_)) == matches!(b, Ty::Char(_))
}
