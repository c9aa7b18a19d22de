//! Made-up values for probe rows.

use crate::values::{LogicalType, array_literal};

/// Text that the type accepts, easily told from real data.
pub(super) fn text(ty: LogicalType) -> String {
    match ty {
        LogicalType::Text | LogicalType::Varchar(None) | LogicalType::Char(None) => "pgveil probe".to_owned(),
        LogicalType::Varchar(Some(n)) | LogicalType::Char(Some(n)) => "pgveil probe".chars().take(n as usize).collect(),
        LogicalType::Bool => "t".to_owned(),
        LogicalType::Int2 | LogicalType::Int4 | LogicalType::Int8 => "-32107".to_owned(),
        LogicalType::Numeric(_) => "0".to_owned(),
        LogicalType::Date => "1900-01-01".to_owned(),
        LogicalType::Timestamptz(_) => "1900-01-01 00:00:00+00".to_owned(),
        LogicalType::Timestamp(_) => "1900-01-01 00:00:00".to_owned(),
        LogicalType::Time(_) => "01:02:03".to_owned(),
        LogicalType::Inet => "192.0.2.1".to_owned(),
        LogicalType::Cidr => "192.0.2.0/24".to_owned(),
        LogicalType::Macaddr => "00:00:5e:00:53:01".to_owned(),
        LogicalType::Macaddr8 => "00:00:5e:ff:fe:00:53:01".to_owned(),
        // Of all fields, none cuts off years.
        LogicalType::Interval(_) => "-321 years".to_owned(),
        LogicalType::Timetz(_) => "01:02:03-04".to_owned(),
        LogicalType::Float4 | LogicalType::Float8 => "-0.5".to_owned(),
        LogicalType::Uuid => "00000000-0000-4000-8000-000000000000".to_owned(),
        LogicalType::Bytea => "\\x00ff".to_owned(),
        LogicalType::Json | LogicalType::Jsonb => "{\"pgveil\": \"probe\"}".to_owned(),
        LogicalType::Enum(ty) => ty.a_label().unwrap_or_default(),
        LogicalType::Array(element) => array_of(&text(element.ty())),
    }
}

/// The text that comes back for it, under default settings.
pub(super) fn read_back(ty: LogicalType) -> String {
    let written = text(ty);
    match ty {
        LogicalType::Char(Some(n)) => format!("{written:n$}", n = n as usize),
        LogicalType::Numeric(Some((_, scale))) if scale > 0 => format!("0.{}", "0".repeat(scale.unsigned_abs().into())),
        LogicalType::Array(element) => array_of(&read_back(element.ty())),
        _ => written,
    }
}

/// The element and NULL.
fn array_of(element: &str) -> String {
    String::from_utf8_lossy(&array_literal([Some(element), None])).into_owned()
}

/// An SQL expression for a column that pgveil does not protect but that must have a value, by
/// `pg_type.typcategory`. None if nothing sensible fits.
pub(super) fn plain(category: &str, type_name: &str, type_type: &str) -> Option<String> {
    let literal = match (category, type_type) {
        (_, "e") => return Some(format!("(pg_catalog.enum_range(NULL::{type_name}))[1]")),
        ("N" | "T", _) => "0",
        ("S", _) => "",
        ("B", _) => "false",
        ("D", _) if type_name.starts_with("time ") || type_name.starts_with("time(") => "00:00",
        ("D", _) => "1900-01-01",
        ("A", _) => "{}",
        ("I", _) => "127.0.0.1",
        ("R", "r" | "m") => "empty",
        (_, "d") => return None,
        _ => match type_name {
            "uuid" => "00000000-0000-4000-8000-000000000000",
            "json" | "jsonb" => "{}",
            "bytea" | "tsvector" | "tsquery" => "",
            "xml" => "<probe/>",
            _ => return None,
        },
    };
    Some(format!("'{literal}'::{type_name}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn samples_fit_their_types() {
        assert_eq!(text(LogicalType::Varchar(Some(3))), "pgv");
        assert_eq!(read_back(LogicalType::Char(Some(14))), "pgveil probe  ");
        assert_eq!(read_back(LogicalType::Numeric(Some((12, 2)))), "0.00");
        let array = LogicalType::Char(Some(14)).array().unwrap();
        assert_eq!(
            (text(array).as_str(), read_back(array).as_str()),
            (r#"{"pgveil probe",NULL}"#, r#"{"pgveil probe  ",NULL}"#)
        );
        assert_eq!(plain("N", "integer", "b").as_deref(), Some("'0'::integer"));
        assert_eq!(plain("D", "time without time zone", "b").as_deref(), Some("'00:00'::time without time zone"));
        assert_eq!(plain("U", "uuid", "b").as_deref(), Some("'00000000-0000-4000-8000-000000000000'::uuid"));
        assert_eq!(plain("U", "public.geometry", "b"), None);
    }
}
