//! Reports, proof of play, and campaigns as files, on an installation that showed something.

use std::fs;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::program::{program, run, said_by};
use crate::running::Serve;

/// Runs until the in-process screen has shown something and stops.
fn shown() -> tempfile::TempDir {
    let folder = crate::site::small();
    let serve = Serve::start(folder.path(), &[]);
    let data = folder.path().join("data");
    // Looked at beside the running program: a play is told as soon as it began.
    while run(&["report", "--data", data.to_str().unwrap()]).code != 0 {}
    serve.stop();
    folder
}

#[test]
fn what_was_shown_is_reported_and_proven() {
    let folder = shown();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    for format in ["json", "csv", "html", "svg"] {
        let said = run(&["report", "--format", format, "--data", data]);
        assert_eq!(said.code, 0, "{format}: {}", said.err);
        assert!(said.out.contains("default"), "{format}: {}", said.out);
    }
    let pdf = folder.path().join("report.pdf");
    let said = run(&[
        "report",
        "--format",
        "pdf",
        "--data",
        data,
        "-o",
        pdf.to_str().unwrap(),
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(fs::read(&pdf).unwrap().starts_with(b"%PDF-"));

    parquet_says_what_csv_says(folder.path(), data);

    let file = folder.path().join("plays.ndjson");
    let file = file.to_str().unwrap();
    let said = run(&["proof-of-play", "export", "--data", data, "-o", file]);
    assert_eq!(said.code, 0, "{}", said.err);
    let key = run(&["ledger", "key", "--data", data]).out;
    let verify = |file: &str| run(&["proof-of-play", "verify", file, "--key", key.trim()]);
    let said = verify(file);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("good: "), "{}", said.out);
    let text = fs::read_to_string(file).unwrap();
    let bad = folder.path().join("bad.ndjson");
    fs::write(
        &bad,
        text.replacen("\"shown_millis\":", "\"shown_millis\":1", 1),
    )
    .unwrap();
    assert_eq!(verify(bad.to_str().unwrap()).code, 2);
}

/// The table of Parquet, read by another program's reader, has the columns and numbers of the CSV.
fn parquet_says_what_csv_says(folder: &Path, data: &str) {
    let file = folder.join("report.parquet");
    let name = file.to_str().unwrap();
    let to_terminal = run(&["report", "--format", "parquet", "--data", data]);
    assert!(to_terminal.err.contains("--output"), "{}", to_terminal.err);
    for people in [&[][..], &["--people"][..]] {
        let of = |format: &'static str| {
            [&["report", "--format", format, "--data", data][..], people].concat()
        };
        let said = run(&[&of("parquet")[..], &["-o", name]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        let csv = run(&of("csv")).out;
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&file).unwrap());
        let batches: Vec<RecordBatch> = reader
            .unwrap()
            .build()
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let [batch] = &batches[..] else {
            panic!("{} batches", batches.len())
        };
        let mut lines = csv.lines();
        let head: Vec<&str> = lines.next().unwrap().split(',').collect();
        let schema = batch.schema();
        let columns: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!((head[0], columns[0]), ("message", "key"));
        assert_eq!(head[1..], columns[1..]);
        assert_eq!(lines.clone().count(), batch.num_rows());
        for (row, line) in lines.enumerate() {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(batch.column(0).as_string::<i32>().value(row), cells[0]);
            let plays = batch.column(1).as_primitive::<Int64Type>().value(row);
            assert_eq!(plays.to_string(), cells[1]);
            for (place, cell) in cells.iter().enumerate().skip(2) {
                let column = batch.column(place).as_primitive::<Float64Type>();
                let digits = if place == 2 { 3 } else { 6 };
                let value = column.is_valid(row).then(|| column.value(row));
                let value = value.map_or_else(String::new, |v| format!("{v:.digits$}"));
                assert_eq!(value, *cell, "{}", columns[place]);
            }
        }
    }
}

#[test]
fn campaigns_are_looked_at_written_out_and_taken_in() {
    let folder = shown();
    let command = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments).current_dir(folder.path());
        said_by(&mut command)
    };
    let more = "[[campaign]]\nid = 'spring'\nname = 'Spring'\n[[campaign.creative]]\nid = 'a'\nname = 'a'\n\
                content = { kind = 'text', title = 'Your price today', color = '#777777', background = '#888888' }\n";
    fs::write(folder.path().join("more.toml"), more).unwrap();
    let said = command(&["campaigns", "import", "more.toml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = command(&["campaigns", "export"]);
    assert!(said.out.contains("id = \"spring\""), "{}", said.out);
    let said = command(&["campaigns", "check", "--strict"]);
    assert_eq!(said.code, 2, "{}", said.err);
    for word in ["contrast", "benefit", "significant_effect", "language"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    let bad = more.replace("name = 'a'", "name = 'a'\nchanges_price_or_access = true");
    fs::write(folder.path().join("more.toml"), bad).unwrap();
    let said = command(&["campaigns", "import", "more.toml"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("significant_effect"), "{}", said.err);
    // Of one that could run nowhere it is said at once, as of one in the configuration.
    let nowhere = more.replace("id = 'spring'", "id = 'summer'\nslots = ['side']");
    fs::write(folder.path().join("more.toml"), nowhere).unwrap();
    let said = command(&["campaigns", "import", "more.toml"]);
    assert_eq!(said.code, 1);
    for word in ["side", "no screen is parted into slots"] {
        assert!(said.err.contains(word), "{word}: {}", said.err);
    }
}
