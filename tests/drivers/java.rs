//! Drivers for Java.
