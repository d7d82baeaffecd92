//! `regard init`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use regard_commitments::Commitments;

use crate::args::InitArgs;
use crate::speech::say;
use crate::whole_file::write_whole;

/// What is written: the path in the folder, and the text.
const FILES: [(&str, &str); 4] = [
    ("regard.toml", include_str!("../data/init/regard.toml")),
    ("commitments.toml", Commitments::example_text()),
    (
        "campaigns/welcome.toml",
        include_str!("../data/init/welcome.toml"),
    ),
    (
        "campaigns/welcome.svg",
        include_str!("../data/init/welcome.svg"),
    ),
];

/// Writes a configuration to begin with.
pub(crate) fn init(args: &InitArgs) -> Result<ExitCode> {
    let folder = args.folder.as_path();
    let files = FILES.map(|(name, text)| (folder.join(name), text));
    let there: Vec<String> = files
        .iter()
        .filter(|(path, _)| path.exists())
        .map(|(path, _)| path.display().to_string())
        .collect();
    if !there.is_empty() && !args.force {
        bail!(
            "{} there already; nothing was written; --force writes over",
            are_there(&there)
        );
    }
    for (path, text) in &files {
        write_whole(path, text)?;
        say(format_args!("wrote {}", path.display()));
    }
    say(what_next(folder));
    Ok(ExitCode::SUCCESS)
}

fn are_there(files: &[String]) -> String {
    let verb = if files.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", files.join(", "))
}

fn what_next(folder: &Path) -> String {
    let [config, commitments, campaign] = [0, 1, 2].map(|i| folder.join(FILES[i].0));
    format!(
        "
Next:
  1. {}
     who you are, what you promise, and two declarations: who is in front of the screen, and how staff
     are kept out. Until both are declared expressions are not analysed.
  2. {}
     your cameras and screens.
  3. {}
     your messages.
  4. regard serve --config {config} --check
  5. regard serve --config {config}",
        commitments.display(),
        config.display(),
        campaign.display(),
        config = shell_word(&config),
    )
}

/// A path as it can be pasted into a shell.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_can_be_pasted() {
        assert_eq!(shell_word(Path::new("/a/b-c.toml")), "/a/b-c.toml");
        assert_eq!(shell_word(Path::new("my shop's/x")), "'my shop'\\''s/x'");
    }
}
