//! `cargo xtask check`.

use anyhow::Result;
use clap::Args;

use crate::run::{cargo, must};
use crate::{licences, tests};

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Everything but the tests, which `cargo xtask test` runs.
    #[arg(long)]
    no_tests: bool,
}

pub(crate) fn check(args: &CheckArgs) -> Result<()> {
    must("format", cargo().args(["fmt", "--all", "--check"]))?;
    licences::check()?;
    must(
        "lints, benches compiled",
        cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    must(
        "documentation",
        cargo()
            .args([
                "doc",
                "--workspace",
                "--no-deps",
                "--locked",
                "--document-private-items",
            ])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    if args.no_tests {
        Ok(())
    } else {
        tests::test(&tests::TestArgs::default())
    }
}
