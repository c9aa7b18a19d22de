//! Rules between `listen`, `auth`, `tls` and `upstream`: which logins are possible over which hops.

use super::{Check, given, unreadable};
use crate::config::{
    AuthMethod, Listen, SslMode, Tls, TlsMode, Upstream,
    field::{Field, WordOr},
    file::PolicyFile,
    issue::{At, Issue},
};

/// Where TLS may be spoken.
#[derive(Clone, Copy)]
pub(super) struct Hops {
    /// Mode towards clients on TCP; None: off, or there are none.
    client: Option<TlsMode>,
    /// Are there clients on TCP?
    tcp: bool,
    /// Towards the server.
    upstream: bool,
}

impl Hops {
    pub(super) fn of(listen: &[Listen], tls: Option<&Tls>, upstream: &Upstream) -> Self {
        let tcp = listen.iter().any(|address| matches!(address, Listen::Tcp(..)));
        Self {
            client: tls.map(|tls| tls.mode).filter(|_| tcp),
            tcp,
            upstream: upstream.sslmode != SslMode::Disable
                && upstream.hosts.iter().any(|(host, _)| !host.starts_with('/')),
        }
    }

    /// May one login have TLS on both sides of pgveil?
    pub(super) fn both(self) -> bool {
        self.client.is_some() && self.upstream
    }
}

/// The method that the file names, and where.
pub(super) fn method(file: &PolicyFile) -> Option<(AuthMethod, At)> {
    match given(file.auth.as_ref())? {
        (WordOr::Word(word), at) => Some(((*word).into(), at)),
        (WordOr::Other(settings), _) => given(settings.method.as_ref()).map(|(word, at)| ((*word).into(), at)),
    }
}

/// Nothing is said where a part could not be read: that is an error already.
pub(super) fn rules(file: &PolicyFile, listen: &[Listen], hops: Hops, check: &Check<'_>) {
    let tls = given(file.tls.as_ref()).and_then(|(tls, _)| tls.mode.as_ref());
    let sslmode = given(file.upstream.as_ref()).and_then(|(upstream, _)| upstream.sslmode.as_ref());
    if unreadable(file.listen.as_ref())
        || unreadable(file.tls.as_ref())
        || unreadable(tls)
        || unreadable(file.upstream.as_ref())
        || unreadable(sslmode)
    {
        return;
    }
    let places = (tls.map(|f| f.at), sslmode.map(|f| f.at));
    if let Some(at) = places.0
        && !hops.tcp
        && !listen.is_empty()
        && tls.and_then(Field::get).is_some_and(|(mode, _)| *mode != crate::config::file::TlsModeFile::Off)
    {
        check.no_effect(at, "`tls.mode`", "clients come by sockets only, which are never used with TLS");
    }
    match method(file) {
        Some((AuthMethod::Relay, at)) if hops.both() => relay(at, places, check),
        Some((AuthMethod::Password, at)) if hops.tcp => password(at, hops, places.0, check),
        Some((AuthMethod::Cert, at)) => cert(file, (at, places.0), hops, check),
        _ => {}
    }
}

/// Channel binding is made to end such a relay: over TLS libpq says `y` ("I would, but you do not offer
/// it") when it sees no SCRAM-SHA-256-PLUS, which a server with TLS takes for an attack; and with it the
/// client would prove the wrong certificate. RFC 5802, section 6.
fn relay(at: At, (tls, sslmode): (Option<At>, Option<At>), check: &Check<'_>) {
    let message = "`auth: relay` cannot work with TLS on both hops: channel binding (SCRAM-SHA-256-PLUS) lets no login \
                   pass from one TLS connection to another";
    let issue = Issue::new("policy/relay-tls", message).at(at).label("TLS may be used towards clients and the server");
    let issue = match (sslmode, tls) {
        (Some(at), _) => issue.related(at, "towards the server"),
        (None, Some(at)) => issue.related(at, "towards clients"),
        (None, None) => issue,
    };
    check.push(issue.help(match sslmode {
        Some(_) => "write `auth: scram`, or `sslmode: disable`, or `tls: { mode: off }`",
        None => {
            "write `auth: scram`, or `upstream.sslmode: disable` (it is `prefer` by default, which uses TLS if the \
             server offers it), or `tls: { mode: off }`"
        }
    }));
}

fn password(at: At, hops: Hops, tls: Option<At>, check: &Check<'_>) {
    if matches!(hops.client, Some(TlsMode::Require | TlsMode::Verify)) {
        return;
    }
    let message =
        "`auth: password` needs `tls.mode: require` or `verify`: passwords would cross the network in the clear";
    let issue = Issue::new("policy/needs-tls", message).at(at).label("clients on TCP may come without TLS");
    let issue = if let Some(tls) = tls { issue.related(tls, "the mode") } else { issue };
    check.push(issue.help(
        "write `tls: { mode: require, certificate: FILE.pem, key: FILE.pem }`, or `auth: scram`, or listen on a socket only",
    ));
}

fn cert(file: &PolicyFile, (at, tls): (At, Option<At>), hops: Hops, check: &Check<'_>) {
    if hops.tcp && hops.client != Some(TlsMode::Verify) {
        let message = "`auth: cert` needs `tls.mode: verify`: only then clients show a certificate";
        let issue = Issue::new("policy/needs-tls", message).at(at).label("clients show no certificate");
        let issue = if let Some(tls) = tls { issue.related(tls, "the mode") } else { issue };
        let help = "write `tls: { mode: verify, certificate: FILE.pem, key: FILE.pem, client_ca: FILE.pem }`";
        check.push(issue.help(help));
    }
    let addresses = given(file.listen.as_ref()).map_or(&[][..], |(list, _)| &list.0);
    for (_, socket) in addresses.iter().filter_map(Field::get).filter(|(text, _)| text.starts_with("unix:")) {
        let message = "`auth: cert` does not work over a socket: there is no TLS, and so no certificate";
        let issue = Issue::new("policy/needs-tls", message).at(socket).label("a socket").related(at, "the method");
        check.push(issue.help("listen on TCP only, or write `auth: scram`"));
    }
}
