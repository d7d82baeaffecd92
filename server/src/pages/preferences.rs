//! What a person says they prefer, as text that people write: one line for each, `name: value`. What does not fit into lines
//! is JSON.

use serde_json::{Map, Value};

/// The text of preferences; [`read`] gives the same preferences back.
pub(crate) fn text_of(preferences: &Value) -> String {
    lines_of(preferences).unwrap_or_else(|| format!("{preferences:#}"))
}

/// As lines, where every value is a plain text.
fn lines_of(preferences: &Value) -> Option<String> {
    let is_plain = |text: &str| text.trim() == text && !text.contains(char::is_control);
    let mut lines = String::new();
    for (name, value) in preferences.as_object()? {
        let value = value.as_str().filter(|value| is_plain(value))?;
        let is_name = is_plain(name) && !name.is_empty() && !name.contains(':');
        // What begins like JSON would be read as such.
        if !is_name || name.starts_with(['{', '[', '"']) {
            return None;
        }
        lines.push_str(&format!("{name}: {value}\n"));
    }
    Some(lines)
}

/// What a text says; nothing when it is neither lines with a name each nor JSON.
pub(crate) fn read(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let mut preferences = Map::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once(':')?;
        let name = name.trim();
        let is_new = !name.is_empty() && !preferences.contains_key(name);
        if !is_new || name.starts_with(['{', '[', '"']) {
            return None;
        }
        preferences.insert(name.to_owned(), Value::from(value.trim()));
    }
    Some(Value::Object(preferences))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_read_as_people_write_them() {
        let check =
            |text: &str, expected: Option<Value>| assert_eq!(read(text), expected, "{text}");
        check(
            "language: nl\r\n\r\ntea : green: with milk",
            Some(json!({"language": "nl", "tea": "green: with milk"})),
        );
        check("", Some(json!({})));
        check(r#"{"n": [1, true]}"#, Some(json!({"n": [1, true]})));
        for bad in ["no name", ": x", "a: 1\na: 2", "{a: 1", "\"a\": 1"] {
            check(bad, None);
        }
        assert_eq!(text_of(&json!({"language": "nl"})), "language: nl\n");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-z :{\"\\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z :{\\[\"]{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(preferences in any_json()) {
            prop_assert_eq!(read(&text_of(&preferences)), Some(preferences));
        }
    }
}
