use axum::Json;
use axum::extract::State;
use headwater_log::Partition;

use super::{Api, Problem};
use crate::query::{PartitionsAnswer, PartitionsQuery, answer_here};

/// Answers for the partitions that work here, and passes nothing on.
pub async fn partitions(
    State(api): State<Api>,
    Json(body): Json<PartitionsQuery>,
) -> Result<Json<PartitionsAnswer>, Problem> {
    let service = api.service.clone();
    let answered = tokio::task::spawn_blocking(move || {
        let partitions: Vec<Partition> = body.partitions.iter().copied().map(Partition::new).collect();
        answer_here(&service, &body.query, &partitions)
    });
    match answered.await {
        Ok(answers) => Ok(Json(PartitionsAnswer { answers: answers? })),
        Err(error) => Err(Problem::internal(error.to_string())),
    }
}
