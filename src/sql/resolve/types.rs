//! Type names of casts → [`Source`].

use pg_raw_parse::{ConstValue, Node, nodes::TypeName};

use super::Resolver;
use crate::{
    sql::{
        catalog::{Catalog, NamedType},
        env::Env,
    },
    values::{self, IntervalModifier, Source},
};

/// Name, OID, OID of the array type (pg_type.dat). Types that may stand around an operand of a
/// sealed column; anything else is refused there.
const TYPES: [(&str, u32, u32); 25] = [
    ("text", 25, 1009),
    ("varchar", 1043, 1015),
    ("bpchar", 1042, 1014),
    ("int4", 23, 1007),
    ("int8", 20, 1016),
    ("int2", 21, 1005),
    ("numeric", 1700, 1231),
    ("date", 1082, 1182),
    ("timestamptz", 1184, 1185),
    ("timestamp", 1114, 1115),
    ("bool", 16, 1000),
    ("uuid", 2950, 2951),
    ("bytea", 17, 1001),
    ("jsonb", 3802, 3807),
    ("json", 114, 199),
    ("name", 19, 1003),
    ("float4", 700, 1021),
    ("float8", 701, 1022),
    ("time", 1083, 1183),
    ("interval", 1186, 1187),
    ("inet", 869, 1041),
    ("cidr", 650, 651),
    ("macaddr", 829, 1040),
    ("macaddr8", 774, 775),
    ("timetz", 1266, 1270),
];

/// PostgreSQL's VARHDRSZ: what varchar(n), char(n) and numeric(p,s) add to their modifiers.
const VARHDRSZ: i32 = 4;

pub(super) const INTERVAL: u32 = 1186;

/// The types that names in a statement may mean: PostgreSQL's usual ones, and the policy's enums.
#[derive(Clone, Copy)]
pub(in crate::sql) struct Types<'a> {
    named: &'a [NamedType],
    env: Option<&'a Env>,
}

impl<'a> Types<'a> {
    /// PostgreSQL's usual ones alone: where an enum is as good as any other type.
    pub(super) const USUAL: Self = Self { named: &[], env: None };

    /// What names mean in a session.
    pub(in crate::sql) fn of(catalog: &'a Catalog, env: &'a Env) -> Self {
        Self { named: &catalog.named_types, env: Some(env) }
    }

    /// What a type name means, if it is a usual type's or a policy's enum's, or that of an array of one.
    pub(in crate::sql) fn source(self, name: &TypeName) -> Option<Source> {
        source(name).or_else(|| self.named(name))
    }

    fn named(self, name: &TypeName) -> Option<Source> {
        let mut parts = name.names().iter().rev().map(|s| s.sval().unwrap_or_default());
        let (bare, schema, None) = (parts.next()?, parts.next(), parts.next()) else { return None };
        if name.setof || name.pct_type || !name.typmods().is_empty() || name.array_bounds().len() > 1 {
            return None;
        }
        let schema = match schema {
            Some(schema) => schema,
            None => self
                .env?
                .search_path
                .iter()
                .find(|schema| self.is_unsettled(schema, bare) || self.in_schema(schema, bare).is_some())?,
        };
        if self.is_unsettled(schema, bare) {
            return None;
        }
        let found = self.in_schema(schema, bare).filter(|found| found.is_enum())?;
        let oid = if name.array_bounds().is_empty() { found.oid } else { found.array_oid };
        Some(Source { oid, typmod: -1 })
    }

    /// Is the name that of something in the schema which the catalog does not know to the end: a row type of the
    /// session's own, or a type that its transaction has created or changed?
    fn is_unsettled(self, schema: &str, bare: &str) -> bool {
        self.env.is_some_and(|env| {
            env.temp.iter().any(|r| r.schema == schema && r.name == bare)
                || env.changed_types.iter().any(|(s, name)| s == schema && name == bare)
        })
    }

    fn in_schema(self, schema: &str, bare: &str) -> Option<&'a NamedType> {
        self.named.iter().find(|found| found.schema == schema && found.name == bare)
    }

    /// The element type of an array type.
    pub(super) fn element(self, source: Source) -> Option<Source> {
        let named = || {
            let found = self.named.iter().find(|found| found.is_enum() && found.array_oid == source.oid)?;
            Some(Source { oid: found.oid, ..source })
        };
        element(source).or_else(named)
    }

    /// The OID of the type's array type.
    pub(super) fn array(self, element: Source) -> Option<u32> {
        let usual = TYPES.iter().find(|(_, oid, _)| *oid == element.oid).map(|(_, _, array)| *array);
        let named = || self.named.iter().find(|found| found.is_enum() && found.oid == element.oid);
        usual.or_else(|| named().map(|found| found.array_oid))
    }

    /// Is it known to be no array?
    pub(super) fn is_scalar(self, source: Source) -> bool {
        TYPES.iter().any(|(_, oid, _)| *oid == source.oid)
            || self.named.iter().any(|found| found.is_enum() && found.oid == source.oid)
    }

    /// See [`values::common_type`]: the common type of an enum's values and of some without a type is the enum.
    pub(super) fn common(self, types: &[u32]) -> Option<u32> {
        let mut known = types.iter().copied().filter(|oid| !matches!(oid, 0 | 705));
        match known.next() {
            Some(first) if self.named.iter().any(|found| found.is_enum() && found.oid == first) => {
                known.all(|oid| oid == first).then_some(first)
            }
            _ => values::common_type(types),
        }
    }
}

impl<'a> Resolver<'a> {
    pub(super) fn types(&self) -> Types<'a> {
        Types::of(self.catalog, self.env)
    }
}

/// What is known about a type.
pub(super) fn is_text(source: Source) -> bool {
    matches!(source.oid, 25 | 1043)
}

/// int2, int4, int8
pub(super) fn is_integer(source: Source) -> bool {
    matches!(source.oid, 20 | 21 | 23)
}

/// numeric, float4, float8
pub(super) fn is_fractional(source: Source) -> bool {
    matches!(source.oid, 1700 | 700 | 701)
}

/// Does a number of the one type keep its value and its text in the other?
pub(super) fn widens(from: Source, to: Source) -> bool {
    let rank = |source: Source| [21, 23, 20, 1700].iter().position(|oid| *oid == source.oid);
    matches!((rank(from), rank(to)), (Some(from), Some(to)) if from < to)
}

/// The element type of an array type of one of [`TYPES`].
fn element(source: Source) -> Option<Source> {
    TYPES.iter().find(|(_, _, array)| *array == source.oid).map(|(_, oid, _)| Source { oid: *oid, ..source })
}

/// Schema and name of a type that is none of PostgreSQL's usual ones.
pub(super) fn name(name: &TypeName) -> Option<(Option<&str>, &str)> {
    let mut parts = name.names().iter().rev().map(|s| s.sval().unwrap_or_default());
    let bare = parts.next()?;
    match parts.next() {
        Some("pg_catalog") => None,
        None if TYPES.iter().any(|(n, ..)| *n == bare) => None,
        schema => Some((schema, bare)),
    }
}

/// What a type name means, if it is one of [`TYPES`] or an array of one.
fn source(name: &TypeName) -> Option<Source> {
    let mut parts = name.names().iter().map(|s| s.sval().unwrap_or_default());
    let ((Some("pg_catalog"), Some(base), None) | (Some(base), None, None)) =
        (parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    if name.setof || name.pct_type {
        return None;
    }
    let (base, underscore) = match base.strip_prefix('_') {
        Some(element) => (element, true),
        None => (base, false),
    };
    let (_, oid, array) = *TYPES.iter().find(|(n, ..)| *n == base)?;
    let is_array = match (underscore, name.array_bounds().len()) {
        (false, 0) => false,
        (true, 0) | (false, 1) => true,
        _ => return None,
    };
    let typmod = typmod(oid, name)?;
    // The elements of an array literal are not read as a literal under the same cast would be.
    if is_array && oid == INTERVAL && typmod != -1 {
        return None;
    }
    Some(Source { oid: if is_array { array } else { oid }, typmod })
}

/// The modifier as the type's typmodin function makes it.
fn typmod(oid: u32, name: &TypeName) -> Option<i32> {
    let mut modifiers = name.typmods().iter().map(|node| match node {
        Node::A_Const(c) => match c.val() {
            Some(ConstValue::Integer(i)) => Some(i),
            _ => None,
        },
        _ => None,
    });
    let first = modifiers.next();
    let second = modifiers.next();
    if modifiers.next().is_some() {
        return None;
    }
    match (oid, first, second) {
        (_, None, _) => Some(-1),
        (1043 | 1042, Some(Some(n)), None) => n.checked_add(VARHDRSZ),
        (1700, Some(Some(precision)), scale) => {
            let scale = scale.unwrap_or(Some(0))?;
            // make_numeric_typmod (utils/adt/numeric.c)
            ((precision.checked_shl(16)?) | (scale & 0x7ff)).checked_add(VARHDRSZ)
        }
        (1184 | 1114 | 1083 | 1266, Some(Some(n)), None) => Some(n),
        (INTERVAL, Some(Some(range)), None) => interval(range, None),
        (INTERVAL, Some(Some(range)), Some(Some(digits))) => interval(range, Some(digits)),
        _ => None,
    }
}

/// `intervaltypmodin` (utils/adt/timestamp.c): a set of fields, and the digits of the seconds' fraction, of
/// which there are at most six.
fn interval(range: i32, digits: Option<i32>) -> Option<i32> {
    const FULL_RANGE: i32 = 0x7fff;
    const FULL_PRECISION: i32 = 0xffff;
    let precision = match digits {
        None if range == FULL_RANGE => return Some(-1),
        None => FULL_PRECISION,
        Some(..0) => return None,
        Some(digits) => digits.min(6),
    };
    let typmod = range.checked_mul(1 << 16)? | precision;
    IntervalModifier::from_typmod(typmod).map(IntervalModifier::typmod)
}
