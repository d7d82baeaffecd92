//! Services that hold faces, and a gallery in a database, in the record of processing.

use super::*;

fn record(facts: &Facts) -> String {
    let papers = papers_of(facts);
    serde_json::to_string(papers.paper(PaperKind::Record).unwrap()).unwrap()
}

#[test]
fn the_record_tells_of_services_and_of_a_database_where_there_are_any() {
    let plain = facts(|_| ());
    let told = [
        "people whose pictures services send",
        "\"gate\",\"CompreFace\",\"staff\",\"files that are sent\"",
        "\"desk\",\"Rekognition\",\"as its attestation names it\"",
        "never the picture",
        "in the database at localhost",
    ];
    let without = record(&plain);
    for text in told {
        assert!(!without.contains(text), "{text}");
    }
    let service = |service: &str, interface: &str, collection: Option<&str>| ServiceFact {
        service: service.to_owned(),
        interface: interface.to_owned(),
        collection: collection.map(str::to_owned),
        pictures: "files that are sent".to_owned(),
    };
    let with = record(&Facts {
        services: vec![
            service("gate", "CompreFace", Some("staff")),
            service("desk", "Rekognition", None),
        ],
        gallery: Some("in the database at localhost".to_owned()),
        ..plain
    });
    for text in told {
        assert!(with.contains(text), "{text} in {with}");
    }
}
