//! `regard notice`: the sign to print.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regard_commitments::{Notice, NoticeText, PlaceCodes, Profile};
use regard_domain::ScreenId;
use regard_reports::{Paper, Sign, sign_pdf, sign_svg};

use crate::args::{NoticeArgs, PaperSize, data_dir_beside};
use crate::config::Site;
use crate::exit;
use crate::printable::shown;
use crate::site::load_site;
use crate::whole_file::write_whole;

/// Writes the sign of a screen.
pub(crate) fn notice(args: &NoticeArgs) -> Result<ExitCode> {
    let site = load_site(&args.config)?;
    let data_dir = data_dir_beside(args.data.as_deref(), site.folder());
    let screen = screen(&site, args.screen.as_deref())?;
    let Some(base) = site.public_url() else {
        bail!(
            "nobody could follow the code of the sign: set public_url under [server] in {} to the address under \
             which phones reach this server",
            shown(&args.config)
        );
    };
    let keys = regard_engine::site_keys(&data_dir)?;
    let key = keys.commitments_key();
    let verified = site.commitments().sign(&key).verify(&key.verifying_key())?;
    let profile = Profile::named(&verified.document().profile)?;
    profile.accepts(&verified)?;
    let notice = Notice::of(&verified, &profile);
    let texts = texts(&notice, &args.language)?;
    let url = address(base, &screen, &keys.place_codes());
    let footer = format!(
        "Regard · {} · {} · {}",
        verified.document().site.name,
        verified.document().version,
        &verified.digest().to_string()[..16],
    );
    let signs: Vec<Sign<'_>> = texts
        .iter()
        .map(|text| Sign {
            text,
            easy: args.easy,
            url: &url,
            footer: &footer,
        })
        .collect();
    let paper = match args.paper {
        PaperSize::A4 => Paper::A4,
        PaperSize::A3 => Paper::A3,
    };
    write(&args.output, &signs, paper)?;
    exit::print(&format!("wrote {}", shown(&args.output)))
}

/// The screen that is meant; where there is one alone it need not be named.
fn screen(site: &Site, named: Option<&str>) -> Result<ScreenId> {
    let screens = site.screens();
    let ids: Vec<&str> = screens.iter().map(|s| s.screen.as_str()).collect();
    let known = || ids.join(", ");
    let found = match (named, screens.as_slice()) {
        (Some(name), all) => all.iter().find(|one| one.screen.as_str() == name),
        (None, [one]) => Some(one),
        (None, _) => bail!("name the screen with --screen: {}", known()),
    };
    match found {
        Some(found) => Ok(found.screen.clone()),
        None => bail!(
            "there is no screen {:?}; there is {}",
            named.unwrap_or_default(),
            known()
        ),
    }
}

fn texts(notice: &Notice, wanted: &[String]) -> Result<Vec<NoticeText>> {
    if wanted.is_empty() {
        return Ok(notice.texts.clone());
    }
    let tags: Vec<&str> = notice.texts.iter().map(|t| t.language.tag()).collect();
    let one = |tag: &String| {
        let text = notice.texts.iter().find(|t| t.language.tag() == tag);
        text.cloned().with_context(|| {
            format!(
                "the commitments promise no notice in {tag:?}, only in {}",
                tags.join(", ")
            )
        })
    };
    wanted.iter().map(one).collect()
}

/// Where the code of the sign leads.
fn address(base: &str, screen: &ScreenId, codes: &PlaceCodes) -> String {
    let code = codes.on_sign(screen);
    format!("{}/screen/{screen}/here/{code}", base.trim_end_matches('/'))
}

fn write(output: &Path, signs: &[Sign<'_>], paper: Paper) -> Result<()> {
    let ending = output.extension().and_then(|e| e.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("pdf") => write_whole(output, &sign_pdf(signs, paper)?),
        Some("svg") => match signs {
            [one] => write_whole(output, sign_svg(one, paper)?.as_bytes()),
            _ => bail!(
                "{}: a drawing holds one page; name one language with --language, or write a PDF",
                shown(output)
            ),
        },
        _ => bail!("{}: end the name with .pdf or .svg", shown(output)),
    }
}
