//! The program `chores`, as `cargo xtask` calls it.

use std::process::{Command, Output};

fn chores(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chores"));
    command
        .args(args)
        .env("REGARD_EVAL_DATA", "/no/such/folder");
    command.output().expect("chores can be started")
}

/// Somebody who has no evaluation data learns that this is why nothing was measured.
#[test]
fn a_measurement_without_its_data_is_skipped_and_says_so() {
    let output = chores(&["accuracy", "--only", "detection"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        said.trim(),
        "skipped: widerface is not under REGARD_EVAL_DATA"
    );
}

/// The text of `--help` names the command that people type.
#[test]
fn help_names_the_command_that_is_typed() {
    let output = chores(&["bench", "--help"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("cargo xtask bench"), "{said}");
}
