//! Arguments of `regard tokens`.

use clap::{Args, Subcommand};
use regard_commitments::{Role, TokenId};
use regard_domain::{CameraId, ScreenId};

use super::{InstallationArgs, ListFormat};

#[derive(Subcommand)]
pub(crate) enum TokensCommand {
    /// Makes a token and prints it, this once.
    New(NewTokenArgs),
    /// Lists the tokens: role, what they are for, until when; never their secrets.
    List {
        #[command(flatten)]
        installation: InstallationArgs,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Ends a token.
    Revoke {
        /// Its id, the 12 digits between role and secret.
        #[arg(value_name = "ID")]
        id: TokenId,
        #[command(flatten)]
        installation: InstallationArgs,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
}

#[derive(Args)]
pub(crate) struct NewTokenArgs {
    /// What its holder may do: admin, operator, analyst, privacy_officer, screen or device.
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Role,
    /// A screen it plays, for role screen; several times for several.
    #[arg(long = "screen", value_name = "ID", value_parser = screen_id)]
    pub(crate) screens: Vec<ScreenId>,
    /// A camera whose frames it hands in, for role device; several times for several.
    #[arg(long = "camera", value_name = "ID", value_parser = camera_id)]
    pub(crate) cameras: Vec<CameraId>,
    /// Days it lives, 1 to 3653. Left out: 365 for people, without end for screens and devices.
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u32>,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

fn screen_id(text: &str) -> Result<ScreenId, String> {
    ScreenId::new(text).map_err(|error| error.to_string())
}

fn camera_id(text: &str) -> Result<CameraId, String> {
    CameraId::new(text).map_err(|error| error.to_string())
}
