//! Arguments about the key of the site.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use regard_engine::{KeyPlace, TOKEN_SCHEME, TokenUri};

use super::{InstallationArgs, ListFormat};

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Says where the key of the site is, and how many persons there are.
    Show {
        #[command(flatten)]
        installation: InstallationArgs,
        #[command(flatten)]
        site_key: SiteKeyArgs,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Wraps the keys of all persons under a fresh key of the site, while the program goes on.
    Rotate {
        #[command(flatten)]
        installation: InstallationArgs,
        #[command(flatten)]
        site_key: SiteKeyArgs,
        /// Make the fresh key there: `file`, or the address of a PKCS#11 token as --site-key takes it. Otherwise where the older
        /// one is. For another place the program must not run.
        #[arg(long, value_name = "PLACE", value_parser = key_place)]
        to: Option<KeyPlace>,
    },
}

/// Where the key of the site is, as it is named.
#[derive(Clone, Debug)]
pub(crate) enum SiteKeyPlace {
    /// A file.
    File(PathBuf),
    /// A token.
    Token(Box<TokenUri>),
}

fn site_key_place(text: &str) -> Result<SiteKeyPlace, String> {
    if text.starts_with(TOKEN_SCHEME) {
        let uri = text
            .parse::<TokenUri>()
            .map_err(|error| error.to_string())?;
        return Ok(SiteKeyPlace::Token(Box::new(uri)));
    }
    if text.is_empty() {
        return Err("name a file, or a token".to_owned());
    }
    Ok(SiteKeyPlace::File(PathBuf::from(text)))
}

fn key_place(text: &str) -> Result<KeyPlace, String> {
    if text == "file" {
        return Ok(KeyPlace::File);
    }
    let uri = text.parse::<TokenUri>();
    uri.map(KeyPlace::Token)
        .map_err(|error| format!("neither \"file\" nor the address of a token: {error}"))
}

/// Where the key of the site is.
#[derive(Args)]
pub(crate) struct SiteKeyArgs {
    /// File of the key that wraps the keys of persons; otherwise REGARD_SITE_KEY, or `data.key` beside the folder `data`. Or a
    /// PKCS#11 token that holds it: `pkcs11:token=LABEL?module-path=/MODULE.so&pin-source=file:/PIN`.
    #[arg(long, value_name = "FILE|TOKEN", env = "REGARD_SITE_KEY", value_parser = site_key_place)]
    pub(crate) site_key: Option<SiteKeyPlace>,
    /// A file whose first line is the passphrase that the key is encrypted with, or the PIN of the token; otherwise
    /// REGARD_PASSPHRASE_FILE.
    #[arg(long, value_name = "FILE", env = "REGARD_PASSPHRASE_FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

impl SiteKeyArgs {
    /// What the environment names, as for a command without arguments of its own.
    ///
    /// # Errors
    /// What is wrong with it, as text.
    pub(crate) fn of_environment() -> Result<Self, String> {
        let text = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let place = text("REGARD_SITE_KEY");
        let place = place.map(|value| site_key_place(&value.to_string_lossy()));
        Ok(Self {
            site_key: place.transpose()?,
            passphrase_file: text("REGARD_PASSPHRASE_FILE").map(PathBuf::from),
        })
    }
}
