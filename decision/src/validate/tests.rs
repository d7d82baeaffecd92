use super::*;

fn campaign(toml: &str) -> Campaign {
    toml::from_str(toml).unwrap()
}

fn default_message() -> Creative {
    Creative::text("welcome".parse().unwrap(), "Welcome", "")
}

const GOOD: &str = r##"
    id = "coffee"
    name = "Coffee"
    priority = 2
    screens = ["entrance"]
    viewer_benefit = "Hot coffee"
    schedule = { from = "2026-01-01", to = "2026-12-31", weekdays = ["mon", "friday"], dayparts = [{ start = "22:00", end = "02:00" }] }
    budget = { max_plays_per_day = 100 }
    policy = { kind = "linucb", alpha = 0.3 }
    reward = { terms = [{ kind = "attention_seconds" }, { kind = "custom:coupon", weight = 2 }] }

    [[creative]]
    id = "smile"
    name = "Smile"
    content = { kind = "text", title = "Nice smile", background = "#102030" }
    when = { expression = [{ label = "happy", min = 0.6 }], facts = [{ name = "weather.rain", equals = false }] }
    caps = { max_per_hour = 6, min_gap_millis = 5000 }
    [[creative]]
    id = "film"
    name = "Film"
    alt_text = "A cup being filled"
    content = { kind = "video", asset = "coffee/cup.mp4" }
"##;

#[test]
fn a_good_campaign_has_no_faults_and_survives_json() {
    let good = campaign(GOOD);
    assert_eq!(
        validate(std::slice::from_ref(&good), &default_message()),
        []
    );
    let json = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<Campaign>(&json).unwrap(), good);
}

#[test]
fn a_scan_may_lead_to_nothing_else() {
    for target in [
        "javascript:alert(1)",
        "ftp://example.org/",
        "example.org",
        "https://",
        "https:///path",
        "https://a@example.org/",
        "https://example.org:0/",
        "https://example.org:http/",
        "https://example.org/a b",
        "https://ex\u{e4}mple.org/",
        "https://example.org/\r\nset-cookie:a",
    ] {
        check(
            |c| c.creatives[0].target_url = Some(target.into()),
            "campaign[0].creative[0].target_url",
            None,
        );
    }
}

#[test]
fn a_scan_may_lead_to_a_web_page() {
    for target in [
        "https://example.org",
        "http://example.org:8080/spring?from=screen#offer",
        "https://[2001:db8::1]:443/",
        "http://127.0.0.1:8787/x",
    ] {
        let mut good = campaign(GOOD);
        good.creatives[0].target_url = Some(target.into());
        assert_eq!(validate(&[good], &default_message()), [], "{target}");
    }
}

fn check(change: impl FnOnce(&mut Campaign), path: &str, code: Option<&str>) {
    let mut bad = campaign(GOOD);
    change(&mut bad);
    let faults = validate(&[bad], &default_message());
    let found: Vec<_> = faults
        .iter()
        .map(|f| (f.path.as_str(), f.kind.code()))
        .collect();
    assert_eq!(found, [(path, code)], "{faults:?}");
    assert!(
        faults
            .iter()
            .all(|f| !f.suggestion.is_empty() && !f.expected.is_empty())
    );
}

#[test]
fn a_margin_belongs_to_a_proof() {
    let lints = |toml: &str| -> PolicyConfig {
        toml::from_str(&format!("kind = \"lints\"\n{toml}")).unwrap()
    };
    let path = "campaign[0].policy.apprentice_margin";
    check(|c| c.policy = lints("apprentice_margin = 0.1"), path, None);
    let too_much = "apprentice_ends = \"proven\"\napprentice_margin = 0.6";
    check(|c| c.policy = lints(too_much), path, None);
    let mut good = campaign(GOOD);
    good.policy = lints("apprentice_ends = \"proven\"\napprentice_margin = 0.05");
    assert_eq!(validate(&[good], &default_message()), []);
}

fn when(bad: &mut Campaign, toml: &str) {
    bad.creatives[0].when = toml::from_str(toml).unwrap();
}

#[test]
fn each_mistake_is_found_where_it_is() {
    check(|c| c.name.clear(), "campaign[0].name", None);
    check(|c| c.weight = f32::NAN, "campaign[0].weight", None);
    check(
        |c| c.schedule.to = c.schedule.from.map(crate::LocalDate::previous),
        "campaign[0].schedule.to",
        None,
    );
    check(
        |c| c.budget.max_plays_total = Some(0),
        "campaign[0].budget.max_plays_total",
        None,
    );
    check(|c| c.creatives.clear(), "campaign[0].creative", None);
    check(
        |c| c.creatives[1].id = c.creatives[0].id.clone(),
        "campaign[0].creative[1].id",
        None,
    );
    check(
        |c| c.reward.window_secs = 0,
        "campaign[0].reward.window_secs",
        None,
    );
    check(
        |c| c.reward.terms[1].kind = crate::OutcomeKind::AttentionSeconds,
        "campaign[0].reward.terms[1].kind",
        None,
    );
    check(
        |c| {
            c.policy = PolicyConfig::Thompson {
                exploration: 0.0,
                prior_success: 1.0,
                prior_failure: 1.0,
            };
        },
        "campaign[0].policy.exploration",
        None,
    );
    check(
        |c| c.creatives[1].alt_text.clear(),
        "campaign[0].creative[1].alt_text",
        None,
    );
    for asset in ["../key", "/etc/passwd", "a//b", "", "C:\\x", "a/./b"] {
        check(
            |c| {
                c.creatives[1].content = crate::Content::Image {
                    asset: asset.into(),
                }
            },
            "campaign[0].creative[1].content.asset",
            None,
        );
    }
    check(
        |c| c.creatives[0].min_show_millis = 20_000,
        "campaign[0].creative[0].min_show_millis",
        None,
    );
    check(
        |c| c.creatives[0].caps.max_per_hour = Some(3601),
        "campaign[0].creative[0].caps.max_per_hour",
        None,
    );
}

#[test]
fn each_mistake_in_a_condition_is_found_where_it_is() {
    for (toml, path) in [
        ("attention = { min = 60 }", "attention.min"),
        ("attention = { min = 0.6, max = 0.2 }", "attention.max"),
        ("attention = {}", "attention"),
        ("nearness = { max = nan }", "nearness.max"),
        ("hour = { from = 24, to = 2 }", "hour.from"),
        ("hour = { from = 8, to = 8 }", "hour.to"),
        (
            "expression = [{ label = 'happy', min = 1.5 }]",
            "expression[0].min",
        ),
        (
            "facts = [{ name = 'Rain', equals = true }]",
            "facts[0].name",
        ),
        ("facts = [{ name = 'rain' }]", "facts[0]"),
        (
            "facts = [{ name = 'celsius', less = 1, greater = 2 }]",
            "facts[0].less",
        ),
    ] {
        let path = format!("campaign[0].creative[0].when.{path}");
        // `min = 1.5` is also above the default `max = 1`, which is the same mistake said twice.
        let mut bad = campaign(GOOD);
        when(&mut bad, toml);
        let faults = validate(&[bad], &default_message());
        assert_eq!(faults[0].path, path, "{toml}: {faults:?}");
        assert_eq!(faults[0].kind, FaultKind::Invalid);
    }
}

#[test]
fn what_the_law_forbids_is_refused_by_its_code() {
    let targeting = Some("vulnerability_targeting");
    for label in ["sad", "fearful", "disgusted"] {
        check(
            |c| {
                when(
                    c,
                    &format!("expression = [{{ label = '{label}', min = 0.2 }}]"),
                );
            },
            "campaign[0].creative[0].when.expression[0].label",
            targeting,
        );
    }
    check(
        |c| {
            when(
                c,
                "expression = [{ label = 'happy', max = 0.1 }, { label = 'neutral', max = 0.1 },
                 { label = 'surprised', max = 0.1 }, { label = 'angry', max = 0.1 }]",
            );
        },
        "campaign[0].creative[0].when.expression",
        targeting,
    );
    let sensitive = Some("sensitive_inference");
    for fact in [
        "{ name = 'visitor.religion', equals = 'x' }",
        "{ name = 'visitor.political-party', equals = true }",
        "{ name = 'viewer.skin_tone', less = 3 }",
        "{ name = 'health', greater = 0.5 }",
        "{ name = 'viewer.kind', equals = 'sexual orientation: x' }",
    ] {
        check(
            |c| when(c, &format!("facts = [{fact}]")),
            "campaign[0].creative[0].when.facts[0].name",
            sensitive,
        );
    }
    check(
        |c| {
            let kind = "custom:ethnicity".to_owned().try_into().unwrap();
            c.reward.terms[1].kind = kind;
        },
        "campaign[0].reward.terms[1].kind",
        sensitive,
    );
    check(
        |c| when(c, "facts = [{ name = 'viewer.age', less = 30 }]"),
        "campaign[0].creative[0].when.facts[0].name",
        targeting,
    );
    check(
        |c| c.creatives[0].transition_millis = 49,
        "campaign[0].creative[0].transition_millis",
        targeting,
    );
    check(
        |c| {
            c.creatives[0].min_show_millis = 40;
            c.creatives[0].transition_millis = 0;
        },
        "campaign[0].creative[0].min_show_millis",
        targeting,
    );
    check(
        |c| c.creatives[1].changes_price_or_access = true,
        "campaign[0].creative[1].changes_price_or_access",
        Some("significant_effect"),
    );
    // A perk of one person has somebody to appeal to.
    check(
        |c| when(c, "facts = [{ name = 'person.likes', equals = 'tea' }]"),
        "campaign[0].human_contact",
        Some("significant_effect"),
    );
}

#[test]
fn a_perk_of_one_person_names_whom_to_ask() {
    let mut good = campaign(GOOD);
    when(
        &mut good,
        "facts = [{ name = 'person.likes', equals = 'tea' }]",
    );
    good.human_contact = "Ms Lee, at the counter".to_owned();
    assert_eq!(validate(&[good], &default_message()), []);
}

#[test]
fn all_mistakes_come_at_once_and_the_default_message_is_looked_at_too() {
    let mut first = campaign(GOOD);
    first.name.clear();
    when(&mut first, "attention = { min = 2 }");
    let mut second = campaign(GOOD);
    second.weight = 0.0;
    let mut default = default_message();
    default.when.n_visitors = Some(crate::Bounds::at_least(1.0));
    default.caps.max_per_day = Some(3);
    let faults = validate(&[first, second], &default);
    let paths: Vec<_> = faults.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "campaign[0].name",
            "campaign[0].creative[0].when.attention.min",
            "campaign[1].id",
            "campaign[1].weight",
            "default_message.when",
            "default_message.caps",
        ]
    );
    assert_eq!(
        faults[1].to_string(),
        "campaign[0].creative[0].when.attention.min: expected 0 to 1, found 2; 2 percent is written 0.02"
    );
}

#[test]
fn slots_that_no_screen_has_are_told_with_those_there_are() {
    let slots = |names: &[&str]| -> BTreeSet<regard_domain::SlotId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let of = |id: &str, names: &[&str]| Campaign {
        slots: slots(names),
        ..Campaign::named(id.parse().unwrap())
    };
    let said = |campaigns: &[Campaign], in_force: &[Campaign], there: &[&str]| -> Vec<String> {
        let faults = validate_slots(campaigns, in_force, &slots(there));
        assert!(faults.iter().all(|f| f.kind == FaultKind::UnknownSlot));
        faults.iter().map(ToString::to_string).collect()
    };
    let aside = of("b", &["side", "sied"]);
    let both = [of("a", &[]), aside.clone()];
    assert_eq!(
        said(&both, &[], &["main", "side"]),
        [
            "campaign[1].slots: expected the id of a slot that a screen has (main, side), found \"sied\"; name one that is there, \
             or leave `slots` out to run in every slot"
        ]
    );
    let none = said(&both, &[], &[]);
    assert_eq!(none.len(), 2, "{none:?}");
    assert!(none[0].contains("no screen is parted"), "{none:?}");
    assert!(none[0].contains("[[screen.slot]]"), "{none:?}");
    let main = [of("c", &["main"])];
    for fine in [&both[..1], &main[..]] {
        assert_eq!(said(fine, &[], &["main", "side"]), [""; 0]);
    }
    // What is in force as it is, is left; as soon as it changes it is asked.
    assert_eq!(
        said(&both, std::slice::from_ref(&aside), &["side"]),
        [""; 0]
    );
    let changed = Campaign {
        priority: 1,
        ..aside.clone()
    };
    assert_eq!(said(&[changed], &[aside], &["side"]).len(), 1);
}
