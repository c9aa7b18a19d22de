//! Values in binary: well-formed ones, at the edges, and ones that are not.

use pgveil::values::LogicalType;

use crate::{
    generate::{Random, label, string},
    json::json,
};

/// Bytes for a type's receive function.
pub fn binaries(ty: LogicalType, r: &mut Random, count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|_| {
            let mut bytes = binary(ty, r);
            if r.one_in(8) {
                match r.below(3) {
                    0 => {
                        bytes.pop();
                    }
                    1 => bytes.push(r.below(256) as u8),
                    _ => {
                        let at = r.below(bytes.len().max(1));
                        if let Some(byte) = bytes.get_mut(at) {
                            *byte = r.below(256) as u8;
                        }
                    }
                }
            }
            bytes
        })
        .collect()
}

/// Binary arrays, some of them damaged.
fn array(element: LogicalType, r: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut int = |value: i64| bytes.extend_from_slice(&(value as i32).to_be_bytes());
    let count = r.range(0, 3);
    int(if r.one_in(20) { r.range(-1, 7) } else { i64::from(count > 0) });
    int(if r.one_in(30) { r.range(-1, 3) } else { r.range(0, 1) });
    int(if r.one_in(20) { [0, 25, 23, 790, 99_999, 18][r.below(6)] } else { i64::from(element.oid()) });
    if count > 0 {
        int(if r.one_in(20) { [-1, 0, 5, 134_217_728, 134_217_727][r.below(5)] } else { count });
        int(if r.one_in(4) { [0, -3, 7, 2_147_483_647][r.below(4)] } else { 1 });
    }
    for _ in 0..count {
        if r.one_in(5) {
            bytes.extend_from_slice(&(-1_i32).to_be_bytes());
            continue;
        }
        let value = binary(element, r);
        let length = if r.one_in(30) { r.range(-2, 40) } else { value.len() as i64 };
        bytes.extend_from_slice(&(length as i32).to_be_bytes());
        bytes.extend_from_slice(&value);
    }
    bytes
}

fn binary(ty: LogicalType, r: &mut Random) -> Vec<u8> {
    match ty {
        LogicalType::Text | LogicalType::Varchar(_) | LogicalType::Char(_) => match r.below(8) {
            0 => [
                &b"ab"[..],
                [&b"\xc3"[..], b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\0", b"\xc0\x80x"][r.below(7)],
            ]
            .concat(),
            _ => string(r).into_bytes(),
        },
        LogicalType::Array(element) => array(element.ty(), r),
        LogicalType::Enum(_) => label(r).into_bytes(),
        LogicalType::Bool => vec![[0, 1, 7][r.below(3)]],
        LogicalType::Int2 => (r.next() as i16).to_be_bytes().to_vec(),
        LogicalType::Int4 => (r.next() as i32).to_be_bytes().to_vec(),
        LogicalType::Int8 => r.next().to_be_bytes().to_vec(),
        LogicalType::Numeric(_) => {
            let words = |values: &[u16]| values.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
            let sign = [0, 0, 0, 0x4000, 0x4000, 0xc000, 0xd000, 0xf000, 0x1234][r.below(9)];
            let n = if sign >= 0xc000 { 0 } else { r.below(5) };
            let mut all = vec![n as u16, r.range(-3, 4) as u16, sign, r.range(0, 20) as u16];
            all.extend((0..n).map(|_| if r.one_in(20) { 10_000 } else { r.below(10_000) as u16 }));
            words(&all)
        }
        LogicalType::Date => {
            let days = match r.below(8) {
                0 => [i32::MIN, i32::MAX, -2_451_545, -2_451_546, 2_145_031_948, 2_145_031_949][r.below(6)],
                1 => r.next() as i32,
                2 => r.range(-2_451_545, 110_000_000) as i32,
                _ => r.range(-60_000, 20_000) as i32,
            };
            days.to_be_bytes().to_vec()
        }
        LogicalType::Time(_) => {
            let micros = match r.below(6) {
                0 => [-1, 0, 86_400_000_000, 86_400_000_001, i64::MAX, i64::MIN][r.below(6)],
                _ => r.range(0, 86_400_000_000),
            };
            micros.to_be_bytes().to_vec()
        }
        LogicalType::Json => json(r, 0).into_bytes(),
        LogicalType::Inet | LogicalType::Cidr => {
            let (family, length) = [(2, 4), (3, 16), (2, 4), (3, 16), (1, 4), (2, 16)][r.below(6)];
            let bits = if r.one_in(4) { r.below(256) } else { r.below(length * 8 + 1) };
            let mut bytes = vec![family, bits as u8, r.below(2) as u8, length as u8];
            let zeros = r.one_in(2);
            bytes.extend((0..length).map(|_| if zeros || r.one_in(3) { 0 } else { r.below(256) as u8 }));
            bytes
        }
        LogicalType::Timetz(_) => timetz(r),
        LogicalType::Interval(_) => interval(r),
        LogicalType::Macaddr8 => {
            let length = if r.one_in(4) { 6 } else { 8 };
            (0..length).map(|_| r.below(256) as u8).collect()
        }
        LogicalType::Macaddr => (0..6).map(|_| r.below(256) as u8).collect(),
        LogicalType::Float4 => match r.below(3) {
            0 => (f32::from_bits(((r.next() as u32 % 255) << 23) + r.next() as u32 % 3)).to_be_bytes().to_vec(),
            1 => (r.range(-2_000_000, 2_000_000) as f32 / 8.0).to_be_bytes().to_vec(),
            _ => (r.next() as u32).to_be_bytes().to_vec(),
        },
        LogicalType::Float8 => match r.below(3) {
            0 => (((r.next() % 2047) << 52) + r.next() % 3).to_be_bytes().to_vec(),
            1 => (r.range(-2_000_000_000_000, 2_000_000_000_000) as f64 / 1000.0).to_be_bytes().to_vec(),
            _ => r.next().to_be_bytes().to_vec(),
        },
        LogicalType::Timestamptz(_) | LogicalType::Timestamp(_) => {
            let micros = match r.below(8) {
                0 => [
                    i64::MIN,
                    i64::MAX,
                    -211_813_488_000_000_000,
                    -211_813_488_000_000_001,
                    9_223_371_331_199_999_999,
                    9_223_371_331_200_000_000,
                ][r.below(6)],
                1 => r.next() as i64,
                2 => r.range(-211_813_488_000_000_000, 9_223_371_331_199_999_999),
                3 => r.range(-60_000, 20_000) * 86_400_000_000,
                // Hours of the last two centuries, where offsets change.
                4 => r.range(-1_500_000, 400_000) * 3_600_000_000,
                _ => r.range(-5_000_000_000_000_000, 1_400_000_000_000_000),
            };
            micros.to_be_bytes().to_vec()
        }
        LogicalType::Uuid => (0..16).map(|_| r.below(256) as u8).collect(),
        LogicalType::Bytea => (0..r.below(12)).map(|_| r.below(256) as u8).collect(),
        LogicalType::Jsonb => {
            let mut bytes = vec![if r.one_in(12) { r.below(4) as u8 } else { 1 }];
            bytes.extend(json(r, 0).bytes());
            bytes
        }
    }
}

fn timetz(r: &mut Random) -> Vec<u8> {
    let micros = match r.below(6) {
        0 => [-1, 0, 86_400_000_000, 86_400_000_001, i64::MAX, i64::MIN][r.below(6)],
        _ => r.range(0, 86_400_000_000),
    };
    let west = match r.below(4) {
        0 => [57_600, 57_599, -57_599, -57_600, i32::MIN, i32::MAX][r.below(6)],
        1 => r.range(-57_599, 57_599) as i32,
        _ => r.range(-15, 15) as i32 * 3600,
    };
    [&micros.to_be_bytes()[..], &west.to_be_bytes()].concat()
}

fn interval(r: &mut Random) -> Vec<u8> {
    let micros = match r.below(5) {
        0 => [i64::MIN, i64::MAX, i64::MIN + 1, 0, -1, 1][r.below(6)],
        1 => r.next() as i64,
        2 => r.range(-90, 90) * 1_000_000,
        _ => r.range(-90_000_000_000, 90_000_000_000),
    };
    let part = |r: &mut Random| match r.below(5) {
        0 => [i32::MIN, i32::MAX][r.below(2)],
        1 => r.next() as i32,
        2 => 0,
        _ => r.range(-40, 40) as i32,
    };
    let (days, months) = (part(r), part(r));
    [&micros.to_be_bytes()[..], &days.to_be_bytes(), &months.to_be_bytes()].concat()
}
