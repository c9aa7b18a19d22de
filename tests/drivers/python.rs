//! Drivers for Python.
