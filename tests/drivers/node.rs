//! Drivers for Node.js.
