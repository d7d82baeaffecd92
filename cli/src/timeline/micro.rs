//! Movements of a fraction of a second: under the consent that the participant gave at an installation.

use anyhow::{Context, Result};
use regard_commitments::{Answer, MeasuredRate, MicroExpressions, Refusal, RefusalCode};
use regard_engine::{Installation, InstallationError};
use regard_vision::{MicroReport, MicroSpotter};

use super::token_in;
use super::watch::{Watched, Watcher, each_frame, taken_at};
use crate::args::TimelineArgs;
use crate::work::block_on;

/// Seconds between two meshes that the spotter gets while it follows the face itself.
const MESH_EVERY_SECS: f64 = 0.2;

/// What came of it.
pub(super) enum MicroAnswer {
    /// Something was looked for; there may be none.
    Found(MicroReport),
    /// Nothing could be looked at, and why.
    Nothing(String),
    /// A gate said no.
    Refused(Refusal),
}

/// Asks for a sitting, and looks for movements of a twenty-fifth to half a second in the only face of the video.
pub(super) fn look_for_micro(
    args: &TimelineArgs,
    watched: &Watched,
    watcher: &mut Watcher,
) -> Result<MicroAnswer> {
    let token = token_in(
        args.participant
            .as_deref()
            .context("no participant is named")?,
    )?;
    let data = args.installation.data_dir();
    block_on(async {
        let mut installation = Installation::open(&data).await.map_err(in_use)?;
        let answer = ask_and_spot(args, watched, watcher, (&mut installation, &token)).await;
        installation.close().await;
        answer
    })
}

/// Every refusal is told to the ledger, by the gate or after it.
async fn ask_and_spot(
    args: &TimelineArgs,
    watched: &Watched,
    watcher: &mut Watcher,
    (installation, token): (&mut Installation, &str),
) -> Result<MicroAnswer> {
    let answer = if watched.most_faces > 1 {
        MicroAnswer::Refused(Refusal::new(
            RefusalCode::ConsentMissing,
            "more than one face is to be seen, and one participant agreed",
            "cut the video to the participant alone",
        ))
    } else {
        let data = args.installation.data_dir();
        let site_key = args.site_key.config(&data);
        let asked = (args.micro_from, MeasuredRate::of(&watched.taken));
        match installation.sit(&data, (token, &site_key), asked).await? {
            // Held until all is looked at: nobody can withdraw meanwhile, and nothing runs that could.
            Answer::Granted(key) => spot(args, &key, watcher, installation)?,
            Answer::Refused(refusal) => return Ok(MicroAnswer::Refused(refusal)),
        }
    };
    if let MicroAnswer::Refused(refusal) = &answer {
        installation.tell_refusal(refusal).await?;
    }
    Ok(answer)
}

fn in_use(error: InstallationError) -> anyhow::Error {
    let error = anyhow::Error::new(error);
    error.context("the installation where the participant agreed; it must not run meanwhile (--data names its folder)")
}

fn spot(
    args: &TimelineArgs,
    key: &MicroExpressions,
    watcher: &mut Watcher,
    installation: &Installation,
) -> Result<MicroAnswer> {
    let mut spotter = MicroSpotter::new(key);
    let mut mesh_due_secs = f64::NEG_INFINITY;
    // What is wrong with the video has been said already.
    each_frame(args, &mut Vec::new(), |picture, time_secs| {
        let mut mesh = None;
        if spotter.wants_mesh() || time_secs >= mesh_due_secs {
            mesh_due_secs = time_secs + MESH_EVERY_SECS - 1e-6;
            let seen = watcher.faces(picture.view())?;
            mesh = seen.into_iter().find_map(|(_, mesh)| mesh);
            if mesh.is_none() {
                spotter.lose();
            }
        }
        spotter.see(picture.view(), taken_at(time_secs), mesh.as_ref())?;
        Ok(())
    })?;
    let found = match spotter.spotted() {
        Ok(Some(found)) => found,
        Ok(None) => {
            let why = "Movements of a fraction of a second could not be looked for: the face was not in view for a whole second.";
            return Ok(MicroAnswer::Nothing(why.to_owned()));
        }
        Err(refusal) => return Ok(MicroAnswer::Refused(refusal)),
    };
    let report = found
        .open(key, installation.now())
        .context("the consent ended while the video was looked at")?;
    Ok(MicroAnswer::Found(report.clone()))
}
