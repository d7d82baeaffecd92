use std::os::unix::fs::symlink;

use super::*;

fn open(paths: &[&Path]) -> Result<CollectedExamples, ExamplesError> {
    let inputs = paths
        .iter()
        .map(|path| Input::parse(path.as_os_str()).unwrap());
    CollectedExamples::open(inputs.collect(), SourceOptions::default())
}

fn all(mut examples: CollectedExamples) -> Vec<String> {
    let mut found = Vec::new();
    let went = examples.each(&mut |one| {
        found.push(match one {
            Ok(example) => {
                let name = example.name.rsplit('/').next().unwrap_or_default();
                format!("{} {name}", example.class)
            }
            Err(unread) => format!("! {}", unread.reason),
        });
        true
    });
    went.unwrap();
    found
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

const JPEG: &[u8] = b"\xff\xd8\xff\xe0";

/// A tape archive of small files.
fn tar(entries: &[&str]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for name in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(JPEG.len() as u64);
        header.set_mode(0o644);
        // Set as bytes: names that lead out are for us to refuse.
        let field = &mut header.as_ustar_mut().unwrap().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, JPEG).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn a_folder_is_a_class_whatever_lies_deeper() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for file in [
        "cola/b.jpg",
        "cola/series 1/a.jpg",
        "water/w.png",
        "water/.hidden.jpg",
        ".git/x.jpg",
        "README",
        "stray.jpg",
    ] {
        write(root, file, JPEG);
    }
    symlink("nowhere", root.join("water/x")).unwrap();
    let examples = open(&[root]).unwrap();
    assert_eq!(examples.classes(), ["cola", "water"]);
    let found = all(examples);
    assert_eq!(found[..3], ["0 b.jpg", "0 a.jpg", "1 w.png"]);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[3].starts_with("! "), "{found:?}");
    // Circles end.
    symlink("..", root.join("cola/up")).unwrap();
    assert!(all(open(&[root]).unwrap()).len() < 10);
}

#[test]
fn an_archive_is_a_folder() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let names = ["cola/1.jpg", "cola/x/2.jpg", "water/3.jpg", "notes.txt"];
    write(root, "shelf.tar", &tar(&names));
    // All in one folder, as archives mostly are, with what macOS adds.
    let deep = [
        "shelf/cola/1.jpg",
        "shelf/water/2.jpg",
        "__MACOSX/shelf/cola/._1.jpg",
        "shelf/.git/3.jpg",
        "shelf/read.me",
    ];
    write(root, "deep.tar", &tar(&deep));
    for (archive, expected) in [
        ("shelf.tar", ["0 1.jpg", "0 2.jpg", "1 3.jpg"].as_slice()),
        ("deep.tar", &["0 1.jpg", "1 2.jpg"]),
    ] {
        let examples = open(&[&root.join(archive)]).unwrap();
        assert_eq!(examples.classes(), ["cola", "water"], "{archive}");
        assert_eq!(all(examples), expected, "{archive}");
    }
    // Archives in a folder are classes, one with the folder of their name; and so with two things named.
    let folder = root.join("in");
    write(&folder, "cola.tar", &tar(&["1.jpg", "a/2.jpg"]));
    write(&folder, "cola/3.jpg", JPEG);
    write(&folder, "tea/4.jpg", JPEG);
    let examples = open(&[&folder, &root.join("shelf.tar")]).unwrap();
    assert_eq!(examples.classes(), ["cola", "tea", "water"]);
    let mut found = all(examples);
    found.sort();
    let expected = [
        "0 1.jpg", "0 1.jpg", "0 2.jpg", "0 2.jpg", "0 3.jpg", "1 4.jpg", "2 3.jpg",
    ];
    assert_eq!(found, expected);
}

#[test]
fn hostile_entries_are_told_and_the_rest_is_learned_from() {
    let root = tempfile::tempdir().unwrap();
    let archive = root.path().join("x.tar");
    let names = [
        "cola/1.jpg",
        "../../cola/2.jpg",
        "water/3.jpg",
        "cola/1.jpg",
    ];
    fs::write(&archive, tar(&names)).unwrap();
    let examples = open(&[&archive]).unwrap();
    assert_eq!(examples.classes(), ["cola", "water"]);
    let found = all(examples);
    let bad: Vec<&String> = found.iter().filter(|line| line.starts_with("! ")).collect();
    assert_eq!((found.len(), bad.len()), (4, 2), "{found:?}");
    assert!(bad[0].contains("leads out of the archive"), "{bad:?}");
}

#[test]
fn each_line_of_a_list_names_its_class() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "a.jpg", JPEG);
    write(root, "more/b.jpg", JPEG);
    write(root, "w.tar", &tar(&["x/1.jpg", "2.jpg"]));
    let list = root.join("list");
    let at = |name: &str| root.join(name).display().to_string();
    let text = format!(
        "cola\t{}\nwater\t{}\r\n\ncola\t{}\ncola\t{}\n",
        at("a.jpg"),
        at("w.tar"),
        at("more"),
        at("none.jpg")
    );
    fs::write(&list, text).unwrap();
    let typed = PathBuf::from(format!("@{}", list.display()));
    let examples = open(&[&typed]).unwrap();
    assert_eq!(examples.classes(), ["cola", "water"]);
    let found = all(examples);
    assert_eq!(found[..4], ["0 a.jpg", "1 1.jpg", "1 2.jpg", "0 b.jpg"]);
    assert!(found[4].starts_with("! no such"), "{found:?}");
    for (line, says) in [
        ("a.jpg", "list:2: it has no tab"),
        ("\ta.jpg", "list:2: class or path is empty"),
        ("cola\t@other", "list:2: a list within a list"),
    ] {
        fs::write(&list, format!("water\tx\n{line}\n")).unwrap();
        let error = open(&[&typed]).err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn what_has_no_classes_is_refused_with_a_remedy() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let error = |path: &Path| open(&[path]).err().unwrap().to_string();
    let none = error(root);
    assert!(none.contains("two or more are needed"), "{none}");
    assert!(error(Path::new("/nowhere/x")).contains("/nowhere/x cannot be listed"));
    write(root, "photo.jpg", JPEG);
    assert!(error(&root.join("photo.jpg")).contains("has no folders in it"));
    write(root, "flat.tar", &tar(&["1.jpg", "2.jpg"]));
    write(root, "cut.zip", b"PK\x03\x04 and no more");
    assert!(error(&root.join("flat.tar")).contains("has no folders in it"));
    assert!(error(&root.join("cut.zip")).contains("cut.zip cannot be listed"));
    let folder = root.join("in");
    write(&folder, "cola/1.jpg", JPEG);
    write(&folder, "muslim women/1.jpg", JPEG);
    assert!(error(&folder).starts_with("sensitive_inference"));
    fs::remove_dir_all(folder.join("muslim women")).unwrap();
    write(&folder, "a\nb/1.jpg", JPEG);
    assert!(error(&folder).contains("cannot be a class"));
    // In an archive just the same.
    write(root, "b.tar", &tar(&["cola/1.jpg", "muslim women/2.jpg"]));
    assert!(error(&root.join("b.tar")).starts_with("sensitive_inference"));
}
