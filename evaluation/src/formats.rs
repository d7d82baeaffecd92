//! Logs as files: our own lines, VowpalWabbit's `dsjson`, the Open Bandit Dataset's table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::log::{BadLog, Log, LoggedPlay, Offered};

/// Form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One [`LoggedPlay`] a line, as JSON.
    Regard,
    /// VowpalWabbit's decision service: one event a line, as JSON.
    Dsjson,
    /// The Open Bandit Dataset's columns, with commas.
    OpenBandit,
}

impl LogFormat {
    /// The form that the first line of a text has.
    pub fn guess(text: &str) -> Self {
        let first = text.trim_start().lines().next().unwrap_or_default();
        if !first.starts_with('{') {
            Self::OpenBandit
        } else if first.contains("\"_label") || first.contains("\"_multi\"") {
            Self::Dsjson
        } else {
            Self::Regard
        }
    }

    /// Reads a log.
    ///
    /// # Errors
    /// [`BadLog`] names the first line, row or play that is wrong.
    pub fn read(self, text: &str) -> Result<Log, BadLog> {
        let plays = match self {
            Self::Regard => lines(text, |value| serde_json::from_value(value).map(Some))?,
            Self::Dsjson => lines(text, |value| Ok(dsjson(&value)))?,
            Self::OpenBandit => open_bandit(text)?,
        };
        Log::new(plays)
    }
}

fn lines(
    text: &str,
    read: impl Fn(Value) -> Result<Option<LoggedPlay>, serde_json::Error>,
) -> Result<Vec<LoggedPlay>, BadLog> {
    let mut plays = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let at = |source| BadLog::Line {
            line: i + 1,
            source,
        };
        let value = serde_json::from_str(line).map_err(at)?;
        plays.extend(read(value).map_err(at)?);
    }
    Ok(plays)
}

/// Deepest nesting of features that is read; what lies deeper is left out.
const MAX_DEPTH: usize = 6;

/// Numbers by dotted name; words become `name=word` with the value 1.
fn flatten(prefix: &str, value: &Value, depth: usize, into: &mut BTreeMap<String, f32>) {
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(0.0) as f32;
            into.insert(prefix.to_owned(), number);
        }
        Value::Bool(flag) => {
            into.insert(prefix.to_owned(), f32::from(u8::from(*flag)));
        }
        Value::String(word) => {
            into.insert(format!("{prefix}={word}"), 1.0);
        }
        Value::Object(fields) if depth < MAX_DEPTH => {
            for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with('_')) {
                let name = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(&name, value, depth + 1, into);
            }
        }
        Value::Array(values) if depth < MAX_DEPTH => {
            for value in values {
                flatten(prefix, value, depth + 1, into);
            }
        }
        Value::Null | Value::Object(_) | Value::Array(_) => {}
    }
}

/// One event; nothing for lines that are no decision with a label.
fn dsjson(value: &Value) -> Option<LoggedPlay> {
    let cost = value.get("_label_cost")?.as_f64()?;
    let probability = value.get("_label_probability")?.as_f64()?;
    let chosen = value
        .get("_labelIndex")
        .and_then(Value::as_u64)
        .or_else(|| {
            let action = value.get("_label_Action")?.as_u64()?;
            action.checked_sub(1)
        })?;
    let given = value.get("c")?;
    let multi = given.get("_multi")?.as_array()?;
    let mut context = BTreeMap::new();
    flatten("", given, 0, &mut context);
    let mut propensities = vec![None; multi.len()];
    let pairs = value
        .get("a")
        .and_then(Value::as_array)
        .zip(value.get("p").and_then(Value::as_array));
    if let Some((actions, probabilities)) = pairs {
        for (action, p) in actions.iter().zip(probabilities) {
            let place = action
                .as_u64()
                .and_then(|a| usize::try_from(a).ok()?.checked_sub(1));
            if let Some(slot) = place.and_then(|place| propensities.get_mut(place)) {
                *slot = p.as_f64();
            }
        }
    }
    let option = |(k, (value, propensity)): (usize, (&Value, Option<f64>))| {
        let mut features = BTreeMap::new();
        flatten("", value, 0, &mut features);
        let tag = value.get("_tag").and_then(Value::as_str);
        let id = tag.or_else(|| value.get("i")?.get("id")?.as_str());
        Offered {
            id: id.map_or_else(|| format!("action{}", k + 1), str::to_owned),
            propensity,
            features,
        }
    };
    let event = value
        .get("EventId")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Some(LoggedPlay {
        event: event.to_owned(),
        context,
        options: multi
            .iter()
            .zip(propensities)
            .enumerate()
            .map(option)
            .collect(),
        chosen: usize::try_from(chosen).ok()?,
        propensity: probability,
        reward: -cost,
    })
}

/// The log as VowpalWabbit's `dsjson`, which `vw --dsjson --cb_explore_adf` reads.
pub fn to_dsjson(log: &Log) -> String {
    let mut text = String::new();
    for play in log.plays() {
        let object = |features: &BTreeMap<String, f32>| -> Map<String, Value> {
            let pairs = features
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)));
            pairs.collect()
        };
        let multi: Vec<Value> = play
            .options
            .iter()
            .map(|option| {
                let mut features = object(&option.features);
                // Without this, messages without features would all look alike.
                features.insert(format!("id={}", option.id), json!(1));
                json!({ "_tag": option.id, "A": features })
            })
            .collect();
        // As VowpalWabbit has it, the chosen action comes first.
        let mut order: Vec<usize> = (0..play.options.len()).collect();
        order.swap(0, play.chosen);
        let actions: Vec<usize> = order.iter().map(|k| k + 1).collect();
        let probability = |k: &usize| play.options[*k].propensity;
        let probabilities: Option<Vec<f64>> = order.iter().map(probability).collect();
        let mut event = json!({
            "_label_cost": -play.reward,
            "_label_probability": play.propensity,
            "_label_Action": play.chosen + 1,
            "_labelIndex": play.chosen,
            "Version": "1",
            "EventId": play.event,
            "c": { "C": object(&play.context), "_multi": multi },
        });
        if let (Some(probabilities), Some(event)) = (probabilities, event.as_object_mut()) {
            event.insert("a".to_owned(), json!(actions));
            event.insert("p".to_owned(), json!(probabilities));
        }
        text += &event.to_string();
        text.push('\n');
    }
    text
}

/// The log as lines of our own.
pub fn to_ndjson(log: &Log) -> String {
    let print = |play| serde_json::to_string(play).expect("numbers and names always print");
    let lines: Vec<String> = log.plays().iter().map(print).collect();
    lines.join("\n") + "\n"
}

/// Columns `item_id`, `position`, `click`, `propensity_score` and `user_feature_*`. Every item that
/// occurs is an option of every row; the uniform policy's logs tell all probabilities, others those
/// of the chosen items.
fn open_bandit(text: &str) -> Result<Vec<LoggedPlay>, BadLog> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let place = |name: &'static str| {
        let found = names.iter().position(|n| n == name);
        found.ok_or(BadLog::Column(name))
    };
    let (item, click) = (place("item_id")?, place("click")?);
    let (position, score) = (place("position")?, place("propensity_score")?);
    let is_user = |name: &str| name.starts_with("user_feature");
    let users: Vec<usize> = (0..names.len()).filter(|i| is_user(&names[*i])).collect();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
    let items: BTreeSet<String> = rows.iter().map(|row| row[item].to_owned()).collect();
    let ids: Vec<String> = items.into_iter().collect();
    let number = |row: usize, text: &str| {
        let what = "a click or a probability is not a number";
        let play = row + 1;
        text.parse::<f64>().map_err(|_| BadLog::Play { play, what })
    };
    let is_even = {
        let first = rows.first().map(|row| row[score].to_owned());
        rows.iter().all(|row| Some(&row[score]) == first.as_deref())
            && match &first {
                Some(text) => (number(0, text)? * ids.len() as f64 - 1.0).abs() < 1e-6,
                None => false,
            }
    };
    let mut plays = Vec::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate() {
        let propensity = number(i, &row[score])?;
        let mut context: BTreeMap<String, f32> = users
            .iter()
            .map(|column| (format!("{}={}", names[*column], &row[*column]), 1.0))
            .collect();
        context.insert(format!("position={}", &row[position]), 1.0);
        let offered = |id: &String| Offered {
            id: id.clone(),
            propensity: is_even.then_some(propensity),
            features: BTreeMap::new(),
        };
        plays.push(LoggedPlay {
            event: String::new(),
            context,
            options: ids.iter().map(offered).collect(),
            chosen: ids
                .binary_search_by(|id| id.as_str().cmp(&row[item]))
                .unwrap_or(0),
            propensity,
            reward: number(i, &row[click])?,
        });
    }
    Ok(plays)
}
