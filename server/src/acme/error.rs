//! Why there is no certificate, and what to do about it.

use std::io;
use std::path::PathBuf;

use instant_acme::{Error as ClientError, Problem};
use thiserror::Error;

use super::carrier::CarryError;
use crate::problem::chain;
use crate::{AcmeChallenge, OutboundUrl};

/// What the kinds of problems of RFC 8555, section 6.7, begin with.
const KINDS: &str = "urn:ietf:params:acme:error:";

/// Longest text of an authority that is passed on, in characters.
const MAX_DETAIL_CHARS: usize = 300;

/// Longest text of an error with all its causes, in characters: it goes into logs, into health and onto the disk.
const MAX_TOLD_CHARS: usize = 1_000;

/// What an authority said against something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    /// The kind, without what all kinds begin with: `rateLimited`.
    pub(super) kind: String,
    /// In its own words, on one line.
    pub(super) detail: String,
}

impl From<&Problem> for Objection {
    fn from(problem: &Problem) -> Self {
        let kind = problem.r#type.as_deref().unwrap_or("about:blank");
        let mut detail = problem.detail.clone().unwrap_or_default();
        for part in &problem.subproblems {
            detail.push_str(&format!("; {part}"));
        }
        Self {
            kind: on_one_line(kind.strip_prefix(KINDS).unwrap_or(kind)),
            detail: on_one_line(&detail),
        }
    }
}

/// A foreign text without line breaks and control characters, and not for ever.
pub(super) fn on_one_line(text: &str) -> String {
    line_of(text, MAX_DETAIL_CHARS)
}

fn line_of(text: &str, max_chars: usize) -> String {
    let line = text.chars().take(max_chars);
    line.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub(super) enum AcmeError {
    /// The authority cannot be asked.
    #[error("the certificate authority at {directory} cannot be asked")]
    Unreachable {
        /// Its directory.
        directory: OutboundUrl,
        /// Why.
        source: CarryError,
    },
    /// The authority says no.
    #[error("the certificate authority at {directory} refuses ({}): {}", objection.kind, objection.detail)]
    Refused {
        /// Its directory.
        directory: OutboundUrl,
        /// What it says.
        objection: Objection,
    },
    /// The authority did not find what it looked for under a name.
    #[error("{} for {name} failed ({}): {}", challenge.name(), objection.kind, objection.detail)]
    Challenge {
        /// The name.
        name: String,
        /// What was to prove it.
        challenge: AcmeChallenge,
        /// What the authority says.
        objection: Objection,
    },
    /// The authority takes other proofs only.
    #[error("for {name} the certificate authority at {directory} takes {offered}, not {}", wanted.name())]
    NotOffered {
        /// The name.
        name: String,
        /// Its directory.
        directory: OutboundUrl,
        /// What it takes.
        offered: String,
        /// What was configured.
        wanted: AcmeChallenge,
    },
    /// The authority has not come to an end.
    #[error("the certificate authority at {0} has not finished the order in time")]
    Slow(OutboundUrl),
    /// What the authority says is not of RFC 8555.
    #[error("the certificate authority at {directory} answers otherwise than RFC 8555 has it")]
    Foreign {
        /// Its directory.
        directory: OutboundUrl,
        /// How.
        source: Box<ClientError>,
    },
    /// The certificate is of no use here.
    #[error("the certificate that {directory} issued cannot be used: {why}")]
    Unfit {
        /// The directory of the authority.
        directory: OutboundUrl,
        /// Why.
        why: &'static str,
    },
    /// A key or a request cannot be made.
    #[error("no certificate can be asked for these names")]
    Make(#[from] rcgen::Error),
    /// A certificate for a challenge cannot be made.
    #[error("the certificate of the challenge cannot be made")]
    Show(#[from] rustls::Error),
    /// A file cannot be read or written.
    #[error("{} cannot be kept", path.display())]
    Keep {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl AcmeError {
    /// What the client of the protocol says.
    pub(super) fn of(directory: &OutboundUrl, error: ClientError) -> Self {
        let directory = directory.clone();
        match error {
            ClientError::Api(problem) => Self::Refused {
                directory,
                objection: Objection::from(&problem),
            },
            ClientError::Timeout(_) => Self::Slow(directory),
            ClientError::Other(source) => match source.downcast::<CarryError>() {
                Ok(source) => Self::Unreachable {
                    directory,
                    source: *source,
                },
                Err(source) => Self::Foreign {
                    directory,
                    source: Box::new(ClientError::Other(source)),
                },
            },
            source => Self::Foreign {
                directory,
                source: Box::new(source),
            },
        }
    }

    /// With all its causes, on one line: authorities and their answers have a part in it.
    pub(super) fn told(&self) -> String {
        line_of(&chain(self), MAX_TOLD_CHARS)
    }

    /// Whether the authority does not know the account that is kept here: it was set up anew.
    pub(super) fn is_of_unknown_account(&self) -> bool {
        match self {
            Self::Refused { objection, .. } => objection.kind == "accountDoesNotExist",
            Self::Unreachable { .. }
            | Self::Challenge { .. }
            | Self::NotOffered { .. }
            | Self::Slow(_)
            | Self::Foreign { .. }
            | Self::Unfit { .. }
            | Self::Make(_)
            | Self::Show(_)
            | Self::Keep { .. } => false,
        }
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> String {
        match self {
            Self::Unreachable { source, .. } => source.remedy().to_owned(),
            Self::Refused { objection, .. } => refused_remedy(&objection.kind).to_owned(),
            Self::Challenge {
                name,
                challenge: AcmeChallenge::Http01 { port },
                ..
            } => format!(
                "let the authority find this machine under {name}, and let port 80 there lead to port {port} here"
            ),
            Self::Challenge {
                name,
                challenge: AcmeChallenge::TlsAlpn01,
                ..
            } => format!(
                "let the authority find this machine under {name}, and let port 443 there lead to the port that is \
                 listened on, with nothing in between that decrypts"
            ),
            Self::NotOffered { .. } => "set challenge under [server.tls.acme] to one that the authority takes, or \
                                        allow this one there"
                .to_owned(),
            Self::Slow(_) => "nothing, if it comes by itself; else ask whoever runs the authority".to_owned(),
            Self::Foreign { .. } => {
                "see that directory under [server.tls.acme] is the address of the authority's ACME directory".to_owned()
            }
            Self::Unfit { .. } => {
                "see that this machine's clock is right; else ask whoever runs the authority".to_owned()
            }
            Self::Make(_) => "correct domains under [server.tls.acme]".to_owned(),
            Self::Show(_) => "please report this".to_owned(),
            Self::Keep { .. } => "give this program the right to write there, and room on the disk".to_owned(),
        }
    }
}

/// What to do about what an authority says, by its kind.
fn refused_remedy(kind: &str) -> &'static str {
    match kind {
        "rateLimited" => "wait: it is asked again when it allows",
        "externalAccountRequired" => {
            "get the id and the key of an external account from the authority, and name them as external_account \
             under [server.tls.acme]"
        }
        "userActionRequired" | "malformed" => {
            "read the authority's terms and set agrees_to_terms = true under [server.tls.acme], if that is what it \
             asks for; else correct what it names"
        }
        "invalidContact" | "unsupportedContact" => "correct contact under [server.tls.acme]",
        "rejectedIdentifier" | "unsupportedIdentifier" | "caa" | "dns" => {
            "name under domains only what this authority may issue for and can look up"
        }
        "unauthorized" => "see that account and external account are those of this authority",
        "badNonce" => "see that nothing between here and the authority keeps its answers",
        "serverInternal" => "wait: it is asked again",
        _ => "ask whoever runs the authority",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> Problem {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_an_authority_says_is_cut_to_a_line_and_answered() {
        let directory: OutboundUrl = "https://ca.lan/dir".parse().unwrap();
        let said =
            r#"{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many\norders"}"#;
        let error = AcmeError::of(&directory, ClientError::Api(problem(said)));
        assert_eq!(
            error.to_string(),
            "the certificate authority at https://ca.lan/dir refuses (rateLimited): too many orders"
        );
        assert!(error.remedy().starts_with("wait"));
        assert!(!error.is_of_unknown_account());
        let long = format!(
            r#"{{"type": "about:blank", "detail": "{}"}}"#,
            "x".repeat(5_000)
        );
        let objection = Objection::from(&problem(&long));
        assert_eq!(
            (objection.kind.as_str(), objection.detail.len()),
            ("about:blank", 300)
        );
        let gone = r#"{"type": "urn:ietf:params:acme:error:accountDoesNotExist"}"#;
        assert!(AcmeError::of(&directory, ClientError::Api(problem(gone))).is_of_unknown_account());
        let nonsense = serde_json::from_str::<i32>("<html>").unwrap_err();
        let error = AcmeError::of(&directory, ClientError::Json(nonsense));
        assert!(matches!(error, AcmeError::Foreign { .. }));
        assert!(error.remedy().contains("directory"));
    }

    #[test]
    fn whatever_an_authority_says_is_told_on_a_line_that_ends() {
        let elsewhere = format!("ca.elsewhere\u{1b}[2J\n{}", "x".repeat(70_000));
        let error = AcmeError::Unreachable {
            directory: "https://ca.lan/dir".parse().unwrap(),
            source: CarryError::Elsewhere(elsewhere),
        };
        let told = error.told();
        assert!(
            told.contains("the directory leads to ca.elsewhere [2J x"),
            "{told}"
        );
        assert_eq!(told.chars().count(), 1_000);
    }

    #[test]
    fn parts_of_a_problem_are_told_with_their_names() {
        let said = r#"{"type": "urn:ietf:params:acme:error:malformed", "detail": "some were rejected",
            "subproblems": [{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not ours",
            "identifier": {"type": "dns", "value": "b.lan"}}]}"#;
        let objection = Objection::from(&problem(said));
        assert!(objection.detail.contains("b.lan") && objection.detail.contains("not ours"));
    }

    #[test]
    fn a_challenge_that_failed_names_the_port_to_open() {
        let error = |challenge| AcmeError::Challenge {
            name: "signage.lan".to_owned(),
            challenge,
            objection: Objection {
                kind: "connection".to_owned(),
                detail: "refused".to_owned(),
            },
        };
        let http = error(AcmeChallenge::Http01 { port: 8080 });
        assert_eq!(
            http.to_string(),
            "http-01 for signage.lan failed (connection): refused"
        );
        assert!(
            http.remedy()
                .contains("port 80 there lead to port 8080 here")
        );
        assert!(
            error(AcmeChallenge::TlsAlpn01)
                .remedy()
                .contains("port 443")
        );
    }
}
