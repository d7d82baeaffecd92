//! Proof of play: a record that only grows, signed, that others check without the installation.
//!
//! Each line is a play and a hash over it and the line before; the last line is a note, signed with the key of the ledger, over
//! the number of plays and the last hash. Plays count screens, not people, and are exact. An export that goes on from an earlier
//! one begins with its last hash, so that nothing can be taken out, put in or put in another order between two exports.

use regard_commitments::{Digest, NoteError, NoteSigner, NoteVerifier, canonical_json};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// First line of the text that is signed.
const TITLE: &str = "regard proof of play v1";

/// Most plays of one export: a year of ten-second slots.
const MAX_PLAYS: usize = 4_000_000;

/// A play that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayRecord {
    /// Number of the play, 32 hexadecimal digits.
    pub play: String,
    /// Where.
    pub screen: String,
    /// In which slot of it; left out where the message had all of the glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<String>,
    /// Which message.
    pub creative: String,
    /// When it began, in microseconds since 1970-01-01 in UTC.
    pub began_at_micros: i64,
    /// When it ended.
    pub ended_at_micros: i64,
    /// For how long it was seen on the screen, as the player reports.
    pub shown_millis: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    record: PlayRecord,
    /// Hash over this play and the one before.
    chain: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// What this is.
    format: String,
    site: String,
    /// The last hash of the export that this one goes on from; of the first, the hash of nothing.
    after: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    /// A signed note: title, site, number of plays, first and last hash.
    note: String,
}

/// What a proof of play says, once it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayProof {
    /// Of which site.
    pub site: String,
    /// The plays.
    pub plays: Vec<PlayRecord>,
    /// The last hash of the export it goes on from.
    pub after: String,
    /// Its own last hash.
    pub last: String,
}

/// Why a proof of play is none.
#[derive(Debug, Error)]
pub enum ProofFault {
    /// It is not written like one.
    #[error("line {0} is not of a proof of play")]
    Form(usize),
    /// A play was changed, taken out, put in or moved.
    #[error("line {0} does not follow from the one before")]
    Chain(usize),
    /// The signature is not that of this key.
    #[error("the signature does not hold")]
    Signature(#[source] NoteError),
    /// The signature is over other plays.
    #[error("the signature is over other plays")]
    OtherPlays,
    /// There are more than an export has.
    #[error("an export has at most {MAX_PLAYS} plays")]
    TooMany,
}

fn begin(site: &str) -> String {
    Digest::of(&[TITLE.as_bytes(), site.as_bytes()]).to_string()
}

fn next(before: &str, record: &PlayRecord) -> String {
    let text = canonical_json(record).expect("a record holds texts and whole numbers only");
    Digest::of(&[before.as_bytes(), text.as_bytes()]).to_string()
}

fn signed_text(site: &str, n_plays: usize, after: &str, last: &str) -> String {
    format!("{TITLE}\n{site}\n{n_plays}\n{after}\n{last}\n")
}

/// A proof of these plays, in the order given; `after` is the last hash of the export before, if there was one.
///
/// # Errors
/// [`ProofFault::TooMany`], [`ProofFault::Signature`].
pub fn prove_plays(
    site: &str,
    plays: &[PlayRecord],
    after: Option<&str>,
    signer: &NoteSigner,
) -> Result<String, ProofFault> {
    if plays.len() > MAX_PLAYS {
        return Err(ProofFault::TooMany);
    }
    let after = after.map_or_else(|| begin(site), str::to_owned);
    let head = Head {
        format: TITLE.to_owned(),
        site: site.to_owned(),
        after: after.clone(),
    };
    let mut text = print(&head);
    let mut chain = after.clone();
    for record in plays {
        chain = next(&chain, record);
        let line = Line {
            record: record.clone(),
            chain: chain.clone(),
        };
        text.push_str(&print(&line));
    }
    let note = signer
        .sign(&signed_text(site, plays.len(), &after, &chain))
        .map_err(ProofFault::Signature)?;
    text.push_str(&print(&Seal { note }));
    Ok(text)
}

fn print(value: &impl Serialize) -> String {
    let mut line = canonical_json(value).expect("texts and whole numbers only");
    line.push('\n');
    line
}

/// Checks a proof against the key of a ledger, as the site publishes it.
///
/// # Errors
/// [`ProofFault`] says which line is wrong.
pub fn verify_plays(text: &str, verifier: &NoteVerifier) -> Result<PlayProof, ProofFault> {
    let lines: Vec<&str> = text.lines().collect();
    let [head, plays @ .., seal] = &lines[..] else {
        return Err(ProofFault::Form(lines.len()));
    };
    if plays.len() > MAX_PLAYS {
        return Err(ProofFault::TooMany);
    }
    let head: Head = serde_json::from_str(head).map_err(|_| ProofFault::Form(1))?;
    if head.format != TITLE {
        return Err(ProofFault::Form(1));
    }
    let mut chain = head.after.clone();
    let mut records = Vec::with_capacity(plays.len());
    for (i, line) in plays.iter().enumerate() {
        let line: Line = serde_json::from_str(line).map_err(|_| ProofFault::Form(i + 2))?;
        chain = next(&chain, &line.record);
        if chain != line.chain {
            return Err(ProofFault::Chain(i + 2));
        }
        records.push(line.record);
    }
    let seal: Seal = serde_json::from_str(seal).map_err(|_| ProofFault::Form(lines.len()))?;
    let signed = verifier.open(&seal.note).map_err(ProofFault::Signature)?;
    if signed != signed_text(&head.site, records.len(), &head.after, &chain) {
        return Err(ProofFault::OtherPlays);
    }
    Ok(PlayProof {
        site: head.site,
        plays: records,
        after: head.after,
        last: chain,
    })
}

#[cfg(test)]
mod tests {
    use regard_commitments::{SiteKeys, Zeroizing, ledger_origin};

    use super::*;

    fn signer(seed: u8) -> NoteSigner {
        let keys = SiteKeys::from_seed(Zeroizing::new([seed; 32]));
        NoteSigner::new(ledger_origin(&"shop".parse().unwrap()), keys.ledger_key()).unwrap()
    }

    fn plays(n: i64) -> Vec<PlayRecord> {
        let play = |i: i64| PlayRecord {
            play: format!("{i:032x}"),
            screen: "window".to_owned(),
            slot: (i % 2 == 0).then(|| "main".to_owned()),
            campaign: (i % 3 > 0).then(|| "spring".to_owned()),
            creative: "coffee".to_owned(),
            began_at_micros: i * 10_000_000,
            ended_at_micros: (i + 1) * 10_000_000,
            shown_millis: 10_000,
        };
        (0..n).map(play).collect()
    }

    #[test]
    fn what_was_proven_comes_back_and_the_next_goes_on_from_it() {
        let all = plays(10);
        let first = prove_plays("shop", &all[..6], None, &signer(1)).unwrap();
        let checked = verify_plays(&first, &signer(1).verifier()).unwrap();
        assert_eq!((&checked.site[..], &checked.plays[..]), ("shop", &all[..6]));
        let second = prove_plays("shop", &all[6..], Some(&checked.last), &signer(1)).unwrap();
        let second = verify_plays(&second, &signer(1).verifier()).unwrap();
        assert_eq!(second.after, checked.last);
        // Both together are what one export of all would have been.
        let whole = prove_plays("shop", &all, None, &signer(1)).unwrap();
        let whole = verify_plays(&whole, &signer(1).verifier()).unwrap();
        assert_eq!(whole.last, second.last);
        let none = prove_plays("shop", &[], None, &signer(1)).unwrap();
        assert_eq!(
            verify_plays(&none, &signer(1).verifier()).unwrap().plays,
            []
        );
    }

    #[test]
    fn any_change_is_noticed() {
        let text = prove_plays("shop", &plays(5), None, &signer(1)).unwrap();
        let verifier = signer(1).verifier();
        let lines: Vec<&str> = text.lines().collect();
        let with = |lines: &[&str]| lines.join("\n");
        let mut swapped = lines.clone();
        swapped.swap(2, 3);
        assert!(verify_plays(&with(&swapped), &verifier).is_err());
        for gone in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(gone);
            assert!(
                verify_plays(&with(&fewer), &verifier).is_err(),
                "without line {gone}"
            );
        }
        assert!(verify_plays(&text, &signer(2).verifier()).is_err());
        // Any digit that becomes another is a change, wherever it stands.
        let bytes = text.as_bytes();
        for at in (0..bytes.len()).step_by(7) {
            if !bytes[at].is_ascii_digit() {
                continue;
            }
            let mut changed = bytes.to_vec();
            changed[at] = if bytes[at] == b'9' {
                b'8'
            } else {
                bytes[at] + 1
            };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify_plays(&changed, &verifier).is_err(), "byte {at}");
        }
        assert!(verify_plays("", &verifier).is_err());
    }
}
