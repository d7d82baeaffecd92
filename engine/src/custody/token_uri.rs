//! Where a key lies in a PKCS#11 token, as an address.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

/// What such an address begins with.
pub const TOKEN_SCHEME: &str = "pkcs11:";

/// Name of the key in the token, where none is given.
const DEFAULT_OBJECT: &str = "regard-site-key";

/// Longest address read, in bytes: paths of Linux have at most 4096.
const MAX_LEN: usize = 16 * 1024;

/// Paths that a module may be let to, at the most.
const MAX_REACHES: usize = 16;

/// Characters that stand for something in an address.
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?');

/// Why a text is no address of a key in a token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadTokenUri {
    /// Begins otherwise.
    #[error("an address of a key in a token begins with {TOKEN_SCHEME}")]
    Scheme,
    /// Longer than any path.
    #[error("longer than {MAX_LEN} bytes")]
    TooLong,
    /// No token is named.
    #[error("no token is named: write {TOKEN_SCHEME}token=LABEL or serial=NUMBER")]
    NoToken,
    /// No module is named.
    #[error("no module is named: add ?module-path=/path/to/module.so")]
    NoModule,
    /// An attribute that is not known, or not its place.
    #[error(
        "attribute {0:?} is not known here; known are token, serial, object, and after the question mark module-path, pin-source, x-regard-reach"
    )]
    Unknown(String),
    /// An attribute that stands twice.
    #[error("attribute {0} stands twice")]
    Twice(&'static str),
    /// A value that cannot be used.
    #[error("the value of {0} cannot be used: expected {1}")]
    Value(&'static str, &'static str),
    /// A PIN in an address is read by whoever lists processes.
    #[error(
        "a PIN does not belong into an address, which others can read; put it into a file and name that with pin-source=file:/path"
    )]
    PinValue,
}

/// A key in a PKCS#11 token: `pkcs11:token=LABEL;object=NAME?module-path=/module.so&pin-source=file:/pin`.
///
/// `x-regard-reach=PATH`, as often as needed, names what the module itself has to read and write while the program runs: the
/// folder of a token in software, a device.
///
/// # Source
/// RFC 7512, sections 2.3 and 2.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUri {
    token: Option<String>,
    serial: Option<String>,
    object: String,
    module: PathBuf,
    pin_file: Option<PathBuf>,
    reaches: Vec<PathBuf>,
}

impl TokenUri {
    /// Label of the token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Serial number of the token.
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Label of the key.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The library that speaks to the token.
    pub fn module(&self) -> &PathBuf {
        &self.module
    }

    /// The file whose first line is the PIN.
    pub fn pin_file(&self) -> Option<&PathBuf> {
        self.pin_file.as_ref()
    }

    /// What the module has to read and write.
    pub fn reaches(&self) -> &[PathBuf] {
        &self.reaches
    }

    /// Whether both name the same keys of the same token, however they are reached.
    pub fn is_same_place(&self, other: &Self) -> bool {
        (&self.token, &self.serial, &self.object) == (&other.token, &other.serial, &other.object)
    }
}

fn decoded(name: &'static str, value: &str) -> Result<String, BadTokenUri> {
    let text = percent_decode_str(value).decode_utf8();
    let text = text.map_err(|_| BadTokenUri::Value(name, "text in UTF-8"))?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(BadTokenUri::Value(name, "text without control characters"));
    }
    Ok(text.into_owned())
}

fn path(name: &'static str, value: &str) -> Result<PathBuf, BadTokenUri> {
    let path = PathBuf::from(decoded(name, value)?);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(BadTokenUri::Value(
            name,
            "a path from the root, such as /usr/lib/module.so",
        ))
    }
}

fn once<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), BadTokenUri> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(BadTokenUri::Twice(name)),
    }
}

/// Attributes of one part: names and values.
fn attributes(part: &str, between: char) -> impl Iterator<Item = (&str, &str)> {
    let filled = part.split(between).filter(|one| !one.is_empty());
    filled.map(|one| one.split_once('=').unwrap_or((one, "")))
}

fn unknown(name: &str) -> BadTokenUri {
    BadTokenUri::Unknown(name.chars().take(40).collect())
}

impl FromStr for TokenUri {
    type Err = BadTokenUri;
    fn from_str(text: &str) -> Result<Self, BadTokenUri> {
        let rest = text.strip_prefix(TOKEN_SCHEME).ok_or(BadTokenUri::Scheme)?;
        if text.len() > MAX_LEN {
            return Err(BadTokenUri::TooLong);
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut token, mut serial, mut object) = (None, None, None);
        for (name, value) in attributes(place, ';') {
            match name {
                "token" => once(&mut token, "token", decoded("token", value)?)?,
                "serial" => once(&mut serial, "serial", decoded("serial", value)?)?,
                "object" => once(&mut object, "object", decoded("object", value)?)?,
                // The only type of a key that wraps others here.
                "type" if value == "secret-key" => {}
                "type" => return Err(BadTokenUri::Value("type", "secret-key")),
                other => return Err(unknown(other)),
            }
        }
        let (mut module, mut pin_file, mut reaches) = (None, None, Vec::new());
        for (name, value) in attributes(query, '&') {
            match name {
                "module-path" => once(&mut module, "module-path", path("module-path", value)?)?,
                "pin-source" => {
                    let value = value.strip_prefix("file:").unwrap_or(value);
                    // `file:///pin` is the same as `file:/pin`.
                    let bare = value.strip_prefix("//");
                    let value = bare.filter(|rest| rest.starts_with('/')).unwrap_or(value);
                    once(&mut pin_file, "pin-source", path("pin-source", value)?)?;
                }
                "pin-value" => return Err(BadTokenUri::PinValue),
                "x-regard-reach" if reaches.len() >= MAX_REACHES => {
                    return Err(BadTokenUri::Value("x-regard-reach", "16 paths at the most"));
                }
                "x-regard-reach" => reaches.push(path("x-regard-reach", value)?),
                other => return Err(unknown(other)),
            }
        }
        if token.is_none() && serial.is_none() {
            return Err(BadTokenUri::NoToken);
        }
        Ok(Self {
            token,
            serial,
            object: object.unwrap_or_else(|| DEFAULT_OBJECT.to_owned()),
            module: module.ok_or(BadTokenUri::NoModule)?,
            pin_file,
            reaches,
        })
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let mut parts = Vec::new();
        let named = [("token", &self.token), ("serial", &self.serial)];
        for (name, value) in named {
            parts.extend(
                value
                    .iter()
                    .map(|value| format!("{name}={}", encoded(value))),
            );
        }
        parts.push(format!("object={}", encoded(&self.object)));
        write!(f, "{TOKEN_SCHEME}{}", parts.join(";"))?;
        // Paths came from text, so that they are text.
        let shown = |path: &PathBuf| encoded(&path.to_string_lossy());
        write!(f, "?module-path={}", shown(&self.module))?;
        if let Some(file) = &self.pin_file {
            write!(f, "&pin-source=file:{}", shown(file))?;
        }
        self.reaches
            .iter()
            .try_for_each(|path| write!(f, "&x-regard-reach={}", shown(path)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_and_written_the_same() {
        let full = "pkcs11:token=The%20shop;serial=7f;object=site%3bkey?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/regard/pin&x-regard-reach=/var/lib/softhsm&x-regard-reach=/dev/tpmrm0";
        let uri: TokenUri = full.parse().unwrap();
        assert_eq!(uri.token(), Some("The shop"));
        assert_eq!(uri.serial(), Some("7f"));
        assert_eq!(uri.object(), "site;key");
        assert_eq!(uri.pin_file().unwrap().to_str(), Some("/etc/regard/pin"));
        assert_eq!(uri.reaches().len(), 2);
        assert_eq!(uri.to_string().parse(), Ok(uri.clone()));
        let short: TokenUri = "pkcs11:token=shop?module-path=/m.so".parse().unwrap();
        assert_eq!(short.object(), DEFAULT_OBJECT);
        assert!(!short.is_same_place(&uri));
        let elsewhere: TokenUri = "pkcs11:token=shop?module-path=/other.so&pin-source=/pin"
            .parse()
            .unwrap();
        assert!(short.is_same_place(&elsewhere));
        let slashes: TokenUri = "pkcs11:token=a?module-path=/m.so&pin-source=file:///pin"
            .parse()
            .unwrap();
        assert_eq!(slashes.pin_file().unwrap().to_str(), Some("/pin"));
    }

    #[test]
    fn what_is_no_address_is_named() {
        for (text, fault) in [
            ("/etc/regard/key", BadTokenUri::Scheme),
            ("PKCS11:token=a", BadTokenUri::Scheme),
            ("pkcs11:?module-path=/m.so", BadTokenUri::NoToken),
            ("pkcs11:token=a", BadTokenUri::NoModule),
            (
                "pkcs11:token=a;token=b?module-path=/m.so",
                BadTokenUri::Twice("token"),
            ),
            (
                "pkcs11:token=a;slot=3?module-path=/m.so",
                BadTokenUri::Unknown("slot".to_owned()),
            ),
            (
                "pkcs11:token=a;module-path=/m.so",
                BadTokenUri::Unknown("module-path".to_owned()),
            ),
            (
                "pkcs11:token=a?module-path=/m.so&pin-value=1234",
                BadTokenUri::PinValue,
            ),
            (
                "pkcs11:token=a?module-path=m.so",
                BadTokenUri::Value(
                    "module-path",
                    "a path from the root, such as /usr/lib/module.so",
                ),
            ),
            (
                "pkcs11:token=?module-path=/m.so",
                BadTokenUri::Value("token", "text without control characters"),
            ),
            (
                "pkcs11:token=%0a?module-path=/m.so",
                BadTokenUri::Value("token", "text without control characters"),
            ),
            (
                "pkcs11:token=%ff?module-path=/m.so",
                BadTokenUri::Value("token", "text in UTF-8"),
            ),
            (
                "pkcs11:type=private;token=a?module-path=/m.so",
                BadTokenUri::Value("type", "secret-key"),
            ),
        ] {
            assert_eq!(text.parse::<TokenUri>(), Err(fault), "{text}");
        }
        assert!(!format!("{}", BadTokenUri::PinValue).contains("1234"));
    }

    proptest! {
        #[test]
        fn whatever_names_can_be_written_is_read_again(
            token in "[^\\p{Cc}]{1,20}", object in "[^\\p{Cc}]{1,20}", file in "[^\\p{Cc}]{1,20}",
        ) {
            let uri = TokenUri {
                token: Some(token),
                serial: None,
                object,
                module: PathBuf::from(format!("/{file}.so")),
                pin_file: Some(PathBuf::from(format!("/{file}"))),
                reaches: vec![PathBuf::from("/x")],
            };
            prop_assert_eq!(uri.to_string().parse::<TokenUri>(), Ok(uri));
        }

        #[test]
        fn no_text_is_read_otherwise_than_it_is_written(text in "pkcs11:[a-z=;?&%/:0-9-]{0,80}") {
            if let Ok(uri) = text.parse::<TokenUri>() {
                prop_assert_eq!(uri.to_string().parse::<TokenUri>(), Ok(uri));
            }
        }
    }
}
