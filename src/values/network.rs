//! `inet`, `cidr`, `macaddr` and `macaddr8`, as the server's network.c, mac.c and mac8.c read and print them.
//!
//! The storage canon of the first two is what `inet_send` writes: address family (2 is IPv4, 3 is
//! IPv6), bits of the mask, is it a `cidr`, number of bytes, address.

use super::{ValueError, int::print_padded, text::is_space};

mod mac8;
mod pton;

pub(super) use mac8::{mac_to_mac8, mac8_to_mac, parse_macaddr8, receive_macaddr8};

const IPV4: u8 = 2;
const IPV6: u8 = 3;

const fn name(cidr: bool) -> &'static str {
    if cidr { "cidr" } else { "inet" }
}

/// A decoded address.
struct Network<'a> {
    bits: u8,
    address: &'a [u8],
}

impl Network<'_> {
    /// `addressOK()`: no bit is set to the right of the mask.
    fn is_masked(&self) -> bool {
        self.address.iter().enumerate().all(|(at, byte)| byte & !mask(self.bits, at) == 0)
    }

    fn store(&self, cidr: bool, out: &mut Vec<u8>) {
        let family = if self.address.len() == 4 { IPV4 } else { IPV6 };
        out.extend_from_slice(&[family, self.bits, u8::from(cidr), self.address.len() as u8]);
        out.extend_from_slice(self.address);
    }
}

/// The mask's byte number `at`.
fn mask(bits: u8, at: usize) -> u8 {
    match usize::from(bits).saturating_sub(at * 8) {
        8.. => 0xff,
        left => !(0xff >> left),
    }
}

/// `network_in()`
pub(super) fn parse(cidr: bool, text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let bad = || ValueError::syntax("22P02", name(cidr), text);
    let mut address = [0; 16];
    let (bits, length) = if text.contains(':') {
        (pton::ipv6(text.as_bytes(), &mut address).ok_or_else(bad)?, 16)
    } else if cidr {
        (pton::cidr_ipv4(text.as_bytes(), &mut address).ok_or_else(bad)?, 4)
    } else {
        (pton::inet_ipv4(text.as_bytes(), &mut address).ok_or_else(bad)?, 4)
    };
    let network = Network { bits, address: address.get(..length).unwrap_or_default() };
    if cidr && !network.is_masked() {
        return Err(ValueError::new("22P02", format!("invalid cidr value: \"{text}\""))
            .detail("Value has bits set to right of mask."));
    }
    network.store(cidr, out);
    Ok(())
}

/// `network_recv()`; gives the number of bytes that were used.
pub(super) fn receive(cidr: bool, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, ValueError> {
    let byte = |at: usize| bytes.get(at).copied().ok_or_else(|| ValueError::new("08P01", "no data left in message"));
    let invalid = |what: &str| ValueError::new("22P03", format!("invalid {what} in external \"{}\" value", name(cidr)));
    let length: u8 = match byte(0)? {
        IPV4 => 4,
        IPV6 => 16,
        _ => return Err(invalid("address family")),
    };
    let bits = byte(1)?;
    if bits > length * 8 {
        return Err(invalid("bits"));
    }
    byte(2)?;
    if byte(3)? != length {
        return Err(invalid("length"));
    }
    let end = 4 + usize::from(length);
    byte(end - 1)?;
    let network = Network { bits, address: bytes.get(4..end).unwrap_or_default() };
    if cidr && !network.is_masked() {
        return Err(
            ValueError::new("22P03", "invalid external \"cidr\" value").detail("Value has bits set to right of mask.")
        );
    }
    network.store(cidr, out);
    Ok(end)
}

fn load(canon: &[u8]) -> Result<Network<'_>, ValueError> {
    match canon {
        [IPV4, bits @ 0..=32, _, 4, address @ ..] if address.len() == 4 => Ok(Network { bits: *bits, address }),
        [IPV6, bits @ 0..=128, _, 16, address @ ..] if address.len() == 16 => Ok(Network { bits: *bits, address }),
        _ => Err(ValueError::damaged("inet")),
    }
}

/// A value of the one type as the other: `inet_to_cidr()`, and the relabelling the other way.
pub(super) fn cast(cidr: bool, canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let network = load(canon)?;
    let masked: Vec<u8> = network.address.iter().enumerate().map(|(at, byte)| byte & mask(network.bits, at)).collect();
    let address = if cidr { &masked } else { network.address };
    Network { bits: network.bits, address }.store(cidr, out);
    Ok(())
}

/// Appends the equality canon: family, bits, address. A `cidr` equals the `inet` of its address.
pub(super) fn equality(canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let network = load(canon)?;
    out.push(if network.address.len() == 4 { IPV4 } else { IPV6 });
    out.push(network.bits);
    out.extend_from_slice(network.address);
    Ok(())
}

/// `network_out()`; the mask is left out where it says nothing, unless it is `always` shown (`cidr`,
/// and both as text).
pub(super) fn print(always: bool, canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let network = load(canon)?;
    if network.address.len() == 4 {
        print_ipv4(network.address, out);
    } else {
        print_ipv6(network.address, out);
    }
    if always || usize::from(network.bits) != network.address.len() * 8 {
        out.push(b'/');
        print_padded(u64::from(network.bits), 1, out);
    }
    Ok(())
}

fn print_ipv4(address: &[u8], out: &mut Vec<u8>) {
    for (at, byte) in address.iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        print_padded(u64::from(*byte), 1, out);
    }
}

/// `inet_net_ntop_ipv6()`: the longest run of zeros is shortened, the first of several.
fn print_ipv6(address: &[u8], out: &mut Vec<u8>) {
    let words: Vec<u16> =
        address.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes).collect();
    let run = |from: usize| words.iter().skip(from).take_while(|word| **word == 0).count();
    let mut best = (0, 1);
    for from in 0..words.len() {
        if run(from) > best.1 {
            best = (from, run(from));
        }
    }
    let (base, length) = best;
    let shortened = length > 1;
    // Addresses that stand for ones of IPv4.
    let embedded = shortened && base == 0 && (length == 6 || length == 5 && words.get(5) == Some(&0xffff));
    for (at, word) in words.iter().enumerate() {
        if shortened && (base..base + length).contains(&at) {
            if at == base {
                out.push(b':');
            }
            continue;
        }
        if at > 0 {
            out.push(b':');
        }
        if embedded && at == 6 {
            return print_ipv4(address.get(12..).unwrap_or_default(), out);
        }
        out.extend_from_slice(format!("{word:x}").as_bytes());
    }
    if shortened && base + length == words.len() {
        out.push(b':');
    }
}

/// `macaddr_in()`: the first of its patterns that fits.
pub(super) fn parse_macaddr(text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    /// What stands before each octet, and how many characters one may have at most.
    const PATTERNS: [([&str; 6], usize); 7] = [
        (["", ":", ":", ":", ":", ":"], usize::MAX),
        (["", "-", "-", "-", "-", "-"], usize::MAX),
        (["", "", "", ":", "", ""], 2),
        (["", "", "", "-", "", ""], 2),
        (["", "", ".", "", ".", ""], 2),
        (["", "", "-", "", "-", ""], 2),
        (["", "", "", "", "", ""], 2),
    ];
    let octets = PATTERNS.into_iter().find_map(|(separators, width)| {
        let mut rest = text.as_bytes();
        let mut octets = [0; 6];
        for (octet, separator) in octets.iter_mut().zip(separators) {
            rest = rest.strip_prefix(separator.as_bytes())?;
            (*octet, rest) = scan_hexadecimal(rest, width)?;
        }
        rest.iter().all(|&b| is_space(b)).then_some(octets)
    });
    let octets = octets.ok_or_else(|| ValueError::syntax("22P02", "macaddr", text))?;
    for octet in octets {
        let octet = u8::try_from(octet)
            .map_err(|_| ValueError::new("22003", format!("invalid octet value in \"macaddr\" value: \"{text}\"")))?;
        out.push(octet);
    }
    Ok(())
}

/// `%x` of the C library's `sscanf()`: blanks, sign, `0x`, digits.
fn scan_hexadecimal(text: &[u8], mut width: usize) -> Option<(u32, &[u8])> {
    let mut rest = text;
    while let [b, tail @ ..] = rest
        && is_space(*b)
    {
        rest = tail;
    }
    let negative = matches!(rest, [b'-', ..]);
    if let [b'-' | b'+', tail @ ..] = rest {
        rest = tail;
        width -= 1;
    }
    let mut found = false;
    if let [b'0', b'x' | b'X', tail @ ..] = rest
        && width >= 2
    {
        rest = tail;
        width -= 2;
        found = true;
    }
    let mut value: u64 = 0;
    while let [b, tail @ ..] = rest
        && width > 0
        && let Some(digit) = char::from(*b).to_digit(16)
    {
        value = if value >> 60 == 0 { value << 4 | u64::from(digit) } else { u64::MAX };
        rest = tail;
        width -= 1;
        found = true;
    }
    let value = if negative { value.wrapping_neg() } else { value };
    found.then_some((value as u32, rest))
}

/// `macaddr_out()`, `macaddr8_out()`
pub(super) fn print_macaddr(length: usize, canon: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    if canon.len() != length {
        return Err(ValueError::damaged("macaddr"));
    }
    for (at, byte) in canon.iter().enumerate() {
        if at > 0 {
            out.push(b':');
        }
        super::simple::print_hex(*byte, out);
    }
    Ok(())
}
