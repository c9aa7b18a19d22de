//! Why the server's side does not let somebody in: PostgreSQL's SQLSTATEs, messages and details.

use super::message::Missing;

/// Why a client is refused. The text is PostgreSQL's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    /// The proof is not right, or there is nothing that it could be right for. The server's message goes
    /// on with the name: `password authentication failed for user "…"`.
    #[error("password authentication failed")]
    WrongPassword,
    /// No message of SCRAM. The detail says where.
    #[error("malformed SCRAM message")]
    Malformed(String),
    /// A mechanism that was not offered.
    #[error("client selected an invalid SASL authentication mechanism")]
    Mechanism,
    /// The client says that channel binding was not offered, but it was: somebody in between has taken it
    /// out.
    #[error("SCRAM channel binding negotiation error")]
    Downgrade,
    /// The client is bound to another certificate: somebody is in between.
    #[error("SCRAM channel binding check failed")]
    Binding,
    /// The client's last message has another header than its first one.
    #[error("unexpected SCRAM channel-binding attribute in client-final-message")]
    Header,
    /// A kind of channel binding that PostgreSQL does not have.
    #[error("unsupported SCRAM channel-binding type \"{0}\"")]
    BindingType(String),
    /// The client wants to be somebody else.
    #[error("client uses authorization identity, but it is not supported")]
    Authzid,
    /// An extension that must be understood.
    #[error("client requires an unsupported SCRAM extension")]
    Extension,
    /// A nonce that cannot stand in a message.
    #[error("non-printable characters in SCRAM nonce")]
    Nonce,
    /// The last message does not belong to the first one.
    #[error("invalid SCRAM response")]
    Response,
    /// The system gives no randomness.
    #[error("could not generate random nonce")]
    Random,
}

impl ScramError {
    /// As the server gives it.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::WrongPassword => "28P01",
            Self::Downgrade | Self::Binding => "28000",
            Self::Authzid | Self::Extension => "0A000",
            Self::Random => "XX000",
            _ => "08P01",
        }
    }

    /// DETAIL, as the server gives it.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Malformed(detail) => Some(detail),
            Self::Downgrade => Some(
                "The client supports SCRAM channel binding but thinks the server does not.  However, this server does support channel binding.",
            ),
            Self::Response => Some("Nonce does not match."),
            _ => None,
        }
    }

    pub(super) fn malformed(detail: &str) -> Self {
        Self::Malformed(detail.to_owned())
    }
}

impl From<Missing> for ScramError {
    fn from(missing: Missing) -> Self {
        Self::Malformed(match missing {
            Missing::Attribute(name, found) => {
                format!("Expected attribute \"{}\" but found \"{}\".", char::from(name), shown(found))
            }
            Missing::Equals(name) => format!("Expected character \"=\" for attribute \"{}\".", char::from(name)),
            Missing::End => "Attribute expected, but found end of string.".to_owned(),
            Missing::AnyAttribute(found) => {
                format!("Attribute expected, but found invalid character \"{}\".", shown(found))
            }
        })
    }
}

/// A byte of the client's in a message (`sanitize_char`).
pub(super) fn shown(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("'{}'", char::from(byte)) } else { format!("0x{byte:02x}") }
}

/// A text of the client's in a message (`sanitize_str`).
pub(super) fn shown_text(text: &[u8]) -> String {
    text.iter().take(30).map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '?' }).collect()
}
