//! Persons as JSON.

use regard_commitments::{Custody, ReleaseText};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is to be taken in.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    /// Whether a guardian has to agree for them.
    #[serde(default)]
    pub(crate) is_minor: bool,
    /// Where their templates are to be: `in_persons_hands`, `shared` or `controller`, never farther from them than the
    /// commitments say; as those say when left out.
    #[schema(value_type = Option<String>)]
    pub(crate) custody: Option<Custody>,
}

/// Who was taken in.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolledWire {
    /// Random id.
    pub(crate) person: String,
    /// The token, shown this once; fits a QR code.
    pub(crate) token: String,
    /// The token as a QR code, an SVG picture.
    pub(crate) token_qr_svg: String,
    /// Address of the page where the token opens the record, for the person.
    pub(crate) page: String,
    /// What may be agreed to.
    pub(crate) purposes: Vec<String>,
}

/// To what somebody thinks of agreeing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferAsked {
    /// verify, identify, personalise, learn, analyse_library or research.
    pub(crate) purpose: String,
}

/// An offer to agree.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfferWire {
    /// Sent back with the consent; good once.
    pub(crate) offer: String,
    /// To what.
    pub(crate) purpose: String,
    /// Until when it stands, microseconds since 1970-01-01 in UTC.
    pub(crate) until: i64,
    /// Version of the commitments that the consent will be bound to.
    pub(crate) commitments_version: u32,
    /// Their SHA-256.
    pub(crate) commitments: String,
    /// The release to be read and signed first, in each language of the notice; none where the law of the place wants none.
    pub(crate) releases: Vec<ReleaseWire>,
}

/// A release in writing, to be read before a face is measured.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReleaseWire {
    /// Language of the text.
    pub(crate) language: &'static str,
    /// What is signed, paragraph by paragraph.
    pub(crate) text: String,
    /// SHA-256 of the text in UTF-8, by which the signature names it.
    pub(crate) sha256: String,
}

impl From<ReleaseText> for ReleaseWire {
    fn from(text: ReleaseText) -> Self {
        Self {
            language: text.language.tag(),
            text: text.to_text(),
            sha256: text.digest().to_string(),
        }
    }
}

/// A signature below a release; does not print, for it holds a name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignatureWire {
    /// SHA-256 of the text that was read, as the offer told it.
    pub(crate) sha256: String,
    /// The name that whoever signs typed.
    pub(crate) name: String,
    /// Whether they ticked that they release.
    #[serde(default)]
    pub(crate) is_ticked: bool,
}

/// A consent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentGivenWire {
    /// The offer that is taken.
    pub(crate) offer: String,
    /// Whether a guardian agrees, for a minor.
    #[serde(default)]
    pub(crate) by_guardian: bool,
    /// The signature below the release that the law of some places wants before a face is measured.
    pub(crate) release: Option<SignatureWire>,
    /// For how many days, at most as long as persons are kept; that long when left out.
    pub(crate) days: Option<u32>,
}

/// A receipt to take home.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReceiptWire {
    /// The signed receipt: JWS in compact form; its payload has the fields of ISO/IEC TS 27560.
    pub(crate) receipt: String,
    /// Its SHA-256, by which the ledger names it.
    pub(crate) sha256: String,
    /// Ed25519 public key that it is signed with, in hexadecimal digits.
    pub(crate) key: String,
}

/// Whether what is held is to be kept and not used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Freeze {
    /// Whether.
    pub(crate) is_frozen: bool,
}
