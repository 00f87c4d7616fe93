//! How to reach a registry. Nothing secret is ever printed.

use std::fmt;
use std::time::Duration;

use crate::{Error, ErrorKind};

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// How requests are authorised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// HTTP basic: user (or API key) and password (or API secret).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

/// When a call that failed is tried again, and when no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Tries in all, 1 or more.
    pub attempts_max: u32,
    /// The wait before the second try; it doubles from there.
    pub delay_first: Duration,
    /// No wait is longer.
    pub delay_max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { attempts_max: 4, delay_first: Duration::from_millis(100), delay_max: Duration::from_secs(2) }
    }
}

impl Backoff {
    /// The wait after `attempt` tries have failed; none if there is no further try.
    #[must_use]
    pub fn delay_after(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.attempts_max {
            return None;
        }
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        Some(self.delay_first.saturating_mul(doubled).min(self.delay_max))
    }
}

/// Everything a client needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// Base URLs, tried in order; without user and password.
    pub urls: Vec<String>,
    /// Authorisation.
    pub auth: Auth,
    /// A certificate authority to trust besides the system's, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// A proxy for all calls; the environment's (`HTTPS_PROXY`, `NO_PROXY`) where none.
    pub proxy: Option<String>,
    /// Ignore proxies, the environment's too.
    pub no_proxy: bool,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How long a blocking call may take, with all its tries.
    pub call_timeout: Duration,
    /// When to try again.
    pub backoff: Backoff,
}

impl ClientSettings {
    /// Settings for URLs separated by commas, as `SCHEMA_REGISTRY_URL` gives them. A user and
    /// password in the first URL that has them become basic authorisation.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if one is no http or https URL; it is not repeated in the message,
    /// since it may hold a password.
    pub fn from_urls(list: &str) -> Result<Self, Error> {
        let mut settings = Self {
            urls: Vec::new(),
            auth: Auth::None,
            ca_pem: None,
            proxy: None,
            no_proxy: false,
            request_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(15),
            backoff: Backoff::default(),
        };
        for (position, text) in list.split(',').map(str::trim).enumerate() {
            let refused = || {
                Error::new(
                    ErrorKind::Refused,
                    format!(
                        "schema registry URL number {} is no http:// or https:// URL; check SCHEMA_REGISTRY_URL",
                        position + 1
                    ),
                )
            };
            let mut url = reqwest::Url::parse(text).map_err(|_| refused())?;
            if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
                return Err(refused());
            }
            if !url.username().is_empty() && settings.auth == Auth::None {
                settings.auth = Auth::Basic {
                    user: decode_percent(url.username()),
                    password: Secret::new(decode_percent(url.password().unwrap_or_default())),
                };
            }
            url.set_username("").map_err(|()| refused())?;
            url.set_password(None).map_err(|()| refused())?;
            settings.urls.push(url.as_str().trim_end_matches('/').to_owned());
        }
        Ok(settings)
    }
}

/// Decodes what URLs escape; what is no escape stays.
fn decode_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after.get(..2)) {
            (b'%', Some(digits)) => {
                std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = match escaped {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes a subject as one segment of a path.
pub(super) fn encode_percent(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
        out
    })
}
