//! The key of the site, where it lies in a token.

use std::path::PathBuf;

use regard_engine::{SiteKeyConfig, SiteKeyFile, TokenUri};

use super::Check;
use crate::args::SiteKeyArgs;
use crate::printable::on_one_line;

const AREA: &str = "keys";
const NAME: &str = "PKCS#11 token";

/// The tokens that the environment and the installation it names speak of.
pub(super) fn all() -> Vec<Check> {
    let named = match SiteKeyArgs::of_environment() {
        Ok(named) => named,
        Err(error) => {
            let remedy =
                "correct REGARD_SITE_KEY: a file, or pkcs11:token=LABEL?module-path=/MODULE.so";
            return vec![Check::bad(AREA, "REGARD_SITE_KEY", error, remedy).required()];
        }
    };
    let data = std::env::var_os("REGARD_DATA_DIR").filter(|name| !name.is_empty());
    let data = PathBuf::from(data.unwrap_or_else(|| "data".into()));
    let config = named.config(&data);
    let mut tokens = SiteKeyFile::named_tokens(&config, &data);
    tokens.dedup_by(|a, b| a.is_same_place(b));
    if tokens.is_empty() {
        return vec![Check::missing(
            AREA,
            NAME,
            "none named: the key that wraps the keys of persons is a file",
            "optional, so that whoever takes the machine's files opens nothing: regard keys rotate --to pkcs11:token=LABEL?module-path=/MODULE.so",
        )];
    }
    tokens.iter().map(|token| check(&config, token)).collect()
}

fn check(config: &SiteKeyConfig, token: &TokenUri) -> Check {
    let name = token.token().or(token.serial()).unwrap_or_default();
    let name = format!("{NAME} {name}");
    match SiteKeyFile::probe_token(config, token) {
        Ok(probe) if probe.is_pin_count_low => Check::bad(
            AREA,
            name,
            format!("{}: takes the PIN, but wrong ones were given before and few tries are left", probe.model),
            "find out who tried",
        ),
        Ok(probe) => {
            let keys = match probe.n_keys {
                0 => "no key of the site in it yet".to_owned(),
                1 => "1 key of the site".to_owned(),
                n => format!("{n} keys of the site: a rotation goes on, or was broken off"),
            };
            let detail = format!("{}: takes the PIN, has AES-GCM, {keys}", probe.model);
            Check::good(AREA, name, detail).required()
        }
        Err(error) => Check::bad(
            AREA,
            name,
            on_one_line(&error),
            "put the token in, and see that the module, the PIN and the right to use them are there; without it no person's record opens",
        )
        .required(),
    }
}
