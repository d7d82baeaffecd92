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
        slot: None,
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

/// A message and a campaign whose ids a Xibo CMS takes for nothing.
fn of_zero() -> Begun {
    Begun {
        campaign: Some("0".parse().unwrap()),
        creative: "0".parse().unwrap(),
        ..begun()
    }
}

/// What begins, and the criteria that tell it.
fn told() -> [(Begun, [&'static str; 2]); 3] {
    [
        (begun(), ["coffee", "spring"]),
        (of_no_campaign(), ["coffee", "-"]),
        (of_zero(), ["-0", "-0"]),
    ]
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
    for (begun, [message, campaign]) in told() {
        signage.begun(&begun).await.unwrap();
        let told = player.told();
        assert_eq!(told.line, "POST /criteria");
        assert_eq!(told.body, criteria_of(message, campaign, &15.into()));
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
    for (begun, [message, campaign]) in told() {
        signage.begun(&begun).await.unwrap();
        let asked = cms.told();
        assert_eq!(asked.line, "POST /api/authorize/access_token");
        assert_eq!(asked.body["client_secret"], "se&cret=%+ü");
        let told = cms.told();
        assert_eq!(told.line, "POST /api/displaygroup/criteria/7");
        let expected = criteria_of(message, campaign, &"15".into());
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

const CRITERIA: &str = "/api/displaygroup/criteria/7";
const GOOD: &str =
    "criteriaUpdates[0][metric]=m&criteriaUpdates[0][value]=v&criteriaUpdates[0][ttl]=9";
const TOKEN: &str = "Bearer Made-Up.Token";

/// The mock is no better than what it refuses.
#[tokio::test]
async fn whoever_calls_otherwise_than_described_is_refused_and_told_why() {
    const JSON: &str = "application/json";
    let cms = Mock::of(XIBO_CMS);
    let call = async |path: &str, kind: &'static str, token: &str, body: &str| {
        let url = cms.url.below(path);
        let headers = vec![("authorization", token.to_owned())];
        let body = body.as_bytes().to_vec();
        Caller::default().post_as(kind, &url, headers, body).await
    };
    call(CRITERIA, FORM, TOKEN, GOOD).await.unwrap();
    let _ = cms.told();
    let group = "/api/displaygroup/criteria/x";
    let query = "/api/displaygroup/criteria/7?x=1";
    for (path, kind, token, why) in [
        ("/api/display/criteria/7", FORM, TOKEN, "unknown path"),
        (group, FORM, TOKEN, "displayGroupId"),
        (query, FORM, TOKEN, "unknown query"),
        (CRITERIA, JSON, TOKEN, "content type"),
        (CRITERIA, FORM, "Bearer other", "authorization"),
    ] {
        assert!(call(path, kind, token, GOOD).await.is_err(), "{path}");
        let fault = cms.fault();
        assert!(fault.contains(why), "{why}: {fault}");
    }
    for (body, why) in [
        (String::new(), "criteriaUpdates is missing"),
        (GOOD.replace("=v", "="), "is empty"),
        (GOOD.replace("=v", "=0"), "is empty"),
        (GOOD.replace("=9", "=soon"), "whole number"),
        (GOOD.replace("[ttl]", "[tll]"), "tll is unknown"),
        (format!("{GOOD}&more=1"), "more is unknown"),
    ] {
        assert!(call(CRITERIA, FORM, TOKEN, &body).await.is_err(), "{body}");
        let fault = cms.fault();
        assert!(fault.contains(why), "{why}: {fault}");
    }
    let headers = vec![("authorization", TOKEN.to_owned())];
    let (caller, url) = (Caller::default(), cms.url.below(CRITERIA));
    assert!(caller.get(&url, headers).await.is_err());
    let fault = cms.fault();
    assert!(fault.contains("unknown method"), "{fault}");
}

#[tokio::test]
async fn a_command_that_is_not_described_is_refused() {
    let (anthias, caller) = (Mock::of(ANTHIAS), Caller::default());
    for command in ["asset", "asset&", "last"] {
        let path = format!("/api/v2/assets/control/{command}");
        let url = anthias.url.below(&path);
        assert!(caller.get(&url, Vec::new()).await.is_err(), "{command}");
        let fault = anthias.fault();
        assert!(fault.contains("command"), "{fault}");
    }
}
