//! `regard doctor`: what is there, and what to do about the rest.

mod camera;
mod certificate;
mod checks;
mod gallery;
mod keys;

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::args::{DoctorArgs, ListFormat};
use crate::exit;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// There, and working.
    Good,
    /// Not there, and not needed for everything.
    Missing,
    /// There, and not working.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Check {
    /// What it belongs to: `machine`, `cameras`, `video`, `runtimes`, `models`, `data`, `keys`, `certificate`, `configuration`.
    area: &'static str,
    name: String,
    state: State,
    /// Whether nothing works without it.
    required: bool,
    detail: String,
    /// What to do about it.
    remedy: Option<String>,
}

impl Check {
    fn good(area: &'static str, name: impl Into<String>, detail: impl Into<String>) -> Self {
        let (name, detail) = (name.into(), detail.into());
        Self {
            area,
            name,
            state: State::Good,
            required: false,
            detail,
            remedy: None,
        }
    }

    fn missing(
        area: &'static str,
        name: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let good = Self::good(area, name, detail);
        Self {
            state: State::Missing,
            remedy: Some(remedy.into()),
            ..good
        }
    }

    fn bad(
        area: &'static str,
        name: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Bad,
            ..Self::missing(area, name, detail, remedy)
        }
    }

    #[must_use]
    fn required(mut self) -> Self {
        self.required = true;
        self
    }

    fn is_broken(&self) -> bool {
        self.required && self.state != State::Good
    }

    fn text(&self) -> String {
        let mark = match (self.state, self.required) {
            (State::Good, _) => "ok",
            (State::Missing | State::Bad, true) => "!!",
            (State::Missing, false) => "--",
            (State::Bad, false) => " !",
        };
        let mut text = format!("  {mark:<3} {}: {}", self.name, self.detail);
        if let Some(remedy) = &self.remedy {
            text.push_str("\n      -> ");
            text.push_str(remedy);
        }
        text
    }
}

#[derive(Serialize)]
struct Report<'a> {
    /// Whether everything that is required works.
    ok: bool,
    version: &'static str,
    checks: &'a [Check],
}

/// Looks at everything and says so.
pub(crate) fn doctor(args: &DoctorArgs) -> Result<ExitCode> {
    if let Some(source) = &args.camera {
        return camera::camera(args, source);
    }
    let mut checks = checks::all();
    if let Some(config) = &args.config {
        checks.extend(gallery::all(config));
    }
    let ok = !checks.iter().any(Check::is_broken);
    let text = match args.format {
        ListFormat::Json => {
            let version = env!("CARGO_PKG_VERSION");
            serde_json::to_string_pretty(&Report {
                ok,
                version,
                checks: &checks,
            })?
        }
        ListFormat::Text => text(&checks, ok),
    };
    let printed = exit::print(&text)?;
    Ok(if ok {
        printed
    } else {
        ExitCode::from(exit::NOTHING_DONE)
    })
}

fn text(checks: &[Check], ok: bool) -> String {
    let mut lines = Vec::new();
    for group in checks.chunk_by(|a, b| a.area == b.area) {
        lines.extend(group.first().map(|check| check.area.to_owned()));
        lines.extend(group.iter().map(Check::text));
    }
    let n_problems = checks
        .iter()
        .filter(|check| check.state != State::Good)
        .count();
    lines.push(match (ok, n_problems) {
        (true, 0) => "all is well".to_owned(),
        (true, n) => format!("it works; {n} things could be better, see the arrows"),
        (false, _) => "it does not work; begin with what is marked !!".to_owned(),
    });
    lines.join("\n")
}
