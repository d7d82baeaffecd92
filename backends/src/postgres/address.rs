//! Where a database is, and as whom it is spoken to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use regard_commitments::Zeroizing;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// What addresses begin with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// What may stand behind the question mark of an address. Others are refused: what speaks to the database would write them, and what
/// they say, into the log.
const PARAMETERS: [&str; 9] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "password",
];

/// Why a text is no address of a database that templates may lie in. No message repeats the text, as a password may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPgAddress {
    /// Of another form.
    #[error(
        "expected an address such as postgres://USER:PASSWORD@HOST/DATABASE, found something else"
    )]
    Form,
    /// With a parameter that is not known.
    #[error(
        "expected sslmode, sslrootcert, sslcert, sslkey, host, port, dbname, user or password behind the question mark, \
         found another name"
    )]
    Parameter,
    /// On another machine, and not asking for a connection that is encrypted and checked.
    #[error(
        "expected sslmode=verify-full in the address of a database on another machine, found another or none: whoever is on \
         the way would read templates; end the address with ?sslmode=verify-full, and with &sslrootcert=FILE where the \
         certificate is of an authority of your own (below /etc, which the program may read)"
    )]
    Open,
}

/// The address of a PostgreSQL database: on this machine, or on another one by an encrypted connection whose certificate is
/// checked.
///
/// # Privacy
/// May hold a password: prints the place and the database alone, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PgAddress {
    text: Zeroizing<String>,
    place: String,
    port: Option<u16>,
}

impl PgAddress {
    /// Host and database, in words.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The port that is connected to; nothing where it is a socket in a folder of this machine.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// What a connection is made with.
    pub(super) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.text)
            .expect("read when it was made")
            .application_name("regard")
    }
}

impl FromStr for PgAddress {
    type Err = BadPgAddress;

    fn from_str(text: &str) -> Result<Self, BadPgAddress> {
        if !SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(BadPgAddress::Form);
        }
        let parameters = text.split_once('?').map_or("", |(_, rest)| rest);
        let mut parts = parameters.split('&').filter(|part| !part.is_empty());
        let is_known = |part: &str| {
            let name = part.split('=').next().unwrap_or_default();
            PARAMETERS.contains(&name)
        };
        if !parts.all(is_known) {
            return Err(BadPgAddress::Parameter);
        }
        let options = PgConnectOptions::from_str(text).map_err(|_| BadPgAddress::Form)?;
        let host = options.get_host();
        let is_socket = options.get_socket().is_some() || host.starts_with('/');
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_here = is_socket || host == "localhost" || address.is_ok_and(|ip| ip.is_loopback());
        // Without the name of the host whoever has any certificate of a public authority passes for the database.
        let is_checked = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
        if !is_here && !is_checked {
            return Err(BadPgAddress::Open);
        }
        let database = options.get_database().unwrap_or(options.get_username());
        let place = match (options.get_socket(), is_socket) {
            (Some(folder), _) => format!("{}, database {database}", folder.display()),
            (None, true) => format!("{host}, database {database}"),
            (None, false) => format!("{host}:{}, database {database}", options.get_port()),
        };
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            place,
            port: (!is_socket).then_some(options.get_port()),
        })
    }
}

impl fmt::Debug for PgAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PgAddress({})", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_here_or_spoken_to_in_secret() {
        let check = |text: &str, expected: Result<Option<u16>, BadPgAddress>| {
            let read = text.parse::<PgAddress>();
            assert_eq!(read.map(|address| address.port()), expected, "{text}");
        };
        for here in ["localhost", "127.0.0.1", "[::1]"] {
            check(
                &format!("postgres://me:secret@{here}/faces"),
                Ok(Some(5_432)),
            );
        }
        check("postgresql://me@localhost:5433/faces", Ok(Some(5_433)));
        check("postgres://me@%2Frun%2Fpostgresql/faces", Ok(None));
        let there = "postgres://me:secret@db.example.org/faces";
        check(there, Err(BadPgAddress::Open));
        for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
            check(&format!("{there}?sslmode={mode}"), Err(BadPgAddress::Open));
        }
        check(&format!("{there}?sslmode=verify-full"), Ok(Some(5_432)));
        check(
            &format!("{there}?sslmode=sometimes"),
            Err(BadPgAddress::Form),
        );
        let misspelt = "postgres://localhost/faces?pasword=opensesame";
        check(misspelt, Err(BadPgAddress::Parameter));
        for none in [
            "",
            "faces",
            "http://localhost/faces",
            "postgres://[::1/faces",
        ] {
            check(none, Err(BadPgAddress::Form));
        }
    }

    #[test]
    fn nothing_that_prints_has_the_password() {
        let text = "postgres://me:opensesame@localhost/faces";
        let address: PgAddress = text.parse().unwrap();
        for printed in [format!("{address:?}"), address.place().to_owned()] {
            assert!(
                printed.contains("localhost") && printed.contains("faces"),
                "{printed}"
            );
            assert!(!printed.contains("opensesame"), "{printed}");
        }
        let bad = "postgres://me:opensesame@db.example.org/faces".parse::<PgAddress>();
        assert!(!bad.unwrap_err().to_string().contains("opensesame"));
    }
}
