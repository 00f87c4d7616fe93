use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use headwater_log::{Partition, partition_of_key};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::route::{Owner, claims, next_round};
use super::{Answer, Query, answer, merge};
use crate::service::Service;

/// How long another instance has for its answer.
const HOP_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What one instance asks another: never passed on, so that there is one hop only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionsQuery {
    /// The question.
    pub query: Query,
    /// The partitions it is asked of.
    pub partitions: Vec<u32>,
}

/// What the other answers, for the partitions that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionsAnswer {
    /// By partition.
    pub answers: BTreeMap<u32, Answer>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Some partitions are not to be had now: which, and what their owners said.
    Missing {
        /// Which.
        partitions: Vec<u32>,
        /// For people.
        why: String,
    },
    /// State can't be read.
    Broken(String),
}

/// Answers questions from the tasks of this process and of others.
#[derive(Clone)]
pub struct Asker {
    service: Service,
    http: reqwest::Client,
    partitions: BTreeMap<&'static str, NonZeroU32>,
}

impl Asker {
    /// An asker; `partitions` is how many each domain has.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(service: Service, partitions: BTreeMap<&'static str, NonZeroU32>) -> Result<Self, crate::Error> {
        let http = reqwest::Client::builder()
            .timeout(HOP_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|error| crate::Error::failed(format!("no HTTP client: {error}")))?;
        Ok(Self { service, http, partitions })
    }

    /// One answer from all partitions that know a part of it.
    ///
    /// # Errors
    /// [`Failure`]; a partial answer is an error that names what is missing.
    pub async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        let target = query.target();
        let count = self.partitions.get(target.domain.name).copied().unwrap_or(NonZeroU32::MIN);
        let wanted: Vec<Partition> = match query.key() {
            Some(key) => vec![partition_of_key(key.as_bytes(), count)],
            None => (0..count.get()).map(Partition::new).collect(),
        };
        let mut found = self.ask_here(&query, &wanted).await?;
        let missing: Vec<Partition> =
            wanted.iter().copied().filter(|partition| !found.contains_key(&partition.get())).collect();
        if !missing.is_empty() {
            self.ask_others(&query, &missing, &mut found).await?;
        }
        Ok(merge(&query, found.into_values().collect()))
    }

    async fn ask_here(&self, query: &Query, partitions: &[Partition]) -> Result<BTreeMap<u32, Answer>, Failure> {
        let (service, query, partitions) = (self.service.clone(), query.clone(), partitions.to_vec());
        tokio::task::spawn_blocking(move || answer_here(&service, &query, &partitions))
            .await
            .map_err(|error| Failure::Broken(error.to_string()))?
    }

    async fn ask_others(
        &self,
        query: &Query,
        missing: &[Partition],
        found: &mut BTreeMap<u32, Answer>,
    ) -> Result<(), Failure> {
        let mut claims = claims(query.target(), missing, &self.service.members(), self.service.own_url());
        let mut said: Vec<String> = Vec::new();
        loop {
            claims.retain(|partition, _| !found.contains_key(partition));
            let round = next_round(&mut claims);
            if round.is_empty() {
                break;
            }
            let mut asked = JoinSet::new();
            for (owner, partitions) in round {
                asked.spawn(ask_other(self.http.clone(), owner, query.clone(), partitions));
            }
            while let Some(answered) = asked.join_next().await {
                match answered.map_err(|error| Failure::Broken(error.to_string()))? {
                    Ok(answers) => found.extend(answers.answers),
                    Err(why) => said.push(why),
                }
            }
        }
        let partitions: Vec<u32> = missing
            .iter()
            .map(|partition| partition.get())
            .filter(|partition| !found.contains_key(partition))
            .collect();
        if partitions.is_empty() {
            return Ok(());
        }
        let why = if said.is_empty() {
            format!("no instance holds them: start `headwater run {}`, or wait for its start", query.target().processor)
        } else {
            said.join("; ")
        };
        Err(Failure::Missing { partitions, why })
    }
}

async fn ask_other(
    http: reqwest::Client,
    owner: Owner,
    query: Query,
    partitions: Vec<Partition>,
) -> Result<PartitionsAnswer, String> {
    let Owner { url, instance } = owner;
    let body = PartitionsQuery { query, partitions: partitions.iter().map(|partition| partition.get()).collect() };
    let failed =
        |error: reqwest::Error| format!("instance {instance} at {url} did not answer: {}", error.without_url());
    let answer = http.post(format!("{url}/internal/v1/partitions/query")).json(&body).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(format!("instance {instance} at {url} answered {}", answer.status()));
    }
    let answers: PartitionsAnswer = answer.json().await.map_err(failed)?;
    match partitions.iter().find(|partition| !answers.answers.contains_key(&partition.get())) {
        None => Ok(answers),
        Some(partition) if answers.answers.is_empty() => {
            Err(format!("instance {instance} at {url} does not hold partition {} any more", partition.get()))
        }
        Some(_) => Ok(answers),
    }
}

/// The answers of those partitions that work here. It blocks.
///
/// # Errors
/// [`Failure::Broken`] when state can't be read.
pub fn answer_here(
    service: &Service,
    query: &Query,
    partitions: &[Partition],
) -> Result<BTreeMap<u32, Answer>, Failure> {
    let target = query.target();
    let mut answers = BTreeMap::new();
    for partition in partitions {
        if let Some(state) = service.view(target.processor, target.subtopology, *partition) {
            answers.insert(partition.get(), answer(&state, query).map_err(Failure::Broken)?);
        }
    }
    Ok(answers)
}
