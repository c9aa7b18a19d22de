//! Logical types as a client knows them: names, OIDs, binary form of parameters.

/// A type that a sealed column may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    Text,
    Varchar(u32),
    Char(u32),
    Bool,
    Int2,
    Int4,
    Int8,
    Numeric(Option<(u16, i16)>),
    Date,
    Timestamptz,
    Timestamp,
    Float4,
    Float8,
    Time,
    Inet,
    Macaddr,
    Macaddr8,
    Interval,
    Timetz,
    Uuid,
    Bytea,
    Jsonb,
    /// The enum type `feeling` of every schema here.
    Feeling,
    Texts,
    Varchars(u32),
    Ints,
}

/// Types whose values compare with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Text,
    Integer,
    Numeric,
    Bool,
    Date,
    Timestamptz,
    Timestamp,
    Float,
    Time,
    Inet,
    Macaddr,
    Macaddr8,
    Interval,
    Timetz,
    Uuid,
    Bytea,
    Jsonb,
    Feeling,
    Texts,
    Ints,
}

impl Ty {
    pub const ALL: [Self; 28] = [
        Self::Text,
        Self::Varchar(24),
        Self::Char(20),
        Self::Bool,
        Self::Int2,
        Self::Int4,
        Self::Int8,
        Self::Numeric(None),
        Self::Numeric(Some((18, 2))),
        Self::Date,
        Self::Timestamptz,
        Self::Timestamp,
        Self::Float4,
        Self::Float8,
        Self::Time,
        Self::Inet,
        Self::Macaddr,
        Self::Macaddr8,
        Self::Interval,
        Self::Timetz,
        Self::Uuid,
        Self::Bytea,
        Self::Jsonb,
        Self::Feeling,
        Self::Varchar(300),
        Self::Texts,
        Self::Varchars(24),
        Self::Ints,
    ];

    /// Of its elements; None if it is no array.
    pub fn element(self) -> Option<Self> {
        match self {
            Self::Texts => Some(Self::Text),
            Self::Varchars(n) => Some(Self::Varchar(n)),
            Self::Ints => Some(Self::Int8),
            _ => None,
        }
    }

    /// As DDL, casts and policies write it.
    pub fn name(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Varchar(n) => format!("varchar({n})"),
            Self::Char(n) => format!("char({n})"),
            Self::Bool => "bool".to_owned(),
            Self::Int2 => "int2".to_owned(),
            Self::Int4 => "int4".to_owned(),
            Self::Int8 => "int8".to_owned(),
            Self::Numeric(None) => "numeric".to_owned(),
            Self::Numeric(Some((p, s))) => format!("numeric({p},{s})"),
            Self::Date => "date".to_owned(),
            Self::Timestamptz => "timestamptz".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
            Self::Float4 => "float4".to_owned(),
            Self::Float8 => "float8".to_owned(),
            Self::Time => "time".to_owned(),
            Self::Inet => "inet".to_owned(),
            Self::Macaddr => "macaddr".to_owned(),
            Self::Macaddr8 => "macaddr8".to_owned(),
            Self::Interval => "interval".to_owned(),
            Self::Timetz => "timetz".to_owned(),
            Self::Uuid => "uuid".to_owned(),
            Self::Bytea => "bytea".to_owned(),
            Self::Jsonb => "jsonb".to_owned(),
            Self::Feeling => "feeling".to_owned(),
            Self::Texts => "text[]".to_owned(),
            Self::Varchars(n) => format!("varchar({n})[]"),
            Self::Ints => "int8[]".to_owned(),
        }
    }

    /// Without modifiers.
    pub fn base_name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Varchar(_) => "varchar",
            Self::Char(_) => "bpchar",
            Self::Bool => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Numeric(_) => "numeric",
            Self::Date => "date",
            Self::Timestamptz => "timestamp with time zone",
            Self::Timestamp => "timestamp without time zone",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Time => "time without time zone",
            Self::Inet => "inet",
            Self::Macaddr => "macaddr",
            Self::Macaddr8 => "macaddr8",
            Self::Interval => "interval",
            Self::Timetz => "time with time zone",
            Self::Uuid => "uuid",
            Self::Bytea => "bytea",
            Self::Jsonb => "jsonb",
            Self::Feeling => "feeling",
            Self::Texts => "text[]",
            Self::Varchars(_) => "varchar[]",
            Self::Ints => "bigint[]",
        }
    }

    /// 0 for the enum, whose OID is another in each database: its parameters are not declared.
    pub fn oid(self) -> u32 {
        match self {
            Self::Text => 25,
            Self::Varchar(_) => 1043,
            Self::Char(_) => 1042,
            Self::Bool => 16,
            Self::Int2 => 21,
            Self::Int4 => 23,
            Self::Int8 => 20,
            Self::Numeric(_) => 1700,
            Self::Date => 1082,
            Self::Timestamptz => 1184,
            Self::Timestamp => 1114,
            Self::Float4 => 700,
            Self::Float8 => 701,
            Self::Time => 1083,
            Self::Inet => 869,
            Self::Macaddr => 829,
            Self::Macaddr8 => 774,
            Self::Interval => 1186,
            Self::Timetz => 1266,
            Self::Uuid => 2950,
            Self::Bytea => 17,
            Self::Jsonb => 3802,
            Self::Feeling => 0,
            Self::Texts | Self::Varchars(_) | Self::Ints => self.array_oid(),
        }
    }

    pub fn array_oid(self) -> u32 {
        match self {
            Self::Text => 1009,
            Self::Varchar(_) => 1015,
            Self::Char(_) => 1014,
            Self::Bool => 1000,
            Self::Int2 => 1005,
            Self::Int4 => 1007,
            Self::Int8 => 1016,
            Self::Numeric(_) => 1231,
            Self::Date => 1182,
            Self::Timestamptz => 1185,
            Self::Timestamp => 1115,
            Self::Float4 => 1021,
            Self::Float8 => 1022,
            Self::Time => 1183,
            Self::Inet => 1041,
            Self::Macaddr => 1040,
            Self::Macaddr8 => 775,
            Self::Interval => 1187,
            Self::Timetz => 1270,
            Self::Uuid => 2951,
            Self::Bytea => 1001,
            Self::Jsonb => 3807,
            Self::Feeling => 0,
            // Of arrays there are no arrays.
            Self::Texts => 1009,
            Self::Varchars(_) => 1015,
            Self::Ints => 1016,
        }
    }

    pub fn family(self) -> Family {
        match self {
            Self::Text | Self::Varchar(_) | Self::Char(_) => Family::Text,
            Self::Int2 | Self::Int4 | Self::Int8 => Family::Integer,
            Self::Numeric(_) => Family::Numeric,
            Self::Bool => Family::Bool,
            Self::Date => Family::Date,
            Self::Timestamptz => Family::Timestamptz,
            Self::Timestamp => Family::Timestamp,
            Self::Float4 | Self::Float8 => Family::Float,
            Self::Time => Family::Time,
            Self::Inet => Family::Inet,
            Self::Macaddr => Family::Macaddr,
            Self::Macaddr8 => Family::Macaddr8,
            Self::Interval => Family::Interval,
            Self::Timetz => Family::Timetz,
            Self::Uuid => Family::Uuid,
            Self::Bytea => Family::Bytea,
            Self::Jsonb => Family::Jsonb,
            Self::Feeling => Family::Feeling,
            Self::Texts | Self::Varchars(_) => Family::Texts,
            Self::Ints => Family::Ints,
        }
    }

    /// Can equal values look different (`1.0` and `1.00`)? Which of them stands for a group is not
    /// determined then.
    pub fn has_twins(self) -> bool {
        matches!(self, Self::Numeric(None) | Self::Jsonb | Self::Interval | Self::Float4 | Self::Float8)
    }

    /// Casts to other types that keep a value comparable with a column of this one.
    pub fn kin(self) -> &'static [Ty] {
        match self {
            Self::Text | Self::Varchar(_) => &[Ty::Text, Ty::Varchar(300)],
            // `char(n) = text` compares as text, with its blanks cut: another comparison than among char(n).
            Self::Char(_) => &[Ty::Char(20), Ty::Char(24)],
            Self::Int2 | Self::Int4 | Self::Int8 => &[Ty::Int2, Ty::Int4, Ty::Int8],
            Self::Numeric(_) => &[Ty::Numeric(None), Ty::Numeric(Some((18, 2)))],
            Self::Bool => &[Ty::Bool],
            Self::Date => &[Ty::Date],
            Self::Timestamptz => &[Ty::Timestamptz],
            Self::Timestamp => &[Ty::Timestamp],
            Self::Float4 => &[Ty::Float4],
            Self::Float8 => &[Ty::Float8],
            Self::Time => &[Ty::Time],
            Self::Inet => &[Ty::Inet],
            Self::Macaddr => &[Ty::Macaddr],
            Self::Macaddr8 => &[Ty::Macaddr8],
            Self::Interval => &[Ty::Interval],
            Self::Timetz => &[Ty::Timetz],
            Self::Uuid => &[Ty::Uuid],
            Self::Bytea => &[Ty::Bytea],
            Self::Jsonb => &[Ty::Jsonb],
            Self::Feeling => &[Ty::Feeling],
            Self::Texts | Self::Varchars(_) => &[Ty::Texts, Ty::Varchars(24)],
            Self::Ints => &[Ty::Ints],
        }
    }

    /// Binary form of a value given as text; None if there is none that is certain.
    pub fn binary(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Text | Self::Varchar(_) | Self::Char(_) | Self::Feeling => Some(text.as_bytes().to_vec()),
            Self::Bool => match text {
                "true" | "t" => Some(vec![1]),
                "false" | "f" => Some(vec![0]),
                _ => None,
            },
            Self::Int2 => Some(text.parse::<i16>().ok()?.to_be_bytes().to_vec()),
            Self::Int4 => Some(text.parse::<i32>().ok()?.to_be_bytes().to_vec()),
            Self::Int8 => Some(text.parse::<i64>().ok()?.to_be_bytes().to_vec()),
            Self::Numeric(_) => numeric(text),
            Self::Date => Some((days(text)?).to_be_bytes().to_vec()),
            Self::Time => {
                let (clock, micros) = text.split_once('.')?;
                let mut seconds = 0;
                for (part, weight) in clock.split(':').zip([3600, 60, 1]) {
                    seconds += part.parse::<i64>().ok()? * weight;
                }
                Some((seconds * 1_000_000 + format!("{micros:0<6}").parse::<i64>().ok()?).to_be_bytes().to_vec())
            }
            Self::Inet => {
                let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
                let address: std::net::Ipv4Addr = address.parse().ok()?;
                Some([&[2, bits.parse().ok()?, 0, 4][..], &address.octets()].concat())
            }
            Self::Interval => {
                // Pool values with a binary form known here: a number of one unit.
                let (number, unit) = text.split_once(' ')?;
                let number: i32 = number.parse().ok()?;
                let (days, months) = match unit {
                    "days" => (number, 0),
                    "mons" => (0, number),
                    _ => return None,
                };
                Some([&[0; 8][..], &days.to_be_bytes(), &months.to_be_bytes()].concat())
            }
            Self::Timetz => {
                let micros = Self::Time.binary(text.strip_suffix("+02")?)?;
                Some([&micros[..], &(-7200_i32).to_be_bytes()].concat())
            }
            Self::Macaddr8 => const_hex::decode(text.replace(':', "")).ok().filter(|bytes| bytes.len() == 8),
            Self::Macaddr => const_hex::decode(text.replace(':', "")).ok().filter(|bytes| bytes.len() == 6),
            Self::Float4 => Some(text.parse::<f32>().ok()?.to_be_bytes().to_vec()),
            Self::Float8 => Some(text.parse::<f64>().ok()?.to_be_bytes().to_vec()),
            Self::Timestamptz | Self::Timestamp => {
                let (date, time) = text.split_once(' ')?;
                let time = if self == Self::Timestamp { time } else { time.strip_suffix("+00")? };
                let (clock, micros) = time.split_once('.')?;
                let mut seconds = i64::from(days(date)?) * 86_400;
                for (part, weight) in clock.split(':').zip([3600, 60, 1]) {
                    seconds += part.parse::<i64>().ok()? * weight;
                }
                Some((seconds * 1_000_000 + format!("{micros:0<6}").parse::<i64>().ok()?).to_be_bytes().to_vec())
            }
            Self::Uuid => {
                let hex: String = text.chars().filter(char::is_ascii_hexdigit).collect();
                const_hex::decode(hex).ok().filter(|bytes| bytes.len() == 16)
            }
            Self::Bytea => const_hex::decode(text.strip_prefix("\\x")?).ok(),
            Self::Jsonb => Some([&[1], text.as_bytes()].concat()),
            Self::Texts | Self::Varchars(_) | Self::Ints => {
                let items: Vec<Option<String>> =
                    items(text)?.into_iter().map(|item| (item != "NULL").then(|| item.to_owned())).collect();
                crate::doc::array_binary(self.element()?, &items)
            }
        }
    }
}

/// The elements of an array literal that needs no quotes.
pub fn items(text: &str) -> Option<Vec<&str>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let plain = !inner.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '{' | '}'));
    plain.then(|| inner.split(',').filter(|item| !item.is_empty()).collect())
}

/// Days since 2000-01-01 of `YYYY-MM-DD`, by counting.
fn days(text: &str) -> Option<i32> {
    let mut parts = text.split('-').map(|part| part.parse::<i32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // Howard Hinnant's days_from_civil, moved to 2000.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468 - 10_957)
}

/// numeric_send: digits base 10000.
fn numeric(text: &str) -> Option<Vec<u8>> {
    let header = |digits: i16, weight: i16, sign: u16, scale: i16| {
        [digits.to_be_bytes(), weight.to_be_bytes(), sign.to_be_bytes(), scale.to_be_bytes()].concat()
    };
    if text == "NaN" {
        return Some(header(0, 0, 0xC000, 0));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit()) || whole.is_empty() {
        return None;
    }
    let pad = (4 - whole.len() % 4) % 4;
    let mut all = format!("{}{whole}{fraction}", "0".repeat(pad));
    all.push_str(&"0".repeat((4 - all.len() % 4) % 4));
    let groups: Vec<u16> =
        all.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).unwrap().parse().unwrap()).collect();
    let first = groups.iter().position(|group| *group != 0).unwrap_or(groups.len());
    let last = groups.iter().rposition(|group| *group != 0).map_or(first, |at| at + 1);
    let kept = &groups[first..last];
    let weight = if kept.is_empty() { 0 } else { (whole.len() + pad) as i16 / 4 - 1 - first as i16 };
    let sign = if negative && !kept.is_empty() { 0x4000 } else { 0 };
    let mut out = header(kept.len() as i16, weight, sign, fraction.len() as i16);
    kept.iter().for_each(|group| out.extend_from_slice(&group.to_be_bytes()));
    Some(out)
}
