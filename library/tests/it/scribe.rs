//! A visitor that writes down what it is told.

use std::path::Path;

use regard_library::{Found, Input, Item, Limits, Loaded, SourceOptions, Sources, Visitor, Wish};

/// What was found, one line each.
pub(crate) struct Scribe<'a> {
    root: &'a Path,
    limits: Limits,
    pub(crate) lines: Vec<String>,
}

impl Visitor for Scribe<'_> {
    fn wish(&mut self, _: &Item) -> Wish {
        Wish::Take
    }

    fn take(&mut self, found: Found) -> bool {
        let root = self.root;
        let name = |item: &Item| {
            let path = item.path.strip_prefix(root).unwrap_or(&item.path);
            path.display().to_string()
        };
        let line = match found {
            Found::Content(item, content) => match content.load(self.limits) {
                Ok(Loaded::Photo(bytes)) => {
                    format!("photo {} {}", name(&item), bytes.as_slice().len())
                }
                Ok(Loaded::Video(video)) => {
                    let n_bytes = std::fs::metadata(video.path()).unwrap().len();
                    format!("video {} {n_bytes}", name(&item))
                }
                Ok(Loaded::Neither) => format!("neither {}", name(&item)),
                Err(fault) => format!("! {} {}: {fault}", fault.kind, name(&item)),
            },
            Found::Bad(item, fault) => format!("! {} {}: {fault}", fault.kind, name(&item)),
            Found::End(item, what) => format!(". {} {what}", name(&item)),
        };
        self.lines.push(line);
        true
    }
}

/// What is found in one thing, as lines; paths from `root`.
pub(crate) fn found(root: &Path, name: &str, limits: Limits) -> Vec<String> {
    let options = SourceOptions {
        limits,
        spool: Some(root.join("spool")),
        ..SourceOptions::default()
    };
    let sources = Sources::new(vec![Input::Path(root.join(name))], options);
    let mut scribe = Scribe {
        root,
        limits,
        lines: Vec::new(),
    };
    sources.visit(&mut scribe).unwrap();
    // Nothing of an archive is left lying about.
    if let Ok(left) = std::fs::read_dir(root.join("spool")) {
        assert_eq!(left.count(), 0, "files of an archive are left");
    }
    scribe.lines
}
