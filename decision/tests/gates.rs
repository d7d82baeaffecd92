//! What must not compile: what a person shows without knowing in a decision.

#[test]
fn gates_hold() {
    trybuild::TestCases::new().compile_fail("tests/gates/*.rs");
}
