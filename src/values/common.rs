//! The type that several values have together: in CASE, COALESCE, VALUES, IN, UNION.

use super::ty::Base;

/// PostgreSQL's `select_common_type` (parser/parse_coerce.c) and whether all values can then be
/// converted to it; types by OID, 0 or 705 is unknown. All unknown gives `text`.
///
/// None where PostgreSQL fails, and where several types meet of which one is not known here (enums,
/// domains, extensions' types).
pub fn common_type(types: &[u32]) -> Option<u32> {
    let known = || types.iter().copied().filter(|oid| !is_unknown(*oid));
    let Some(first) = known().next() else { return Some(TEXT) };
    // Only so is the result ever a domain.
    if types.iter().all(|oid| *oid == first) {
        return Some(first);
    }
    let mut common = first;
    for oid in known() {
        if category(oid)? != category(common)? {
            return None;
        }
        if oid != common && !is_preferred(common) && converts(common, oid) && !converts(oid, common) {
            common = oid;
        }
    }
    known().all(|oid| oid == common || converts(oid, common)).then_some(common)
}

const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const NAME: u32 = 19;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const OID: u32 = 26;
const JSON: u32 = 114;
const XML: u32 = 142;
const CIDR: u32 = 650;
const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const MACADDR8: u32 = 774;
const MACADDR: u32 = 829;
const INET: u32 = 869;
const BPCHAR: u32 = 1042;
const VARCHAR: u32 = 1043;
const DATE: u32 = 1082;
const TIME: u32 = 1083;
const TIMESTAMP: u32 = 1114;
const TIMESTAMPTZ: u32 = 1184;
const INTERVAL: u32 = 1186;
const TIMETZ: u32 = 1266;
const NUMERIC: u32 = 1700;
const UUID: u32 = 2950;
const JSONB: u32 = 3802;

fn is_unknown(oid: u32) -> bool {
    matches!(oid, 0 | 705)
}

/// `pg_type.typcategory` of the types that are known here.
fn category(oid: u32) -> Option<u8> {
    Some(match oid {
        BOOL => b'B',
        TEXT | VARCHAR | BPCHAR | NAME => b'S',
        INT2 | INT4 | INT8 | NUMERIC | FLOAT4 | FLOAT8 | OID => b'N',
        DATE | TIME | TIMETZ | TIMESTAMP | TIMESTAMPTZ => b'D',
        INTERVAL => b'T',
        INET | CIDR => b'I',
        BYTEA | UUID | MACADDR | MACADDR8 | JSON | JSONB | XML => b'U',
        array if Base::of_array(array).is_some() => b'A',
        _ => return None,
    })
}

/// `pg_type.typispreferred`
fn is_preferred(oid: u32) -> bool {
    matches!(oid, BOOL | TEXT | FLOAT8 | OID | TIMESTAMPTZ | INTERVAL | INET)
}

/// Rows of `pg_cast` with context `i`, of types of one category.
fn converts(from: u32, to: u32) -> bool {
    // Arrays convert where their elements do.
    if let (Some(from), Some(to)) = (Base::of_array(from), Base::of_array(to)) {
        return converts(from.oid(), to.oid());
    }
    matches!(
        (from, to),
        (TEXT, VARCHAR | BPCHAR | NAME)
            | (VARCHAR, TEXT | BPCHAR | NAME)
            | (BPCHAR, TEXT | VARCHAR | NAME)
            | (NAME, TEXT)
            | (INT2, INT4 | INT8 | NUMERIC | FLOAT4 | FLOAT8 | OID)
            | (INT4, INT8 | NUMERIC | FLOAT4 | FLOAT8 | OID)
            | (INT8, NUMERIC | FLOAT4 | FLOAT8 | OID)
            | (NUMERIC, FLOAT4 | FLOAT8)
            | (FLOAT4, FLOAT8)
            | (DATE, TIMESTAMP | TIMESTAMPTZ)
            | (TIMESTAMP, TIMESTAMPTZ)
            | (TIME, TIMETZ)
            | (CIDR, INET)
            | (MACADDR, MACADDR8)
            | (MACADDR8, MACADDR)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT_ARRAY: u32 = 1009;

    /// As PostgreSQL answers `pg_typeof(coalesce(…))`.
    #[test]
    fn values_have_the_type_that_the_server_gives_them() {
        for (types, common) in [
            (&[][..], Some(TEXT)),
            (&[0, 705], Some(TEXT)),
            (&[0, VARCHAR], Some(VARCHAR)),
            // The first of those that convert to each other, not the preferred one.
            (&[VARCHAR, TEXT], Some(VARCHAR)),
            (&[TEXT, VARCHAR], Some(TEXT)),
            (&[BPCHAR, VARCHAR, TEXT], Some(BPCHAR)),
            (&[NAME, VARCHAR], Some(NAME)),
            (&[TEXT, NAME, VARCHAR], Some(TEXT)),
            (&[INT2, 0, INT8, INT4], Some(INT8)),
            (&[INT4, NUMERIC], Some(NUMERIC)),
            (&[NUMERIC, FLOAT4, INT8], Some(FLOAT4)),
            (&[INT4, OID], Some(OID)),
            (&[OID, FLOAT8], None),
            (&[DATE, TIMESTAMPTZ, TIMESTAMP], Some(TIMESTAMPTZ)),
            (&[DATE, TIME], None),
            (&[JSON, JSONB], None),
            (&[UUID, UUID], Some(UUID)),
            (&[UUID, TEXT], None),
            (&[BOOL, INT4], None),
            (&[0, TEXT_ARRAY, 705], Some(TEXT_ARRAY)),
            (&[TEXT_ARRAY, TEXT], None),
            (&[1015, TEXT_ARRAY], Some(1015)),
            (&[1007, 0, 1016], Some(1016)),
            (&[1007, TEXT_ARRAY], None),
            // A type that is not known here, by itself and beside others.
            (&[99_999, 99_999], Some(99_999)),
            (&[99_999, 0], None),
            (&[99_999, TEXT], None),
        ] {
            assert_eq!(common_type(types), common, "{types:?}");
        }
    }
}
