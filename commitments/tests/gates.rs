//! What must not compile: keys made outside the room, the wrong key, rows without a date.

#[test]
fn gates_hold() {
    trybuild::TestCases::new().compile_fail("tests/gates/*.rs");
}
