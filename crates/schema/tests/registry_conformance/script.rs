//! Cases as data, and what runs them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Steps that share a subject prefix (`{s}` in paths) and captured values.
pub struct Case {
    pub name: &'static str,
    pub steps: Vec<Step>,
    /// Why Apicurio cannot be asked at all.
    pub apicurio_lacks: Option<&'static str>,
}

impl Case {
    /// Leaves the case out on Apicurio, for a reason.
    pub fn apicurio_lacks(mut self, reason: &'static str) -> Self {
        self.apicurio_lacks = Some(reason);
        self
    }
}

/// One request and its answer.
pub struct Step {
    method: &'static str,
    path: String,
    body: Option<String>,
    status: u16,
    expected: Value,
    apicurio: Option<Differs>,
}

/// How Apicurio's answer differs.
struct Differs {
    status: u16,
    expected: Value,
    reason: &'static str,
}

fn step(method: &'static str, path: &str, body: Option<String>) -> Step {
    Step { method, path: path.to_owned(), body, status: 200, expected: json!("$any"), apicurio: None }
}

pub fn get(path: &str) -> Step {
    step("GET", path, None)
}

pub fn delete(path: &str) -> Step {
    step("DELETE", path, None)
}

pub fn post(path: &str, body: Value) -> Step {
    step("POST", path, Some(body.to_string()))
}

pub fn post_text(path: &str, body: &str) -> Step {
    step("POST", path, Some(body.to_owned()))
}

pub fn put(path: &str, body: Value) -> Step {
    step("PUT", path, Some(body.to_string()))
}

impl Step {
    /// The answer. In `expected`, objects name the members that count; `"$any"` is anything,
    /// `"$name"` captures a value the first time and is equal to it later, `"~text"` is text that
    /// contains `text`, and `{"$has": [..]}` is an array with those items among others.
    pub fn gives(mut self, status: u16, expected: Value) -> Self {
        self.status = status;
        self.expected = expected;
        self
    }

    pub fn fails(self, status: u16, code: u32) -> Self {
        self.gives(status, json!({"error_code": code, "message": "~"}))
    }

    /// Apicurio's answer, and why it is another.
    pub fn apicurio(mut self, status: u16, expected: Value, reason: &'static str) -> Self {
        self.apicurio = Some(Differs { status, expected, reason });
        self
    }
}

/// Runs all cases; what failed, in words.
pub async fn run(url: &str, cases: &[Case]) -> Vec<String> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let is_apicurio = url.contains("/apis/ccompat");
    let mut failures = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        if let (Some(reason), true) = (case.apicurio_lacks, is_apicurio) {
            eprintln!("left out: {}: {reason}", case.name);
            continue;
        }
        // Each run and case has subjects of its own, so that a registry in use can be checked.
        let prefix = format!("hw-{}-{number}", std::process::id());
        let mut captured = BTreeMap::from([("s".to_owned(), json!(prefix))]);
        for (at, step) in case.steps.iter().enumerate() {
            let outcome = play(&client, url, step, is_apicurio, &mut captured).await;
            if let Err(why) = outcome {
                failures.push(format!("{} (step {}): {why}", case.name, at + 1));
            }
        }
    }
    failures
}

async fn play(
    client: &reqwest::Client,
    url: &str,
    step: &Step,
    is_apicurio: bool,
    captured: &mut BTreeMap<String, Value>,
) -> Result<(), String> {
    let path = fill(&step.path, captured);
    let method = reqwest::Method::from_bytes(step.method.as_bytes()).unwrap();
    let mut request = client
        .request(method, format!("{url}{path}"))
        .header("Accept", "application/vnd.schemaregistry.v1+json, application/json");
    if let Some(body) = &step.body {
        request = request.header("Content-Type", "application/vnd.schemaregistry.v1+json").body(fill(body, captured));
    }
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").cloned();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    let shown = format!("{} {path} {}", step.method, step.body.as_deref().unwrap_or(""));
    let (wanted_status, wanted, why) = match (&step.apicurio, is_apicurio) {
        (Some(differs), true) => (differs.status, &differs.expected, differs.reason),
        _ => (step.status, &step.expected, "as Confluent"),
    };
    if status != wanted_status {
        return Err(format!("{shown}: status {status} instead of {wanted_status} ({why}): {text}"));
    }
    if *wanted == json!("$any") {
        return Ok(());
    }
    if !is_apicurio {
        let kind = kind.as_ref().and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/vnd.schemaregistry.v1+json") {
            return Err(format!("{shown}: content type {kind}"));
        }
    }
    let found: Value = serde_json::from_str(&text).map_err(|error| format!("{shown}: {error}: {text}"))?;
    matches(wanted, &found, captured)
        .then_some(())
        .ok_or_else(|| format!("{shown}: expected {wanted} ({why}), found {found} with {captured:?}"))
}

fn fill(text: &str, captured: &BTreeMap<String, Value>) -> String {
    captured.iter().fold(text.to_owned(), |text, (name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.replace(&format!("{{{name}}}"), &value)
    })
}

fn matches(wanted: &Value, found: &Value, captured: &mut BTreeMap<String, Value>) -> bool {
    match wanted {
        Value::String(text) if text == "$any" => true,
        Value::String(text) if text.starts_with('$') => {
            let known = captured.entry(text[1..].to_owned()).or_insert_with(|| found.clone());
            known == found
        }
        Value::String(text) if text.starts_with('~') => {
            let part = fill(&text[1..], captured);
            found.as_str().is_some_and(|found| found.contains(&part))
        }
        Value::String(text) => found.as_str() == Some(&fill(text, captured)),
        Value::Object(wanted) => match wanted.get("$has") {
            Some(items) => {
                let items = items.as_array().unwrap();
                let found = found.as_array().cloned().unwrap_or_default();
                items.iter().all(|item| found.iter().any(|f| matches(item, f, captured)))
            }
            None => found.as_object().is_some_and(|found| members(wanted, found, captured)),
        },
        Value::Array(wanted) => found.as_array().is_some_and(|found| {
            wanted.len() == found.len()
                && wanted.iter().zip(found).all(|(wanted, found)| matches(wanted, found, captured))
        }),
        other => other == found,
    }
}

fn members(wanted: &Map<String, Value>, found: &Map<String, Value>, captured: &mut BTreeMap<String, Value>) -> bool {
    wanted.iter().all(|(key, wanted)| found.get(key).is_some_and(|found| matches(wanted, found, captured)))
}
