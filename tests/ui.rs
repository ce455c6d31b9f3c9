//! Each mistake gives one error, on the token where it is, with the fix. The expected messages are those of the pinned
//! compiler; `TRYBUILD=overwrite cargo test --test ui` writes them anew, to be read before they are kept.

#[test]
fn mistakes_are_told_where_they_are() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
