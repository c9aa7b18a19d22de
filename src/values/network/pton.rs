//! Addresses as people write them: inet_net_pton.c of the server. Each gives the bits of the mask, or
//! `None` for text that is no address.

/// Digits from the start, as a number of at most `most`. `None` if there is none or it is larger.
fn decimal(text: &[u8], most: u32) -> Option<(u8, &[u8])> {
    let count = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(count)?;
    let value = digits
        .iter()
        .try_fold(0u32, |value, digit| Some(value * 10 + u32::from(digit - b'0')).filter(|value| *value <= most))?;
    (count > 0).then_some((value as u8, rest))
}

/// An address of four numbers, or fewer with a mask that needs no more.
pub(super) fn inet_ipv4(text: &[u8], address: &mut [u8; 16]) -> Option<u8> {
    let mut rest = text;
    let mut count = 0;
    while rest.first().is_some_and(u8::is_ascii_digit) {
        let (octet, tail) = decimal(rest, 255)?;
        *address.get_mut(..4)?.get_mut(count)? = octet;
        count += 1;
        rest = tail;
        match rest {
            [] | [b'/', ..] => break,
            [b'.', tail @ ..] => rest = tail,
            _ => return None,
        }
    }
    let bits = match rest {
        [b'/', mask @ ..] => match decimal(mask, 32)? {
            (bits, []) => bits,
            _ => return None,
        },
        [] if count == 4 => 32,
        _ => return None,
    };
    (count > 0 && usize::from(bits / 8) <= count).then_some(bits)
}

/// A network: as many numbers as its mask needs, or hexadecimal; without a mask it has that of its class.
pub(super) fn cidr_ipv4(text: &[u8], address: &mut [u8; 16]) -> Option<u8> {
    let mut count = 0;
    let mut put = |octet: u8| {
        *address.get_mut(..4)?.get_mut(count)? = octet;
        count += 1;
        Some(())
    };
    let mut rest = text;
    if let [b'0', b'x' | b'X', digits @ ..] = text
        && digits.first().is_some_and(u8::is_ascii_hexdigit)
    {
        let length = digits.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let (digits, tail) = digits.split_at_checked(length)?;
        rest = tail;
        let value = |b: u8| char::from(b).to_digit(16).unwrap_or_default() as u8;
        for pair in digits.chunks(2) {
            put(match *pair {
                [high, low] => value(high) << 4 | value(low),
                [high] => value(high) << 4,
                _ => return None,
            })?;
        }
    } else {
        loop {
            let (octet, tail) = decimal(rest, 255)?;
            put(octet)?;
            rest = tail;
            match rest {
                [b'.', tail @ ..] => rest = tail,
                [] | [b'/', ..] => break,
                _ => return None,
            }
        }
    }
    let bits = match rest {
        [b'/', mask @ ..] => match decimal(mask, 32)? {
            (bits, []) => bits,
            _ => return None,
        },
        [] => {
            let first = address.first().copied()?;
            let class = match first {
                240.. => 32,
                224.. => 8,
                192.. => 24,
                128.. => 16,
                _ => 8,
            };
            match class.max(count as u8 * 8) {
                8 if first == 224 => 4,
                bits => bits,
            }
        }
        _ => return None,
    };
    Some(bits)
}

/// Words of hexadecimal digits, one run of zeros left out, perhaps an IPv4 address at the end.
pub(super) fn ipv6(text: &[u8], address: &mut [u8; 16]) -> Option<u8> {
    let mut rest = match text {
        [b':', b':', ..] => text.get(1..)?,
        [b':', ..] => return None,
        _ => text,
    };
    let mut filled = 0;
    let mut gap = None;
    let mut bits = 128;
    let mut put = |filled: &mut usize, octets: &[u8]| {
        address.get_mut(*filled..*filled + octets.len())?.copy_from_slice(octets);
        *filled += octets.len();
        Some(())
    };
    loop {
        let word = rest;
        let count = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if count > 4 {
            return None;
        }
        let (digits, tail) = rest.split_at_checked(count)?;
        let value = digits.iter().fold(0u16, |v, b| v << 4 | char::from(*b).to_digit(16).unwrap_or_default() as u16);
        match tail {
            [] => {
                if count > 0 {
                    put(&mut filled, &value.to_be_bytes())?;
                }
                break;
            }
            [b':', tail @ ..] => {
                rest = tail;
                if count == 0 {
                    if gap.is_some() {
                        return None;
                    }
                    gap = Some(filled);
                } else if tail.is_empty() {
                    return None;
                } else {
                    put(&mut filled, &value.to_be_bytes())?;
                }
            }
            [b'.', ..] => {
                let (octets, mask) = embedded(word)?;
                put(&mut filled, &octets)?;
                bits = mask;
                break;
            }
            [b'/', mask @ ..] => {
                bits = strict(mask, 128)?;
                if count > 0 {
                    put(&mut filled, &value.to_be_bytes())?;
                }
                break;
            }
            _ => return None,
        }
    }
    match gap {
        Some(_) if filled == 16 => None,
        Some(gap) => {
            let moved = filled - gap;
            address.copy_within(gap..filled, 16 - moved);
            address.get_mut(gap..16 - moved)?.fill(0);
            Some(bits)
        }
        None => (filled == 16).then_some(bits),
    }
}

/// `getbits()`: all of the text is one number without zeros before it.
fn strict(text: &[u8], most: u32) -> Option<u8> {
    if matches!(text, [b'0', _, ..]) {
        return None;
    }
    match decimal(text, most)? {
        (value, []) => Some(value),
        _ => None,
    }
}

/// `getv4()`: one to four numbers, and perhaps a mask.
fn embedded(text: &[u8]) -> Option<([u8; 4], u8)> {
    let slash = text.iter().position(|&b| b == b'/');
    let (numbers, bits) = match slash {
        Some(at) => (text.get(..at)?, strict(text.get(at + 1..)?, 128)?),
        None => (text, 128),
    };
    let mut octets = [0; 4];
    let numbers: Vec<&[u8]> = numbers.split(|&b| b == b'.').collect();
    for (at, number) in numbers.iter().enumerate() {
        // Before a point or slash there may be nothing, which is a zero.
        let ends = slash.is_none() && at + 1 == numbers.len();
        *octets.get_mut(at)? = if number.is_empty() && !ends { 0 } else { strict(number, 255)? };
    }
    Some((octets, bits))
}
