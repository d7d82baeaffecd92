//! Each product as its own description has it, and what it is told.

use super::*;

mod mock;

use mock::Mock;

const XIBO_CMS: &str = include_str!("../../../../testkit/fixtures/signage/xibo-cms.json");
const XIBO_PLAYER: &str = include_str!("../../../../testkit/fixtures/signage/xibo-player.json");
const ANTHIAS: &str = include_str!("../../../../testkit/fixtures/signage/anthias.json");

fn begun() -> Begun {
    Begun {
        decision: regard_domain::DecisionId::from_bits(1),
        screen: "window".parse().unwrap(),
        campaign: Some("spring".parse().unwrap()),
        creative: "coffee".parse().unwrap(),
        duration_millis: 10_000,
    }
}

/// The default message, which is of no campaign.
fn of_no_campaign() -> Begun {
    Begun {
        campaign: None,
        ..begun()
    }
}

fn signage(target: SignageTarget) -> Signage {
    let screen = "window".parse().unwrap();
    Signage::new(SignageConfig { screen, target }, Caller::default())
}

fn criteria_of(message: &str, campaign: &str, ttl: &serde_json::Value) -> serde_json::Value {
    serde_json::json!([
        { "metric": "regard_message", "value": message, "ttl": ttl },
        { "metric": "regard_campaign", "value": campaign, "ttl": ttl },
    ])
}

#[tokio::test]
async fn a_xibo_player_gets_criteria() {
    let player = Mock::of(XIBO_PLAYER);
    let url = player.url.clone();
    let signage = signage(SignageTarget::XiboPlayer { url });
    for (begun, campaign) in [(begun(), "spring"), (of_no_campaign(), "-")] {
        signage.begun(&begun).await.unwrap();
        let told = player.told();
        assert_eq!(told.line, "POST /criteria");
        assert_eq!(told.body, criteria_of("coffee", campaign, &15.into()));
    }
}

#[tokio::test]
async fn a_xibo_cms_gets_them_with_its_token() {
    let cms = Mock::of(XIBO_CMS);
    let target = SignageTarget::XiboCms {
        url: cms.url.clone(),
        display_group: 7,
        client_id: "id".to_owned(),
        client_secret: Password::from("se&cret=%+ü".to_owned()),
    };
    let signage = signage(target);
    for (begun, campaign) in [(begun(), "spring"), (of_no_campaign(), "-")] {
        signage.begun(&begun).await.unwrap();
        let asked = cms.told();
        assert_eq!(asked.line, "POST /api/authorize/access_token");
        assert_eq!(asked.body["client_secret"], "se&cret=%+ü");
        let told = cms.told();
        assert_eq!(told.line, "POST /api/displaygroup/criteria/7");
        let expected = criteria_of("coffee", campaign, &"15".into());
        assert_eq!(told.body["criteriaUpdates"], expected);
    }
}

#[tokio::test]
async fn anthias_shows_the_asset_of_a_message_and_hears_of_no_other() {
    let anthias = Mock::of(ANTHIAS);
    let asset = "4c8dbce552edb5812d3a866cfe5f159d";
    let target = SignageTarget::Anthias {
        url: anthias.url.clone(),
        assets: BTreeMap::from([("coffee".to_owned(), asset.to_owned())]),
        user: Some(("u".to_owned(), Password::from("p".to_owned()))),
    };
    let signage = signage(target);
    let other = Begun {
        creative: "tea".parse().unwrap(),
        ..begun()
    };
    signage.begun(&other).await.unwrap();
    signage.begun(&begun()).await.unwrap();
    let told = anthias.told();
    let expected = format!("GET /api/v2/assets/control/asset&{asset}");
    assert_eq!(told.line, expected);
    assert_eq!(told.authorization.as_deref(), Some("Basic dTpw"));
    assert!(anthias.is_quiet());
}

/// The mock is no better than what it refuses.
#[tokio::test]
async fn whoever_calls_otherwise_than_described_is_refused_and_told_why() {
    const JSON: &str = "application/json";
    let token = || vec![("authorization", "Bearer Made-Up.Token".to_owned())];
    let caller = Caller::default();
    let cms = Mock::of(XIBO_CMS);
    let criteria = "/api/displaygroup/criteria/7";
    let good = "criteriaUpdates[0][metric]=m&criteriaUpdates[0][value]=v&criteriaUpdates[0][ttl]=9";
    let url = cms.url.below(criteria);
    let body = good.as_bytes().to_vec();
    caller.post_as(FORM, &url, token(), body).await.unwrap();
    let _ = cms.told();
    for (path, kind, headers, body, why) in [
        (
            "/api/display/criteria/7",
            FORM,
            token(),
            good.to_owned(),
            "unknown path",
        ),
        (
            "/api/displaygroup/criteria/x",
            FORM,
            token(),
            good.to_owned(),
            "displayGroupId",
        ),
        (
            "/api/displaygroup/criteria/7?x=1",
            FORM,
            token(),
            good.to_owned(),
            "unknown query",
        ),
        (criteria, JSON, token(), good.to_owned(), "content type"),
        (criteria, FORM, Vec::new(), good.to_owned(), "authorization"),
        (
            criteria,
            FORM,
            token(),
            String::new(),
            "criteriaUpdates is missing",
        ),
        (criteria, FORM, token(), good.replace("=v", "="), "is empty"),
        (
            criteria,
            FORM,
            token(),
            good.replace("=v", "=0"),
            "is empty",
        ),
        (
            criteria,
            FORM,
            token(),
            good.replace("=9", "=soon"),
            "whole number",
        ),
        (
            criteria,
            FORM,
            token(),
            good.replace("[ttl]=9", "[tll]=9"),
            "tll is unknown",
        ),
        (
            criteria,
            FORM,
            token(),
            format!("{good}&more=1"),
            "more is unknown",
        ),
    ] {
        let url = cms.url.below(path);
        let called = caller.post_as(kind, &url, headers, body.into_bytes()).await;
        assert!(called.is_err(), "{path}");
        let fault = cms.fault();
        assert!(fault.contains(why), "{why}: {fault}");
    }
    let url = cms.url.below(criteria);
    assert!(caller.get(&url, token()).await.is_err());
    let fault = cms.fault();
    assert!(fault.contains("unknown method"), "{fault}");

    let anthias = Mock::of(ANTHIAS);
    for command in ["asset", "asset&", "last"] {
        let path = format!("/api/v2/assets/control/{command}");
        let url = anthias.url.below(&path);
        assert!(caller.get(&url, Vec::new()).await.is_err(), "{command}");
        let fault = anthias.fault();
        assert!(fault.contains("command"), "{fault}");
    }
}
