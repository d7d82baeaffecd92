//! Features as clients send them, lists of dictionaries, as named numbers.

use serde_json::Value;

/// Deepest dictionary in a dictionary.
const MAX_DEPTH: usize = 8;

/// Most named numbers that one list may become.
const MAX_NUMBERS: usize = 2_000;

/// Named numbers: a text is the number 1 under its name and value, `no` is 1 under its name and `false`, a list is all of its
/// parts, a dictionary puts its name and a dot in front.
///
/// # Errors
/// In words.
pub(super) fn flatten(features: &[Value]) -> Result<Vec<(String, f32)>, String> {
    let mut named = Vec::new();
    for one in features {
        if !one.is_object() {
            return Err("features are a list of dictionaries".to_owned());
        }
        walk("", one, 0, &mut named)?;
    }
    Ok(named)
}

fn walk(
    name: &str,
    value: &Value,
    depth: usize,
    named: &mut Vec<(String, f32)>,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("features lie at most {MAX_DEPTH} deep"));
    }
    if named.len() >= MAX_NUMBERS {
        return Err(format!("features become at most {MAX_NUMBERS} numbers"));
    }
    match value {
        Value::Null => {}
        Value::Bool(true) => named.push((name.to_owned(), 1.0)),
        Value::Bool(false) => named.push((format!("{name}=false"), 1.0)),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN) as f32;
            named.push((name.to_owned(), number));
        }
        Value::String(text) => named.push((format!("{name}={text}"), 1.0)),
        Value::Array(parts) => {
            for (i, part) in parts.iter().enumerate() {
                let numbered = format!("{name}.{i}");
                // Numbers of a list differ by their place, words by what they say.
                let name = if part.is_number() { &numbered } else { name };
                walk(name, part, depth + 1, named)?;
            }
        }
        Value::Object(parts) => {
            for (key, part) in parts {
                let name = if name.is_empty() {
                    key.clone()
                } else {
                    format!("{name}.{key}")
                };
                walk(&name, part, depth + 1, named)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_clients_send_becomes_named_numbers() {
        let sent = serde_json::json!([
            { "timeOfDay": "morning", "user": { "items": 3, "new": true, "old": false, "none": null } },
            { "tags": ["a", "b"], "embedding": [0.5, -1.0] },
        ]);
        // Which of two keys comes first is nobody's business.
        let mut named = flatten(sent.as_array().unwrap()).unwrap();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("timeOfDay=morning", 1.0),
            ("user.items", 3.0),
            ("user.new", 1.0),
            ("user.old=false", 1.0),
            ("embedding.0", 0.5),
            ("embedding.1", -1.0),
            ("tags=a", 1.0),
            ("tags=b", 1.0),
        ];
        let mut expected: Vec<_> = expected.map(|(n, v)| (n.to_owned(), v)).into();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(named, expected);
    }

    #[test]
    fn what_is_too_deep_or_no_dictionary_is_refused() {
        let mut deep = serde_json::json!(1);
        for _ in 0..10 {
            deep = serde_json::json!({ "a": deep });
        }
        assert!(flatten(&[deep]).is_err());
        assert!(flatten(&[serde_json::json!("text")]).is_err());
    }
}
