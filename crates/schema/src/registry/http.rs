//! The REST API on axum. Handlers translate; judgement is in `operations`.

mod answers;
mod extract;
mod handlers;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::Registry;

/// The registry's routes, as Confluent's clients, consoles and user interfaces call them.
pub fn router(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/", get(answers::empty).post(answers::empty))
        .route("/subjects", get(handlers::subjects))
        .route("/subjects/{subject}", post(handlers::look_up).delete(handlers::delete_subject))
        .route("/subjects/{subject}/versions", get(handlers::versions).post(handlers::register))
        .route("/subjects/{subject}/versions/{version}", get(handlers::version).delete(handlers::delete_version))
        .route("/subjects/{subject}/versions/{version}/schema", get(handlers::version_schema))
        .route("/subjects/{subject}/versions/{version}/referencedby", get(handlers::referenced_by))
        .route("/schemas", get(handlers::schemas))
        .route("/schemas/types", get(handlers::types))
        .route("/schemas/ids/{id}", get(handlers::by_id))
        .route("/schemas/ids/{id}/schema", get(handlers::by_id_schema))
        .route("/schemas/ids/{id}/subjects", get(handlers::by_id_subjects))
        .route("/schemas/ids/{id}/versions", get(handlers::by_id_versions))
        .route("/compatibility/subjects/{subject}/versions", post(handlers::check_all))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(handlers::check_one))
        .route("/config", get(handlers::level).put(handlers::set_level).delete(handlers::unset_level))
        .route(
            "/config/{subject}",
            get(handlers::subject_level).put(handlers::set_subject_level).delete(handlers::unset_subject_level),
        )
        .route("/mode", get(handlers::mode).put(handlers::set_mode).delete(handlers::unset_mode))
        .route(
            "/mode/{subject}",
            get(handlers::subject_mode).put(handlers::set_subject_mode).delete(handlers::unset_subject_mode),
        )
        .route("/contexts", get(handlers::contexts))
        .route("/v1/metadata/id", get(handlers::metadata_id))
        .route("/v1/metadata/version", get(handlers::metadata_version))
        .fallback(answers::no_route)
        .method_not_allowed_fallback(answers::no_method)
        .with_state(registry)
}

/// Serves until the process ends.
///
/// # Errors
/// What the listener says.
pub async fn serve(listener: TcpListener, registry: Arc<Registry>) -> std::io::Result<()> {
    axum::serve(listener, router(registry)).await
}

/// Serves until `stop` completes, then lets requests under way finish.
///
/// # Errors
/// What the listener says.
pub async fn serve_until(
    listener: TcpListener,
    registry: Arc<Registry>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(registry)).with_graceful_shutdown(stop).await
}
