//! Services that hold faces, and a gallery in a database, in the record of processing.

use regard_commitments::{ConsentPurpose, Custody};

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

#[test]
fn the_record_tells_of_records_that_answer_as_one_where_anybody_is_found() {
    let told = "several records of theirs answer as one";
    let at = |custody: Custody, purpose: ConsentPurpose| {
        record(&facts(|document| {
            document.custody = custody;
            document.custody_justification = Some("a gate with a guard".to_owned());
            document.alternative_path = Some("the guard looks at the card".to_owned());
            document.dpia = Some(Dpia {
                reference: "DPIA 7".to_owned(),
                signed_by: "the officer".to_owned(),
                signed_on: "2026-05-01".parse().unwrap(),
                configuration: None,
            });
            document.consent_purposes = [purpose].into_iter().collect();
        }))
    };
    let (controller, own) = (Custody::Controller, Custody::InPersonsHands);
    assert!(at(controller, ConsentPurpose::Identify).contains(told));
    assert!(!at(controller, ConsentPurpose::Verify).contains(told));
    assert!(!at(own, ConsentPurpose::Verify).contains(told));
}
