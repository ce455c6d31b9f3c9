//! Pages that lead through several parts of the crate.

#[doc = include_str!("../docs/coming_from_python.md")]
pub mod coming_from_python {}
