//! The papers over the wire: who reads them, what changed, and whether the impact assessment is signed and how old.

use std::collections::{BTreeMap, BTreeSet};

use regard_commitments::{
    Commitments, Date, Dpia, EntryBody, LedgerEntry, Profile, SiteKeys, VerifiedCommitments,
    Zeroizing,
};
use regard_decision::Campaign;
use regard_domain::{CameraId, ScreenId};
use regard_engine::{MadePapers, PaperMaker};
use regard_reports::{CameraFact, CampaignFact, Facts, GuardFact, Papers, ScreenFact};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::World;

fn promised(document: &Commitments) -> VerifiedCommitments {
    let key = SiteKeys::from_seed(Zeroizing::new([7; 32])).commitments_key();
    document.sign(&key).verify(&key.verifying_key()).unwrap()
}

fn campaigns(campaigns: &[Campaign]) -> Vec<CampaignFact> {
    let campaigns = campaigns.iter().map(|campaign| CampaignFact {
        id: campaign.id.to_string(),
        is_enabled: campaign.enabled,
        policy: "fixed".to_owned(),
        n_messages: campaign.creatives.len(),
        reacts_to: BTreeSet::new(),
        rewards: BTreeSet::new(),
        viewer_benefit: campaign.viewer_benefit.clone(),
    });
    campaigns.collect()
}

/// Makes papers as the command line does, of a site with one camera.
pub(crate) fn maker(document: &Commitments) -> PaperMaker {
    let day: Date = "2026-06-01".parse().unwrap();
    let (camera, screen) = (
        CameraId::new("demo").unwrap(),
        ScreenId::new("demo").unwrap(),
    );
    let facts = Facts {
        program: "0.1.0".to_owned(),
        made_on: day,
        made_at: day.start(),
        time_zone: "UTC".to_owned(),
        promise: promised(document),
        profile: Profile::named(&document.profile).unwrap(),
        cameras: vec![CameraFact {
            id: camera.clone(),
            source: "push:browser".to_owned(),
            full_resolution: false,
            screens: BTreeSet::from([screen.clone()]),
        }],
        screens: vec![ScreenFact {
            id: screen,
            camera: Some(camera),
        }],
        campaigns: Vec::new(),
        features: Vec::new(),
        models: Vec::new(),
        runtime: "none".to_owned(),
        measurements: Vec::new(),
        services: Vec::new(),
        gallery: None,
        guard: GuardFact {
            is_remote: false,
            encryption: "none".to_owned(),
            public_url: None,
            sandbox: "none".to_owned(),
            site_key: "in the data folder".to_owned(),
            ledger_key: None,
        },
    };
    PaperMaker::new(move |in_force, made_on, made_at| {
        let facts = Facts {
            campaigns: campaigns(in_force),
            made_on,
            made_at,
            ..facts.clone()
        };
        let papers = Papers::of(&facts, &BTreeMap::new()).unwrap();
        MadePapers {
            papers: papers.digests(),
            assessed: papers.assessed().unwrap(),
            text: serde_json::to_string(&papers).unwrap(),
        }
    })
}

async fn world(data: TempDir, change: impl Fn(&mut Commitments)) -> World {
    let mut document = Commitments::demo();
    change(&mut document);
    let maker = maker(&document);
    World::with_papers(data, change, maker).await
}

async fn get(world: &World, path: &str) -> Value {
    let answer = world.get(path).bearer(&world.token).send().await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

async fn page(world: &World, path: &str) -> String {
    let answer = world.get(path).bearer(&world.token).send().await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text().to_owned()
}

/// Which papers the ledger says have changed, entry by entry.
async fn told(world: &World) -> Vec<usize> {
    let rows = world
        .engine
        .store()
        .ledger_range(0..u64::MAX)
        .await
        .unwrap();
    let entries = rows
        .iter()
        .map(|row| LedgerEntry::from_leaf_bytes(row.bytes.as_ref().unwrap()).unwrap());
    entries
        .filter_map(|entry| match entry.body {
            EntryBody::PapersChanged { changed, .. } => Some(changed.len()),
            _ => None,
        })
        .collect()
}

async fn disable_the_campaign(world: &World) {
    let mut campaign = get(world, "/v1/campaigns/spring").await;
    campaign["enabled"] = json!(false);
    let put = world.put("/v1/campaigns/spring").bearer(&world.token);
    let answer = put.json(&campaign).send().await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

#[tokio::test]
async fn whoever_runs_or_watches_over_the_site_reads_the_papers() {
    let world = world(tempfile::tempdir().unwrap(), |_| ()).await;
    let mut tokens = BTreeMap::new();
    for role in ["operator", "analyst", "privacy_officer", "device"] {
        let mut body = json!({ "role": role, "days": 1 });
        if role == "device" {
            body["cameras"] = json!(["demo"]);
        }
        tokens.insert(role, world.make_token(&body).await.1);
    }
    for path in [
        "/v1/papers",
        "/v1/papers/impact_assessment",
        "/console/papers",
        "/console/papers/record",
    ] {
        for role in ["operator", "privacy_officer"] {
            let answer = world.get(path).bearer(&tokens[role]).send().await;
            assert_eq!(answer.status, 200, "{role} {path}");
        }
        for role in ["analyst", "device"] {
            let answer = world.get(path).bearer(&tokens[role]).send().await;
            assert_eq!(answer.code(), "role_missing", "{role} {path}");
        }
        assert_eq!(
            world.get(path).send().await.code(),
            "token_missing",
            "{path}"
        );
    }
    let list = get(&world, "/v1/papers").await;
    assert_eq!(list["papers"].as_array().unwrap().len(), 8, "{list:#}");
    assert_eq!(list["compared_with"], Value::Null);
    assert_eq!(list["changes"], Value::Null);
    let record = get(&world, "/v1/papers/record").await;
    assert_eq!(record["paper"]["points"][0]["id"], "30(1)(a)", "{record:#}");
    let breach = world.get("/v1/papers/breach_report").bearer(&world.token);
    assert_eq!(breach.send().await.code(), "no_such_paper");
    let nothing = world
        .get("/v1/papers/poem")
        .bearer(&world.token)
        .send()
        .await;
    assert_eq!((nothing.status, nothing.code().as_str()), (400, "bad_path"));
    world.stop().await;
}

#[tokio::test]
async fn a_campaign_changed_while_the_program_runs_is_a_change_of_the_papers() {
    let world = world(tempfile::tempdir().unwrap(), |_| ()).await;
    assert_eq!(told(&world).await, [8], "all are new");
    disable_the_campaign(&world).await;
    let told_now = told(&world).await;
    assert_eq!(told_now.len(), 2, "the ledger says so at once");
    let list = get(&world, "/v1/papers").await;
    let versions = list["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0]["all"], list["all"]);
    assert_eq!(
        versions[0]["changed"].as_array().unwrap().len(),
        told_now[1]
    );
    assert_eq!(list["compared_with"], versions[1]["all"]);
    let changes = list["changes"].as_array().unwrap();
    let says = |change: &Value| change["text"].as_str().unwrap().contains("spring");
    assert!(changes.iter().any(says), "{changes:#?}");
    // Every line of the list agrees with the changes that are told.
    for line in list["papers"].as_array().unwrap() {
        let of_it = changes
            .iter()
            .filter(|change| change["paper"] == line["id"])
            .count();
        assert_eq!(line["n_changes"], of_it, "{line}");
    }
    let shown = page(&world, "/console/papers").await;
    let sentence = changes[0]["text"].as_str().unwrap();
    let escaped = sentence.replace('&', "&#38;").replace('\'', "&#39;");
    assert!(shown.contains(&escaped), "{sentence}\n{shown}");

    // The same again is no change; back is one, and the version it goes back to is compared by its name.
    disable_the_campaign(&world).await;
    assert_eq!(told(&world).await.len(), 2);
    let first = versions[1]["all"].as_str().unwrap();
    let since = get(&world, &format!("/v1/papers?since={}", &first[..16])).await;
    assert_eq!(since["changes"], list["changes"]);
    for (since, code) in [
        ("0123456789abcdef", "unknown_version"),
        (&first[..8], "unknown_version"),
        ("..%2F..%2Fsite.key", "unknown_version"),
    ] {
        let answer = world.get(&format!("/v1/papers?since={since}"));
        assert_eq!(
            answer.bearer(&world.token).send().await.code(),
            code,
            "{since}"
        );
    }
    let copy = world
        .data
        .path()
        .join(format!("papers/{}.json", &first[..16]));
    std::fs::remove_file(&copy).unwrap();
    let gone = world.get(&format!("/v1/papers?since={first}"));
    assert_eq!(gone.bearer(&world.token).send().await.code(), "copy_gone");
    let list = get(&world, "/v1/papers").await;
    assert_eq!(list["changes"], Value::Null, "nothing to compare with");
    world.stop().await;
}

#[tokio::test]
async fn the_page_says_whether_the_assessment_is_signed_and_how_old() {
    let data = tempfile::tempdir().unwrap();
    let unsigned = world(data, |_| ()).await;
    let list = get(&unsigned, "/v1/papers").await;
    assert_eq!(list["impact_assessment"]["state"], "not_signed");
    assert!(
        page(&unsigned, "/console/papers")
            .await
            .contains("Not signed")
    );
    let assessed = unsigned.engine.papers().unwrap().assessed;
    let now = unsigned.engine.now();
    unsigned.stop().await;

    let day = 86_400_000_000;
    let days_ago = |n: i64| {
        Date::of(regard_domain::Timestamp::from_micros(
            now.as_micros() - n * day,
        ))
    };
    let signing = |n: i64, configuration| {
        move |document: &mut Commitments| {
            document.dpia = Some(Dpia {
                reference: "DPIA 7".to_owned(),
                signed_by: "the officer".to_owned(),
                signed_on: days_ago(n).unwrap(),
                configuration,
            });
        }
    };
    for (n, configuration, state) in [
        (100, Some(assessed), "holds"),
        (365, Some(assessed), "too_old"),
        (-3, Some(assessed), "not_yet_signed"),
    ] {
        let world = world(tempfile::tempdir().unwrap(), signing(n, configuration)).await;
        let list = get(&world, "/v1/papers").await;
        let found = &list["impact_assessment"];
        assert_eq!(found["state"], state, "{found}");
        assert_eq!(found["age_days"], n.max(0), "{found}");
        assert_eq!(found["signed_by"], "the officer");
        assert!(page(&world, "/console/papers").await.contains("DPIA 7"));
        world.stop().await;
    }

    // What was assessed is not what runs any more, from the moment it changes.
    let world = world(tempfile::tempdir().unwrap(), signing(1, Some(assessed))).await;
    disable_the_campaign(&world).await;
    let list = get(&world, "/v1/papers").await;
    assert_eq!(
        list["impact_assessment"]["state"],
        "of_another_configuration"
    );
    let standing = &list["papers"][1]["standing"][0];
    assert_eq!(standing["is_good"], false, "{standing}");
    let shown = page(&world, "/console/papers/impact_assessment").await;
    assert!(shown.contains("another configuration"), "{shown}");
    world.stop().await;
}

#[tokio::test]
async fn without_a_maker_there_are_no_papers() {
    let world = World::closed().await;
    let answer = world.get("/v1/papers").bearer(&world.token).send().await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "no_papers"));
    world.stop().await;
}
