//! `regard enroll` and `regard verify-face`: photographs of one face, sent to an installation that runs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_commitments::word;
use serde_json::{Value, json};

use crate::args::{EnrollArgs, ListFormat, VerifyFaceArgs};
use crate::exit;
use crate::remote::{Asker, Remote, secret_in};
use crate::speech::complain;

/// Between parts of a form; the photographs are checked not to have it in them.
const BOUNDARY: &str = "regard-photograph-7d3b1c09a4e2";

/// In which order photographs are named.
const VIEWS: [&str; 5] = ["ahead", "left", "right", "up", "down"];

/// Photographs that one go asks for at most: ahead, three turns, and each once more.
const MAX_STEPS: usize = 12;

/// Photographs by what they show.
struct Photos(Vec<Vec<u8>>);

impl Photos {
    fn read(files: &[PathBuf]) -> Result<Self> {
        let read = |file: &PathBuf| {
            let bytes = std::fs::read(file);
            bytes.with_context(|| format!("{} cannot be read", file.display()))
        };
        let all: Result<Vec<Vec<u8>>> = files.iter().map(read).collect();
        Ok(Self(all?))
    }

    fn of(&self, view: &str) -> Result<&[u8]> {
        let at = VIEWS.iter().position(|known| *known == view);
        let photo = at.and_then(|at| self.0.get(at));
        photo.map(Vec::as_slice).with_context(|| {
            format!(
                "a photograph turned {view} is asked for; name five: {}",
                VIEWS.join(", ")
            )
        })
    }
}

fn form(photo: &[u8]) -> Result<(String, Vec<u8>)> {
    if photo
        .windows(BOUNDARY.len())
        .any(|window| window == BOUNDARY.as_bytes())
    {
        bail!("the photograph holds the boundary of the form; take another");
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"photo\"\r\n\r\n"
    );
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    let body = [head.as_bytes(), photo, tail.as_bytes()].concat();
    Ok((format!("multipart/form-data; boundary={BOUNDARY}"), body))
}

/// Shows the photographs that are asked for, until the go is over, and gives what came of it.
fn shown(remote: &Remote, begun: &Value, photos: &Photos) -> Result<Value> {
    let capture = text(begun, "capture")?;
    let path = format!("/v1/captures/{capture}/pictures");
    let (mut step, mut last) = (begun["step"].clone(), String::new());
    let mut progress = (0, 0);
    for _ in 0..MAX_STEPS {
        let view = match step["kind"].as_str() {
            Some("look_ahead") => "ahead",
            Some("turn") => step["direction"].as_str().unwrap_or_default(),
            _ => break,
        }
        .to_owned();
        let (kind, body) = form(photos.of(&view)?)?;
        let seen = remote.ask(Asker::Site, ("POST", &path), (&kind, body))?;
        let seen = &seen["pictures"][0];
        last = words(&seen["faults"])
            .or_else(|| words(&seen["hints"]))
            .unwrap_or_default();
        if seen["n_faces"] != 1 {
            bail!(
                "the photograph {view}: {} faces, and one is wanted",
                seen["n_faces"]
            );
        }
        step = seen["step"].clone();
        let done = |what: &str| seen[what]["done"].as_u64().unwrap_or_default();
        let now = (done("good"), done("turns"));
        // The same turn may be asked for twice in a row.
        if now == progress && step["kind"] != "done" {
            bail!("the photograph {view} will not do: {last}");
        }
        progress = now;
    }
    let end = format!("/v1/captures/{capture}/end");
    let ended = remote.send(Asker::Site, ("POST", &end), &json!({}));
    ended.with_context(|| {
        format!(
            "nothing came of it{}{last}",
            if last.is_empty() { "" } else { ": " }
        )
    })
}

fn words(list: &Value) -> Option<String> {
    let list: Vec<&str> = list.as_array()?.iter().filter_map(Value::as_str).collect();
    (!list.is_empty()).then(|| list.join(", "))
}

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str> {
    let text = value[name].as_str();
    text.with_context(|| format!("the answer has no {name}; is this an installation of regard?"))
}

const PHOTOS: &str = "photos";

/// `regard enroll`.
pub(crate) fn enroll(args: &EnrollArgs) -> Result<ExitCode> {
    let photos = Photos::read(&args.photos)?;
    let remote = Remote::new(&args.remote)?;
    let (token, is_new) = match &args.person_token_file {
        Some(file) => (secret_in(file)?, false),
        None => (taken_in(&remote, args)?, true),
    };
    let asker = Asker::Person(&token);
    let body = json!({"mode": {"kind": PHOTOS}, "act": "terminal"});
    let begun = remote.send(asker, ("POST", "/v1/persons/me/faces"), &body);
    let ended = begun.and_then(|begun| shown(&remote, &begun, &photos));
    let mut ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            if is_new {
                // A record that was made for this alone does not stay behind.
                remote
                    .ask(asker, ("DELETE", "/v1/persons/me"), ("", Vec::new()))
                    .context("the record that was made could not be erased again")?;
            }
            return Err(error);
        }
    };
    if let (Some(file), Some(face_token)) = (&args.face_token, ended["face_token"].as_str()) {
        regard_engine::write_private(file, face_token.as_bytes())
            .with_context(|| format!("{} cannot be written", file.display()))?;
        ended["face_token"] = Value::Null;
        ended["face_token_file"] = json!(file);
    }
    if is_new {
        ended["person_token"] = json!(token);
    }
    match args.format {
        ListFormat::Json => exit::print(&serde_json::to_string_pretty(&ended)?),
        ListFormat::Text => exit::print(&enrolled(&ended)),
    }
}

/// Makes a record for somebody who agrees at this terminal; its token.
fn taken_in(remote: &Remote, args: &EnrollArgs) -> Result<String> {
    let new =
        json!({"is_minor": args.minor, "custody": args.custody.map(|custody| word(&custody))});
    let made = remote.send(Asker::Site, ("POST", "/v1/persons"), &new)?;
    let token = text(&made, "token")?.to_owned();
    let asker = Asker::Person(&token);
    for purpose in &args.agree {
        let asked = json!({"purpose": purpose});
        let offer = remote.send(asker, ("POST", "/v1/persons/me/offers"), &asked);
        let agreed = offer.and_then(|offer| {
            let release = signature(&offer, args.sign_release.as_deref())?;
            let given =
                json!({"offer": offer["offer"], "by_guardian": args.minor, "release": release});
            remote.send(asker, ("POST", "/v1/persons/me/consents"), &given)
        });
        if let Err(error) = agreed {
            remote
                .ask(asker, ("DELETE", "/v1/persons/me"), ("", Vec::new()))
                .context("the record that was made could not be erased again")?;
            return Err(error.context(format!("no consent to {purpose}")));
        }
        complain(format_args!("agreed: {purpose}"));
    }
    Ok(token)
}

/// The signature below the release that an offer wants, after telling its text; nothing where it wants none.
fn signature(offer: &Value, name: Option<&str>) -> Result<Value> {
    let Some(release) = offer["releases"].get(0) else {
        return Ok(Value::Null);
    };
    complain(text(release, "text")?);
    let Some(name) = name else {
        bail!("this release in writing is to be read, and signed with --sign-release NAME");
    };
    Ok(json!({"sha256": release["sha256"], "name": name, "is_ticked": true}))
}

fn enrolled(ended: &Value) -> String {
    let mut lines = vec![format!(
        "enrolled for {}; template {}, custody {}",
        words(&ended["purposes"]).unwrap_or_default(),
        ended["template"].as_str().unwrap_or_default(),
        ended["custody"].as_str().unwrap_or_default(),
    )];
    if let Some(token) = ended["person_token"].as_str() {
        lines.push(format!("token of the record, shown this once: {token}"));
    }
    if let Some(token) = ended["face_token"].as_str() {
        lines.push(format!("face token, kept nowhere here: {token}"));
    }
    if let Some(file) = ended["face_token_file"].as_str() {
        lines.push(format!("face token in {file}, kept nowhere here"));
    }
    lines.join("\n")
}

/// `regard verify-face`. Exits with 2 when it is somebody else.
pub(crate) fn verify(args: &VerifyFaceArgs) -> Result<ExitCode> {
    let photos = Photos::read(&args.photos)?;
    let remote = Remote::new(&args.remote)?;
    let mut body = json!({"mode": {"kind": PHOTOS}});
    if let Some(fmr) = args.fmr {
        body["fmr"] = json!(fmr);
    }
    let begun = match (&args.face_token, &args.person_token_file, &args.person) {
        (Some(file), _, _) => {
            body["face_token"] = json!(secret_in(file)?);
            remote.send(Asker::Site, ("POST", "/v1/verifications"), &body)?
        }
        (None, Some(file), _) => {
            let token = secret_in(file)?;
            remote.send(Asker::Person(&token), ("POST", "/v1/verifications"), &body)?
        }
        (None, None, Some(person)) => {
            let path = format!("/v1/persons/{person}/verifications");
            remote.send(Asker::Site, ("POST", &path), &body)?
        }
        (None, None, None) => bail!("name who it is said to be"),
    };
    let ended = shown(&remote, &begun, &photos)?;
    let said = match args.format {
        ListFormat::Json => serde_json::to_string_pretty(&ended)?,
        ListFormat::Text => verified(&ended),
    };
    exit::print(&said)?;
    Ok(if ended["is_match"] == true {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::SOME_BAD)
    })
}

fn verified(ended: &Value) -> String {
    let rate = |name: &str| {
        let rate = &ended["threshold"][name];
        let number = |of: &str| rate[of].as_f64().unwrap_or_default();
        let note = if rate["is_extrapolated"] == true {
            ", extrapolated"
        } else {
            ""
        };
        format!(
            "{:.1e} ({:.1e} to {:.1e}{note})",
            number("value"),
            number("low"),
            number("high")
        )
    };
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    format!(
        "{}: similarity {:.3}, at least {:.3} is wanted; probability {:.4} where it was as likely as not\n\
         false matches {}, false non-matches {}",
        if ended["is_match"] == true {
            "the same person"
        } else {
            "somebody else"
        },
        number(&ended["similarity"]),
        number(&ended["threshold"]["similarity"]),
        number(&ended["probability"]),
        rate("fmr"),
        rate("fnmr"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_are_found_by_what_is_asked_for() {
        let photos = Photos((0..3).map(|n| vec![n]).collect());
        assert_eq!(photos.of("ahead").unwrap(), [0]);
        assert_eq!(photos.of("right").unwrap(), [2]);
        let missing = photos.of("up").unwrap_err().to_string();
        assert!(missing.contains("turned up"), "{missing}");
    }

    #[test]
    fn a_decision_is_told_with_its_error_rates() {
        let rate = json!({"value": 1e-4, "low": 9e-5, "high": 2e-4, "is_extrapolated": true});
        let ended = json!({
            "is_match": false, "similarity": 0.25, "probability": 0.5,
            "threshold": {"similarity": 0.4, "fmr": rate, "fnmr": rate},
        });
        let said = verified(&ended);
        assert!(
            said.starts_with("somebody else: similarity 0.250, at least 0.400"),
            "{said}"
        );
        assert!(
            said.contains("1.0e-4 (9.0e-5 to 2.0e-4, extrapolated)"),
            "{said}"
        );
    }

    #[test]
    fn a_release_is_signed_where_one_is_wanted() {
        let free = json!({"offer": "0", "releases": []});
        assert_eq!(signature(&free, Some("Ada")).unwrap(), Value::Null);
        let wanted = json!({"releases": [{"language": "en", "text": "I release", "sha256": "5a"}]});
        let unsigned = signature(&wanted, None).unwrap_err().to_string();
        assert!(unsigned.contains("--sign-release"), "{unsigned}");
        assert_eq!(
            signature(&wanted, Some("Ada")).unwrap(),
            json!({"sha256": "5a", "name": "Ada", "is_ticked": true})
        );
    }

    #[test]
    fn a_form_holds_the_photograph_as_it_is() {
        let (kind, body) = form(&[0xff, 0xd8, b'\r', b'\n']).unwrap();
        assert!(kind.ends_with(BOUNDARY));
        assert!(
            body.windows(4)
                .any(|window| window == [0xff, 0xd8, b'\r', b'\n'])
        );
        assert!(form(BOUNDARY.as_bytes()).is_err());
    }
}
