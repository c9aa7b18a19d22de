//! Reads the facts from the server.
