//! Asks a running instance over its HTTP API.

use std::time::Duration;

use clap::Args;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::settings::Settings;

const URL: &str = "http://127.0.0.1:8080";
const DEADLINE: Duration = Duration::from_secs(15);

/// Which instance is asked.
#[derive(Debug, Clone, Default, Args)]
pub struct ApiArgs {
    /// The HTTP API of an instance that runs [env: HEADWATER_URL] [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// A client of one instance; any instance knows the answer, or who does.
pub struct ApiClient {
    base: Url,
    http: reqwest::blocking::Client,
}

/// What the API answers when it can't (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    title: String,
    #[serde(default)]
    detail: String,
}

impl ApiClient {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// Usage, for a URL that is none.
    pub fn new(settings: &Settings, arguments: &ApiArgs) -> Result<Self, Error> {
        let text = settings.text(arguments.url.as_deref(), "HEADWATER_URL", |_| None).unwrap_or_else(|| URL.to_owned());
        let base = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| Error::usage(format!("{text} is no URL of an instance: write it as {URL}")))?;
        let host = base.host_str().unwrap_or_default();
        let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        let builder = reqwest::blocking::Client::builder().timeout(DEADLINE);
        // What is on this machine is not behind a proxy.
        let builder = if is_here { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| Error::failed(format!("no HTTP client: {error}")))?;
        Ok(Self { base, http })
    }

    /// Asks.
    ///
    /// # Errors
    /// Failed, with the API's own words, or that nobody answers there.
    pub fn get<T: DeserializeOwned>(&self, path: &[&str], parameters: &[(&str, String)]) -> Result<T, Error> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        let answer = self.http.get(url).query(parameters).send().map_err(|error| {
            let what = if error.is_timeout() { "does not answer in time" } else { "can't be reached" };
            Error::failed(format!(
                "{} {what}: start `headwater dev` or `headwater run`, or name an instance with --url or HEADWATER_URL",
                self.base
            ))
        })?;
        let status = answer.status();
        let text =
            answer.text().map_err(|error| Error::failed(format!("{}: the answer broke off: {error}", self.base)))?;
        if status.is_success() {
            return serde_json::from_str(&text).map_err(|error| {
                Error::failed(format!(
                    "{} answered with something else ({error}): is it a headwater instance?",
                    self.base
                ))
            });
        }
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) if problem.detail.is_empty() => Err(Error::failed(problem.title)),
            Ok(problem) => Err(Error::failed(problem.detail)),
            Err(_) => Err(Error::failed(format!("{} answered {status}: is it a headwater instance?", self.base))),
        }
    }
}
