//! Every table and column reference through scopes; allow-list of node kinds.
