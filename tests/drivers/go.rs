//! Drivers for Go.
