//! Arguments of `regard attestations`.

use clap::{Args, Subcommand};

use super::{ListFormat, RemoteArgs};

#[derive(Subcommand)]
pub(crate) enum AttestationsCommand {
    /// Attests a collection of a service, as the privacy officer: signed with the key of the site, and in the ledger.
    New(NewAttestationArgs),
    /// Lists the attestations that hold.
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Takes one back: what the service does under it ends at once.
    End {
        /// Its name, as `list` has it.
        #[arg(value_name = "ATTESTATION")]
        attestation: String,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}

#[derive(Args)]
pub(crate) struct NewAttestationArgs {
    /// The service, as the configuration names it.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// The collection, as the service calls it.
    #[arg(value_name = "COLLECTION")]
    pub(crate) collection: String,
    /// What faces are compared for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: String,
    /// Where the pictures come from, and on which ground they are held.
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: String,
    /// Pictures that are sent are acts of the persons in them: a search needs no other act.
    #[arg(long)]
    pub(crate) uploads_are_acts: bool,
    /// Who attests it.
    #[arg(long, value_name = "NAME")]
    pub(crate) signed_by: String,
    /// For how many days it holds, at most 365.
    #[arg(long, value_name = "N", default_value_t = 365)]
    pub(crate) days: u32,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}
