//! Scalars with a syntax of their own: addresses, sizes and durations.

use std::time::Duration;

use super::model::Listen;

/// pgveil's port when `listen` gives none: next to PostgreSQL's, as connection poolers have it.
const LISTEN_PORT: u16 = 6432;
const POSTGRES_PORT: u16 = 5432;

/// `host:port`, `[::1]:port`, or `unix:/directory`. The directory stays as written.
pub(super) fn listen(text: &str) -> Result<Listen, String> {
    if let Some(directory) = text.strip_prefix("unix:") {
        return match directory {
            "" => Err("a socket directory must follow `unix:`".to_owned()),
            _ => Ok(Listen::Unix(directory.into())),
        };
    }
    if text.starts_with('/') {
        return Err(format!("for a socket write `unix:{text}`"));
    }
    let (host, port) = host_port(text, LISTEN_PORT)?;
    if host == "*" {
        return Err(format!("to listen on all addresses write `0.0.0.0:{port}` or `[::]:{port}`"));
    }
    Ok(Listen::Tcp(host, port))
}

/// `host:port`, `host`, `[::1]:port`, or a socket directory `/run/postgresql` with or without `:port`.
pub(super) fn upstream(text: &str) -> Result<(String, u16), String> {
    let (host, port) = host_port(text, POSTGRES_PORT)?;
    if port == 0 { Err("port 0 cannot be connected to".to_owned()) } else { Ok((host, port)) }
}

fn host_port(text: &str, default: u16) -> Result<(String, u16), String> {
    const EXPECTED: &str = "expected `host:port`";
    if text.contains("://") || text.contains('@') {
        return Err(format!("{EXPECTED}, not a connection string"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',') {
        return Err(format!("{EXPECTED}, one to an entry"));
    }
    let (host, port) = if let Some(inner) = text.strip_prefix('[') {
        let (host, after) = inner.split_once(']').ok_or("the bracket is not closed")?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| "expected an IPv6 address in the brackets")?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(EXPECTED.to_owned()),
        }
    } else {
        match text.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => return Err(format!("write an IPv6 address as `[{text}]`")),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if host.is_empty() {
        return Err(format!("{EXPECTED}: the host is missing"));
    }
    let port = match port {
        None if host.bytes().all(|b| b.is_ascii_digit()) => return Err(format!("{EXPECTED}: the host is missing")),
        None => default,
        // `parse` alone would take `+5432`.
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            port.parse().map_err(|_| "a port is a number from 0 to 65535")?
        }
        Some(_) => return Err("a port is a number from 0 to 65535".to_owned()),
    };
    Ok((host.to_owned(), port))
}

/// `http://host[:port][/path]` or `https://…`. Who logs in, queries and fragments have settings of their own.
pub(super) fn url(text: &str) -> Result<(), String> {
    const EXPECTED: &str = "expected `https://host[:port]`";
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(EXPECTED)?;
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii() || "@?#\\".contains(c)) {
        return Err(format!("{EXPECTED}, without a user, blanks, `?` or `#`"));
    }
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    if host.is_empty() {
        return Err(format!("{EXPECTED}: the host is missing"));
    }
    match upstream(host) {
        Ok((host, _)) if host.contains('/') => Err(EXPECTED.to_owned()),
        Ok(_) => Ok(()),
        Err(why) if why.starts_with("expected `host:port`") => Err(EXPECTED.to_owned()),
        Err(why) => Err(why),
    }
}

/// Bytes: `4096`, `512KiB`, `64MiB`, `1GiB`.
pub(super) fn size(text: &str) -> Result<usize, String> {
    const EXPECTED: &str = "write bytes as `4096`, `512KiB`, `64MiB` or `1GiB`";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: usize = number.parse().map_err(|_| EXPECTED)?;
    let factor = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        // kB is 1024 bytes to PostgreSQL and 1000 to nearly everyone else.
        _ => return Err(EXPECTED.to_owned()),
    };
    number.checked_mul(factor).ok_or_else(|| "more bytes than this machine can address".to_owned())
}

/// Time: `500ms`, `30s`, `5min`, `1h`, `7d`; a bare number is seconds. What is too long to count is as long as can be.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "write `500ms`, `30s`, `5min`, `1h` or `7d`; a bare number is seconds";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(EXPECTED.to_owned());
    }
    let milliseconds: u64 = match unit.trim_start() {
        "ms" => 1,
        "" | "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        // m is minutes to some and months to others; PostgreSQL does not take it either.
        _ => return Err(EXPECTED.to_owned()),
    };
    Ok(Duration::from_millis(number.parse().unwrap_or(u64::MAX).saturating_mul(milliseconds)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_understood() {
        assert_eq!(listen("127.0.0.1:6432"), Ok(Listen::Tcp("127.0.0.1".into(), 6432)));
        assert_eq!(listen("[::1]:0"), Ok(Listen::Tcp("::1".into(), 0)));
        assert_eq!(listen("localhost"), Ok(Listen::Tcp("localhost".into(), 6432)));
        assert_eq!(listen("unix:/run/pgveil"), Ok(Listen::Unix("/run/pgveil".into())));
        assert_eq!(upstream("db.internal"), Ok(("db.internal".into(), 5432)));
        assert_eq!(upstream("[::1]"), Ok(("::1".into(), 5432)));
        assert_eq!(upstream("/run/postgresql:5433"), Ok(("/run/postgresql".into(), 5433)));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in
            ["", ":6432", "6432", "h:", "h:x", "h:70000", "h:+1", "::1", "[::1", "[x]:1", "a b:1", "a:1,b:1", "unix:"]
        {
            assert!(listen(bad).is_err(), "{bad:?}");
            assert!(upstream(bad).is_err() || bad == "unix:", "{bad:?}");
        }
        assert!(listen("*:6432").unwrap_err().contains("0.0.0.0:6432"));
        assert!(listen("/run/pgveil").unwrap_err().contains("unix:/run/pgveil"));
        assert!(upstream("postgres://h:5432").unwrap_err().contains("not a connection string"));
        assert!(upstream("h:0").is_err());
    }

    #[test]
    fn sizes_are_understood_and_ambiguous_units_refused() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("1 GiB"), Ok(1 << 30));
        for bad in ["", "MiB", "64MB", "64M", "-1", "1.5GiB", "99999999999GiB", "0x10"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn durations_are_understood_and_ambiguous_units_refused() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("60"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5 min"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(7 * 86400)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(duration("99999999999999999999999999d").unwrap() > Duration::from_secs(1 << 50));
        for bad in ["", "s", "5m", "5 minutes", "-1", "1.5h", "1h30min", "off", "0x10", "30S"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
