use std::os::unix::fs::symlink;

use super::*;

/// Writes down all it is told.
struct Scribe<'a> {
    root: &'a Path,
    lines: Vec<String>,
}

impl Visitor for Scribe<'_> {
    fn wish(&mut self, item: &Item) -> Wish {
        if item.path.ends_with("passed") {
            Wish::Pass
        } else {
            Wish::Take
        }
    }

    fn take(&mut self, found: Found) -> bool {
        let name = |item: &Item| {
            item.path
                .strip_prefix(self.root)
                .unwrap()
                .display()
                .to_string()
        };
        let line = match &found {
            Found::Content(item, _) => format!("{} {}", item.input, name(item)),
            Found::Bad(item, fault) => format!("! {}: {fault}", name(item)),
            Found::End(item, what) => format!(". {} {what}", name(item)),
        };
        self.lines.push(line);
        self.lines.len() < 1_000
    }
}

fn walked(
    root: &Path,
    inputs: &[&str],
    left_out: Option<&str>,
    names_at_once: usize,
) -> Vec<String> {
    let inputs: Vec<Input> = inputs
        .iter()
        .map(|name| match name.strip_prefix('@') {
            Some(list) => Input::List(root.join(list)),
            None => Input::Path(root.join(name)),
        })
        .collect();
    let options = SourceOptions {
        left_out: left_out.map(|name| root.join(name)),
        ..SourceOptions::default()
    };
    let shelf = Shelf::new(options.limits, None);
    let mut scribe = Scribe {
        root,
        lines: Vec::new(),
    };
    let last_bucket = LastBucket::default();
    let mut walker = Walker::new(&options, (&shelf, &last_bucket), &mut scribe);
    walker.names_at_once = names_at_once;
    walker.visit(&inputs).unwrap();
    scribe.lines
}

#[test]
fn folders_come_sorted_and_links_in_circles_end() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    fs::create_dir_all(root.join("in/sub/deep")).unwrap();
    fs::create_dir_all(root.join("in/drawn")).unwrap();
    for file in ["in/b", "in/a", "in/sub/deep/c", "in/drawn/x", "single"] {
        fs::write(root.join(file), "").unwrap();
    }
    symlink("..", root.join("in/sub/up")).unwrap();
    symlink("sub/deep", root.join("in/z-again")).unwrap();
    symlink("me", root.join("in/me")).unwrap();
    symlink("gone", root.join("in/nowhere")).unwrap();
    // However many names are held at a time, the order is the same.
    for names_at_once in [1, 2, 100] {
        let inputs = ["single", "in", "missing"];
        let lines = walked(root, &inputs, Some("in/drawn"), names_at_once);
        assert_eq!(lines[0], "0 single");
        assert_eq!(lines[1..3], ["1 in/a", "1 in/b"]);
        let circle = &lines[3];
        assert!(
            circle.starts_with("! in/me: a link that cannot be followed"),
            "{circle}"
        );
        assert_eq!(
            lines[4..],
            [
                "! in/nowhere: a link that leads nowhere",
                "1 in/sub/deep/c",
                "! in/sub/up: a link to a folder that it stands in; not followed",
                ". in folder",
                "! missing: no such file or folder",
            ]
        );
    }
}

#[test]
fn what_is_named_twice_is_done_twice() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("in")).unwrap();
    for name in ["in/a", "in/passed"] {
        fs::write(root.path().join(name), "").unwrap();
    }
    let lines = walked(root.path(), &["in", "in", "in/a"], Some("in"), 9);
    assert_eq!(
        lines,
        ["0 in/a", ". in folder", "1 in/a", ". in folder", "2 in/a"]
    );
}

#[test]
fn a_list_names_files_and_folders_and_no_lists() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    fs::create_dir(root.join("in")).unwrap();
    fs::write(root.join("in/a"), "").unwrap();
    let folder = root.join("in").display().to_string();
    let list = format!("{folder}/a\n\n{folder}\n@other\ns3://\n{folder}/gone\n");
    fs::write(root.join("list"), list).unwrap();
    fs::write(root.join("empty"), "\n").unwrap();
    let lines = walked(root, &["@list", "@empty", "@nowhere"], None, 9);
    assert_eq!(
        lines,
        [
            "0 in/a",
            "0 in/a",
            ". in folder",
            "! list: line 4: a list within a list is not read",
            "! list: line 5: s3:// names no bucket; write s3://BUCKET or s3://BUCKET/PREFIX",
            "! in/gone: no such file or folder",
            "! empty: no name in this list",
            "! nowhere: no such file or folder",
        ]
    );
}

#[test]
fn a_folder_is_read_in_pieces_without_losing_a_name() {
    let root = tempfile::tempdir().unwrap();
    let mut names: Vec<String> = (0..50).map(|i| format!("{:02}", i * 37 % 50)).collect();
    for name in &names {
        fs::write(root.path().join(name), "").unwrap();
    }
    names.sort();
    for at_most in [1, 7, 49, 50, 51] {
        let mut read = Vec::new();
        let mut after = None;
        loop {
            let (names, last) = names_after(root.path(), after.as_ref(), at_most).unwrap();
            assert!(names.len() <= at_most);
            read.extend(names.into_iter().map(|n| n.into_string().unwrap()));
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        assert_eq!(read, names, "{at_most}");
    }
}
