//! Searching for a script that ends with a violation.

pub mod exhaustive;
pub mod random;
pub mod shrink;
