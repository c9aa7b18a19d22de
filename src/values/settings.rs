//! The session settings that change how values are read and written as text.

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

/// What the session has set. Cheap to clone; the session keeps it in step with the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Output half of `DateStyle`.
    pub date_style: DateStyle,
    /// Field order of `DateStyle`.
    pub date_order: DateOrder,
    /// `TimeZone`.
    pub time_zone: jiff::tz::TimeZone,
    /// `bytea_output`.
    pub bytea_output: ByteaOutput,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            time_zone: jiff::tz::TimeZone::UTC,
            bytea_output: ByteaOutput::Hex,
        }
    }
}
