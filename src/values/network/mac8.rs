//! `macaddr8`: addresses of eight bytes, and ones of six with FF and FE put in the middle.

use crate::values::{ValueError, text::is_space};

const NAME: &str = "macaddr8";

/// `macaddr8_in()`
pub(in crate::values) fn parse_macaddr8(text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let octets = scan(text.as_bytes()).ok_or_else(|| ValueError::syntax("22P02", NAME, text))?;
    out.extend_from_slice(&octets);
    Ok(())
}

/// Pairs of digits, all with the same separator between them or none; one may stand after the last pair.
fn scan(text: &[u8]) -> Option<[u8; 8]> {
    let mut rest = text.trim_ascii_start();
    while let [b'\x0b', tail @ ..] = rest {
        rest = tail.trim_ascii_start();
    }
    let mut octets = [0; 8];
    let mut count = 0;
    let mut separator = None;
    while let [high, low, tail @ ..] = rest {
        *octets.get_mut(count)? = digit(*high)? << 4 | digit(*low)?;
        count += 1;
        rest = tail;
        if let [found @ (b':' | b'-' | b'.'), tail @ ..] = rest {
            if *separator.get_or_insert(*found) != *found {
                return None;
            }
            rest = tail;
        }
        let blank = rest.first().is_some_and(|byte| is_space(*byte));
        if matches!(count, 6 | 8) && blank {
            if !rest.iter().all(|byte| is_space(*byte)) {
                return None;
            }
            rest = &[];
        }
    }
    match (count, octets) {
        // A single character that is left over does not count, as in the server.
        (6, [first @ .., _, _]) => Some(widened(first)),
        (8, octets) => Some(octets),
        _ => None,
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// `macaddr8_recv()`; gives the number of bytes that were used.
pub(in crate::values) fn receive_macaddr8(bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, ValueError> {
    if bytes.len() == 6 {
        mac_to_mac8(bytes, out)?;
        return Ok(6);
    }
    let octets: &[u8; 8] = bytes.first_chunk().ok_or_else(|| ValueError::new("08P01", "no data left in message"))?;
    out.extend_from_slice(octets);
    Ok(8)
}

/// The address of eight bytes that stands for one of six.
fn widened(octets: [u8; 6]) -> [u8; 8] {
    let [maker @ .., x, y, z] = octets;
    let [first, second, third] = maker;
    [first, second, third, 0xff, 0xfe, x, y, z]
}

/// `macaddrtomacaddr8()`
pub(in crate::values) fn mac_to_mac8(canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let octets = canon.try_into().map_err(|_| ValueError::damaged("macaddr"))?;
    out.extend_from_slice(&widened(octets));
    Ok(())
}

/// `macaddr8tomacaddr()`
pub(in crate::values) fn mac8_to_mac(canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    match canon {
        [maker @ .., 0xff, 0xfe, x, y, z] if maker.len() == 3 => {
            out.extend_from_slice(maker);
            out.extend_from_slice(&[*x, *y, *z]);
            Ok(())
        }
        [_, _, _, _, _, _, _, _] => Err(ValueError::new("22003", "macaddr8 data out of range to convert to macaddr")
            .hint(
                "Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example \
                 xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.",
            )),
        _ => Err(ValueError::damaged(NAME)),
    }
}
