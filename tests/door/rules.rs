//! What comes of a connection, by libpq's documented rules: chapters "Database Connection Control
//! Functions" (`sslmode`, `channel_binding`) and "SASL Authentication". Nothing here was recorded from a run.

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    pub const ALL: [Self; 6] =
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    pub fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    Disable,
    Prefer,
    Require,
}

impl Binding {
    pub const ALL: [Self; 3] = [Self::Disable, Self::Prefer, Self::Require];

    pub fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
        }
    }
}

/// `tls.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Off,
    Allow,
    Require,
    Verify,
}

/// How a server, pgveil or PostgreSQL itself, asks a client who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// SCRAM; over TLS with channel binding.
    Scram,
    /// SCRAM without channel binding, over TLS too: the server behind a relay knows of no TLS, or pgveil
    /// takes SCRAM-SHA-256-PLUS from its list because the client has no TLS to bind to.
    ScramUnbound,
    /// The password in the clear.
    Password,
    /// Nothing: the certificate has said it.
    Nothing,
}

/// Towards whom a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    pub tls: Tls,
    pub asks: Asks,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The server wants TLS.
    TlsOnly,
    /// The client wants TLS.
    NoTls,
    /// The client wants channel binding, which needs TLS.
    BindingNeedsTls,
    /// The client wants channel binding, and the server has no mechanism for it.
    NoBinding,
    /// The client wants channel binding and was asked for its password instead.
    AskedOtherwise,
    /// The client wants channel binding and was let in without an exchange.
    LetInUnbound,
    /// The server does not know this password.
    Password,
}

impl Reason {
    /// What the client reports, and what it is: a SQLSTATE of the server's, or None where the client decides.
    pub fn says(self) -> (Option<&'static str>, &'static str) {
        match self {
            Self::TlsOnly => (Some("28000"), "pgveil accepts only TLS connections"),
            Self::NoTls => (None, "server does not support SSL, but SSL was required"),
            Self::BindingNeedsTls => (None, "channel binding required, but SSL not in use"),
            Self::NoBinding => (
                None,
                "channel binding is required, but server did not offer an authentication method that supports channel binding",
            ),
            Self::AskedOtherwise => {
                (None, "channel binding required but not supported by server's authentication request")
            }
            Self::LetInUnbound => {
                (None, "channel binding required, but server authenticated client without channel binding")
            }
            Self::Password => (Some("28P01"), "password authentication failed for user"),
        }
    }
}

/// What comes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A session, with TLS or without.
    Session { tls: bool },
    /// None; the reasons of all attempts, the last one last.
    Refused(Vec<Reason>),
}

/// What a client does.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub sslmode: SslMode,
    pub binding: Binding,
    pub right_password: bool,
    /// libpq's major version.
    pub libpq: u32,
}

/// One attempt with or without TLS. Err: whether another kind of connection may be tried, and why not this.
fn attempt(door: Door, client: Client, tls: bool) -> Result<(), (bool, Reason)> {
    // libpq tries again after an error of the server; its own refusals are final.
    let server = |reason| Err((true, reason));
    let own = |reason| Err((false, reason));
    if !tls && matches!(door.tls, Tls::Require | Tls::Verify) {
        return server(Reason::TlsOnly);
    }
    let strict = client.binding == Binding::Require;
    match door.asks {
        Asks::Nothing if strict => own(Reason::LetInUnbound),
        Asks::Nothing => Ok(()),
        Asks::Password if strict => own(Reason::AskedOtherwise),
        Asks::Scram | Asks::ScramUnbound if strict && !tls => own(Reason::BindingNeedsTls),
        Asks::ScramUnbound if strict => own(Reason::NoBinding),
        _ if client.right_password => Ok(()),
        _ => server(Reason::Password),
    }
}

/// What comes of it.
pub fn outcome(door: Door, client: Client) -> Outcome {
    use SslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
    let kinds: &[bool] = match client.sslmode {
        Disable => &[false],
        Allow => &[false, true],
        Prefer => &[true, false],
        Require | VerifyCa | VerifyFull => &[true],
    };
    let mut reasons = Vec::new();
    let mut asked_in_clear = false;
    for &tls in kinds {
        let mut really = tls;
        if tls && door.tls == Tls::Off {
            // The server says N. Where that is good enough, libpq goes on in the clear on the same connection;
            // since 17 not if that has just failed.
            let clear_will_do = match client.sslmode {
                Prefer => true,
                Allow => client.libpq < 17,
                _ => false,
            };
            if !clear_will_do {
                reasons.push(Reason::NoTls);
                break;
            }
            really = false;
        }
        asked_in_clear |= !really;
        match attempt(door, client, really) {
            Ok(()) => return Outcome::Session { tls: really },
            Err((again, reason)) => {
                reasons.push(reason);
                if !again || (client.sslmode == Prefer && asked_in_clear) {
                    break;
                }
            }
        }
    }
    Outcome::Refused(reasons)
}
