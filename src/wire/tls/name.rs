//! Is a certificate one for this host? libpq's rules, which are not quite those of browsers:
//! `pgtls_verify_peer_name_matches_certificate_guts` (fe-secure-openssl.c) and fe-secure-common.c, version 16.
//!
//! - Names of subjectAltName are tried in their order. A dNSName is compared as text, without regard to case;
//!   `*.` at its start stands for exactly one label. An iPAddress is compared with a host that is an address.
//! - The first CN of the subject counts only if subjectAltName has no name of the host's own kind: no dNSName
//!   for a name, no iPAddress for an address. (For an address the CN counts beside dNSNames.)
//! - A name with a NUL, or an address of another length than 4 or 16, ends the search without a match.

use std::net::IpAddr;

use super::{
    identity::address,
    parts::{Alternative, Parts, ascii},
};

/// Does a certificate in DER name this host (a name, or an address without brackets)? Else the names that
/// it has, made printable.
pub fn check(certificate: &[u8], host: &str) -> Result<(), Vec<String>> {
    let parts = Parts::of(certificate).map_err(|_| Vec::new())?;
    let ip = host.parse::<IpAddr>().ok();
    let mut seen = Vec::new();
    let mut by_common_name = true;
    for name in parts.alternatives().map_err(|_| Vec::new())? {
        match name {
            Alternative::Dns(name) => {
                by_common_name &= ip.is_some();
                seen.push(printable(name));
                match ascii(name) {
                    Some(name) if same(name, host) => return Ok(()),
                    Some(_) => (),
                    None => return Err(seen),
                }
            }
            Alternative::Ip(octets) => {
                by_common_name &= ip.is_none();
                let Some(named) = address(octets) else { return Err(seen) };
                seen.push(named.to_string());
                if Some(named) == ip {
                    return Ok(());
                }
            }
            Alternative::Email(_) | Alternative::Uri(_) | Alternative::Other => (),
        }
    }
    if by_common_name && let Some(name) = parts.common_name() {
        if same(name, host) {
            return Ok(());
        }
        seen.push(printable(name.as_bytes()));
    }
    Err(seen)
}

/// Equal, or equal behind a wildcard that stands for the whole first label.
fn same(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    // `*.` alone is no pattern; and the star needs something to stand for.
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(rest), Some((label, parent))) => {
            !rest.is_empty() && !label.is_empty() && rest.eq_ignore_ascii_case(parent)
        }
        _ => false,
    }
}

fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().to_string()
}
