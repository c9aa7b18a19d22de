//! The local keyring: KEKs in a file of mode 0600, optionally under a passphrase.
