//! The session settings that change how values are read and written as text.

use std::sync::Arc;

/// `DateStyle`'s output half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DateStyle {
    /// `2024-12-31`
    #[default]
    Iso,
    /// `12/31/2024`
    Sql,
    /// `31.12.2024`
    German,
    /// `Tue Dec 31 …`
    Postgres,
}

/// `DateStyle`'s field order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// Month first (PostgreSQL's default).
    #[default]
    Mdy,
    /// Day first.
    Dmy,
    /// Year first.
    Ymd,
}

/// `bytea_output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ByteaOutput {
    /// `\x6869`
    #[default]
    Hex,
    /// `hi\001`
    Escape,
}

/// `IntervalStyle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IntervalStyle {
    /// `1 year 2 mons 3 days 04:05:06`
    #[default]
    Postgres,
    /// `@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs`
    PostgresVerbose,
    /// `+1-2 +3 +4:05:06`
    SqlStandard,
    /// `P1Y2M3DT4H5M6S`
    Iso8601,
}

/// What the session has set. Cheap to clone; the session keeps it in step with the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Output half of `DateStyle`.
    pub date_style: DateStyle,
    /// Field order of `DateStyle`.
    pub date_order: DateOrder,
    /// `IntervalStyle`.
    pub interval_style: IntervalStyle,
    /// `TimeZone`.
    pub time_zone: jiff::tz::TimeZone,
    /// `bytea_output`.
    pub bytea_output: ByteaOutput,
    /// `extra_float_digits`: -15 to 3.
    pub extra_float_digits: i32,
    /// The schemas that names are looked up in, in order; empty if that is not known. Messages name types by it.
    pub search_path: Arc<[String]>,
    /// `array_nulls`: does an unquoted NULL in an array literal mean NULL?
    pub array_nulls: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            interval_style: IntervalStyle::Postgres,
            time_zone: jiff::tz::TimeZone::UTC,
            bytea_output: ByteaOutput::Hex,
            extra_float_digits: 1,
            search_path: Arc::default(),
            array_nulls: true,
        }
    }
}

impl Settings {
    /// Takes over `DateStyle` in the form that the server reports it: `ISO, MDY`. False if it is
    /// anything else.
    pub fn set_date_style(&mut self, value: &str) -> bool {
        let Some((style, order)) = value.split_once(',') else { return false };
        let style = match style.trim().to_ascii_lowercase().as_str() {
            "iso" => DateStyle::Iso,
            "sql" => DateStyle::Sql,
            "german" => DateStyle::German,
            "postgres" => DateStyle::Postgres,
            _ => return false,
        };
        let order = match order.trim().to_ascii_lowercase().as_str() {
            "mdy" => DateOrder::Mdy,
            "dmy" => DateOrder::Dmy,
            "ymd" => DateOrder::Ymd,
            _ => return false,
        };
        (self.date_style, self.date_order) = (style, order);
        true
    }

    /// Takes over `IntervalStyle`: `postgres`, `postgres_verbose`, `sql_standard` or `iso_8601`. False if it is
    /// anything else.
    pub fn set_interval_style(&mut self, value: &str) -> bool {
        self.interval_style = match value.trim().to_ascii_lowercase().as_str() {
            "postgres" => IntervalStyle::Postgres,
            "postgres_verbose" => IntervalStyle::PostgresVerbose,
            "sql_standard" => IntervalStyle::SqlStandard,
            "iso_8601" => IntervalStyle::Iso8601,
            _ => return false,
        };
        true
    }

    /// Takes over `TimeZone` as the server reports it (a name, or `<+05:30>-05:30`). False if pgveil
    /// does not know the zone; the settings are as they were then.
    pub fn set_time_zone(&mut self, value: &str) -> bool {
        match super::time_zone(value) {
            Some(zone) => {
                self.time_zone = zone;
                true
            }
            None => false,
        }
    }

    /// Takes over `extra_float_digits`. False if it is not a number in PostgreSQL's range.
    pub fn set_extra_float_digits(&mut self, value: &str) -> bool {
        match value.trim().parse() {
            Ok(digits @ -15..=3) => self.extra_float_digits = digits,
            _ => return false,
        }
        true
    }

    /// Takes over `array_nulls`. False if it is neither `on` nor `off`.
    pub fn set_array_nulls(&mut self, value: &str) -> bool {
        match value {
            "on" => self.array_nulls = true,
            "off" => self.array_nulls = false,
            _ => return false,
        }
        true
    }

    /// Takes over `bytea_output`: `hex` or `escape`. False if it is anything else.
    pub fn set_bytea_output(&mut self, value: &str) -> bool {
        match value.trim().to_ascii_lowercase().as_str() {
            "hex" => self.bytea_output = ByteaOutput::Hex,
            "escape" => self.bytea_output = ByteaOutput::Escape,
            _ => return false,
        }
        true
    }
}
