//! A scanner that finds where tokens end.
