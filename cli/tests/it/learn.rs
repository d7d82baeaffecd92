//! `regard learn` and `regard classify`, and what they tell an installation that runs.

use std::fs;
use std::path::Path;

use regard_testkit::products::{Light, Product, photograph};
use serde_json::Value;

use crate::program::{Said, program, run, said_by};
use crate::running::{Serve, token_in};
use crate::site;

/// A folder for each product.
fn shelf(folder: &Path, n_each: u64) {
    for product in Product::SOLD {
        let class = folder.join(product.name());
        fs::create_dir_all(&class).unwrap();
        for seed in 0..n_each {
            let jpeg = photograph(product, Light::PLAIN, seed);
            fs::write(class.join(format!("{seed:03}.jpg")), jpeg).unwrap();
        }
    }
}

/// A shelf, learned.
fn learned(folder: &Path) {
    shelf(&folder.join("shelf"), 30);
    let said = said_by(
        program()
            .args([
                "learn",
                "shelf",
                "-o",
                "shelf.regard",
                "--report",
                "shelf.html",
            ])
            .args(["--network", "builtin:descriptor", "--error", "0.1"])
            .current_dir(folder),
    );
    assert_eq!((said.code, said.errors()), (0, vec![]), "{}", said.err);
    assert!(
        said.out.starts_with("4 classes from 120 photographs"),
        "{}",
        said.out
    );
    assert!(
        said.out
            .contains("promise   sets miss the true class at most 10 %"),
        "{}",
        said.out
    );
}

#[test]
fn a_shelf_is_learned_told_and_watched() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    learned(folder);
    let page = fs::read_to_string(folder.join("shelf.html")).unwrap();
    assert!(page.contains("What was learned from shelf") && page.ends_with("</html>\n"));
    for (name, light, first) in [("new", Light::PLAIN, 900), ("dark", Light::EVENING, 900)] {
        fs::create_dir(folder.join(name)).unwrap();
        for seed in 0..20 {
            for product in Product::SOLD {
                let file = folder
                    .join(name)
                    .join(format!("{}-{seed:02}.jpg", product.name()));
                fs::write(file, photograph(product, light, first + seed)).unwrap();
            }
        }
    }
    let classify = |more: &[&str]| {
        let mut command = program();
        said_by(
            command
                .args(["classify", "shelf.regard"])
                .args(more)
                .current_dir(folder),
        )
    };
    let said = classify(&["new"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let lines: Vec<Value> = said
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 80);
    assert_eq!(lines[0]["file"], "new/bottle-00.jpg");
    let n_right = lines
        .iter()
        .filter(|line| {
            let decision = line["decision"].as_str().unwrap_or("-");
            line["file"].as_str().unwrap().contains(decision)
        })
        .count();
    assert!(n_right >= 60, "{n_right} of 80");
    // The table says the same.
    let table = classify(&["new", "--format", "csv", "-o", "out.csv"]);
    assert_eq!((table.code, table.out.as_str()), (0, ""), "{}", table.err);
    let table = fs::read_to_string(folder.join("out.csv")).unwrap();
    let mut rows = table.lines();
    let head = "file,decision,abstained,set,error,likeliest,probability,distance";
    assert_eq!(rows.next(), Some(head));
    for (row, line) in rows.zip(&lines) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells[1], line["decision"].as_str().unwrap_or(""), "{row}");
        assert_eq!(cells[2], line["abstained"].as_str().unwrap_or(""), "{row}");
    }
    let same = classify(&["new", "--check-drift"]);
    let is_found = !same.err.contains("no drift found in 80 photographs");
    assert!(same.code == 0 && !is_found, "{}", same.err);
    let dark = classify(&["dark", "--check-drift"]);
    assert_eq!(dark.code, 2, "{}", dark.err);
    assert!(
        dark.err.contains("drift: 80 photographs are not like"),
        "{}",
        dark.err
    );
    bad_ones_are_told(folder, classify);
}

/// What cannot be read is named, the rest is done.
fn bad_ones_are_told(folder: &Path, classify: impl Fn(&[&str]) -> Said) {
    fs::write(folder.join("new/cut.jpg"), b"\xff\xd8\xff").unwrap();
    let said = classify(&["new", "nowhere", "--error", "0.000011"]);
    assert_eq!((said.code, said.errors().len()), (2, 2), "{}", said.err);
    assert!(
        said.err
            .contains("warning: 30 photographs calibrate the model"),
        "{}",
        said.err
    );
    assert!(
        said.out
            .lines()
            .all(|line| line.contains("\"decision\":null"))
    );
    // A link to nothing, before all others in the folder; and a file that only looks like one of ours.
    std::os::unix::fs::symlink("nowhere", folder.join("new/a.jpg")).unwrap();
    fs::write(folder.join("out.part"), b"of somebody else").unwrap();
    let said = classify(&["new", "-o", "out.ndjson"]);
    assert_eq!((said.code, said.errors().len()), (2, 2), "{}", said.err);
    assert!(said.err.contains("new/a.jpg"), "{}", said.err);
    let lines = fs::read_to_string(folder.join("out.ndjson")).unwrap();
    assert_eq!(lines.lines().count(), 80);
    let other = fs::read(folder.join("out.part")).unwrap();
    assert_eq!(other, b"of somebody else");
}

#[test]
fn what_cannot_be_learned_or_read_is_said_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shelf(&folder.join("shelf"), 4);
    let learn = |more: &[&str]| {
        let mut command = program();
        let said = said_by(
            command
                .args(["learn", "shelf"])
                .args(more)
                .current_dir(folder),
        );
        assert_eq!(said.code, 1, "{}", said.err);
        said.err
    };
    let missing = learn(&[]);
    assert!(
        missing.contains("regard models pull mobilenetv2-feat1280 --from MIRROR"),
        "{missing}"
    );
    assert!(missing.contains("builtin:descriptor"), "{missing}");
    assert!(learn(&["--network", "sface-2021dec-int8"]).contains("is for embedding"));
    let few = learn(&["--network", "builtin:descriptor"]);
    assert!(few.contains("class \"bottle\" has 4 photographs"), "{few}");
    assert!(!folder.join("model.regard").exists());
    let said = run(&["classify", "/nowhere/x.regard", "."]);
    assert!(
        said.err.contains("/nowhere/x.regard cannot be read"),
        "{}",
        said.err
    );
    fs::write(
        folder.join("x.regard"),
        b"REGARD-LEARNED 1 and nothing more",
    )
    .unwrap();
    let said = said_by(
        program()
            .args(["classify", "x.regard", "."])
            .current_dir(folder),
    );
    assert!(said.err.contains("the model is damaged"), "{}", said.err);
}

/// A folder of one man's face is refused, and named what to do instead.
#[test]
fn faces_are_not_learned() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shelf(&folder.join("people"), 6);
    fs::create_dir(folder.join("people/ann")).unwrap();
    for (number, jpeg) in regard_testkit::wall::clip_jpegs()
        .iter()
        .step_by(30)
        .take(8)
        .enumerate()
    {
        fs::write(folder.join(format!("people/ann/{number}.jpg")), jpeg).unwrap();
    }
    let said = said_by(
        program()
            .args(["learn", "people", "--network", "builtin:descriptor"])
            .current_dir(folder),
    );
    assert_eq!(said.code, 1);
    let errors = said.errors().join("\n");
    assert!(
        errors.contains("untargeted_collection") && errors.contains("regard enroll"),
        "{errors}"
    );
    assert!(!folder.join("model.regard").exists());
}

/// Everything below a folder as a tape archive, by the name of the folder.
fn packed(folder: &Path, name: &str) -> Vec<u8> {
    let mut command = std::process::Command::new("tar");
    let made = command
        .args(["--sort=name", "-cf", "-", name])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success());
    made.stdout
}

#[test]
fn archives_and_lists_are_learned_from_and_classified_like_folders() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shelf(&folder.join("shelf"), 30);
    fs::write(folder.join("shelf.tar"), packed(folder, "shelf")).unwrap();
    let mut list = String::new();
    let mut names = Product::SOLD.map(Product::name);
    names.sort_unstable();
    for name in names {
        fs::write(
            folder.join(format!("{name}.tar")),
            packed(&folder.join("shelf"), name),
        )
        .unwrap();
        list.push_str(&format!("{name}\t{name}.tar\n"));
    }
    fs::write(folder.join("list"), list).unwrap();
    let learn = |source: &str| {
        let model = format!("{}.regard", source.replace('@', ""));
        let mut command = program();
        let said = said_by(
            command
                .args(["learn", source, "-o", &model, "--error", "0.1"])
                .args(["--network", "builtin:descriptor"])
                .current_dir(folder),
        );
        assert_eq!((said.code, said.errors()), (0, vec![]), "{}", said.err);
        let model = fs::read(folder.join(model)).unwrap();
        (said.out.lines().next().unwrap().to_owned(), model)
    };
    let plain = learn("shelf");
    assert_eq!(plain.0, "4 classes from 120 photographs");
    // The same photographs in the same order, bit for bit.
    assert!(plain == learn("shelf.tar"), "the archive");
    assert!(plain == learn("@list"), "the list of archives");
    fs::create_dir(folder.join("new")).unwrap();
    for product in Product::SOLD {
        let file = folder.join(format!("new/{}.jpg", product.name()));
        fs::write(file, photograph(product, Light::PLAIN, 900)).unwrap();
    }
    fs::write(folder.join("new.tar"), packed(folder, "new")).unwrap();
    fs::write(folder.join("names"), "new/can.jpg\nnew.tar\nnone.jpg\n").unwrap();
    let classify = |source: &str| {
        let mut command = program();
        said_by(
            command
                .args(["classify", "shelf.regard", source])
                .current_dir(folder),
        )
    };
    let without_names = |said: &Said| -> Vec<Value> {
        let lines = said.out.lines();
        lines
            .map(|line| {
                let mut line: Value = serde_json::from_str(line).unwrap();
                line["file"] = Value::Null;
                line
            })
            .collect()
    };
    let (plain, archive) = (classify("new"), classify("new.tar"));
    assert_eq!((plain.code, archive.code), (0, 0), "{}", archive.err);
    assert_eq!(without_names(&plain).len(), 4);
    assert_eq!(without_names(&plain), without_names(&archive));
    assert!(archive.out.contains("\"file\":\"new.tar/new/can.jpg\""));
    let list = classify("@names");
    assert_eq!((list.code, list.errors().len()), (2, 1), "{}", list.err);
    assert_eq!(list.out.lines().count(), 5);
}

#[test]
fn hostile_archives_are_learned_from_with_the_same_care() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shelf(&folder.join("shelf"), 8);
    // An entry that leads out, and an archive in the archive.
    fs::write(folder.join("shelf/can/more.zip"), b"PK\x03\x04 and more").unwrap();
    let mut command = std::process::Command::new("tar");
    let made = command
        .args([
            "-P",
            "--transform=s|^shelf/tin/000.jpg|../out.jpg|",
            "-cf",
            "x.tar",
            "shelf",
        ])
        .current_dir(folder)
        .status();
    assert!(made.unwrap().success());
    let mut command = program();
    let said = said_by(
        command
            .args(["learn", "x.tar", "--error", "0.2"])
            .args(["--network", "builtin:descriptor"])
            .current_dir(folder),
    );
    assert_eq!((said.code, said.errors().len()), (2, 2), "{}", said.err);
    assert!(
        said.err.contains("its name leads out of the archive")
            && said.err.contains("an archive within an archive"),
        "{}",
        said.err
    );
    assert!(
        said.out.starts_with("4 classes from 31 photographs"),
        "{}",
        said.out
    );
    // A class of faces is one in an archive too.
    fs::create_dir(folder.join("shelf/ann")).unwrap();
    let jpegs = regard_testkit::wall::clip_jpegs();
    for (number, jpeg) in jpegs.iter().step_by(30).take(8).enumerate() {
        fs::write(folder.join(format!("shelf/ann/{number}.jpg")), jpeg).unwrap();
    }
    fs::write(folder.join("people.tar"), packed(folder, "shelf")).unwrap();
    let mut command = program();
    let said = said_by(
        command
            .args(["learn", "people.tar", "--network", "builtin:descriptor"])
            .current_dir(folder),
    );
    assert_eq!(said.code, 1);
    assert!(said.err.contains("untargeted_collection"), "{}", said.err);
}

/// The product that somebody holds, from a photograph to a fact of an installation that runs, and back.
#[test]
fn the_product_held_is_a_fact_until_it_is_not_seen() {
    let folder = site::small();
    let folder = folder.path();
    learned(folder);
    let config = folder.join("regard.toml");
    let named = "\n[[classifier]]\nid = \"counter\"\nmodel = \"shelf.regard\"\n";
    fs::write(&config, fs::read_to_string(&config).unwrap() + named).unwrap();
    let said = said_by(program().args(["serve", "--check"]).current_dir(folder));
    assert_eq!(said.code, 0, "{}", said.err);
    let running = Serve::start(folder, &["--data", "data"]);
    let mut token = None;
    while token.is_none() {
        token = token_in(&running.next_line());
    }
    let token = token.unwrap_or_default();
    fs::write(folder.join("token"), &token).unwrap();
    let photo = |name: &str, product| {
        fs::write(folder.join(name), photograph(product, Light::PLAIN, 4_711)).unwrap();
    };
    photo("can.jpg", Product::Can);
    photo("stool.jpg", Product::Stool);
    let url = format!("http://{}", running.address());
    let tell = |name: &str| {
        let said = said_by(
            program()
                .args([
                    "classify",
                    "shelf.regard",
                    name,
                    "--fact",
                    "held_product",
                    "--ttl",
                    "60",
                ])
                .args(["--url", &url, "--token-file", "token"])
                .current_dir(folder),
        );
        assert_eq!(said.code, 0, "{}", said.err);
        let line: Value = serde_json::from_str(&said.out).unwrap();
        line["decision"].as_str().map(str::to_owned)
    };
    let facts = || running.get("/v1/facts", Some(&token));
    assert_eq!(tell("can.jpg").as_deref(), Some("can"));
    assert!(
        facts().contains("\"held_product\":{\"value\":\"can\"}"),
        "{}",
        facts()
    );
    assert_eq!(tell("stool.jpg"), None);
    assert!(!facts().contains("held_product"), "{}", facts());
    // Again where there is none: no error.
    assert_eq!(tell("stool.jpg"), None);
    // The server itself, as a stand asks it.
    let status = running.send_bytes(
        ("POST", "/v1/classify?fact=held_product&ttl_secs=60"),
        &token,
        "image/jpeg",
        &fs::read(folder.join("can.jpg")).unwrap(),
    );
    assert_eq!(status, Some(200));
    assert!(facts().contains("\"can\""), "{}", facts());
    running.kill();
}
