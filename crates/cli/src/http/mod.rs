//! The HTTP API: health, metrics, and questions about orders, sagas, stock and revenue.

mod analytics;
mod health;
mod internal;
mod inventory;
mod orders;
mod paging;
mod problem;
mod sagas;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Error;
use crate::query::{Answer, Asker, Query};
use crate::service::Service;
pub use problem::Problem;

/// What handlers work with.
#[derive(Clone)]
pub struct Api {
    service: Service,
    asker: std::sync::Arc<std::sync::OnceLock<Asker>>,
}

impl Api {
    /// The API of a service; questions are answered once there is an asker.
    #[must_use]
    pub fn new(service: Service) -> Self {
        Self { service, asker: std::sync::Arc::default() }
    }

    /// From now on questions are answered.
    pub fn answer_by(&self, asker: Asker) {
        // Set once, at start; a second one would be the same.
        let _ = self.asker.set(asker);
    }

    async fn ask(&self, query: Query) -> Result<Answer, Problem> {
        let asker = self.asker.get().ok_or_else(Problem::starting)?;
        asker.ask(query).await.map_err(Problem::from)
    }
}

/// The routes.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/orders", get(orders::list))
        .route("/api/v1/orders/{id}", get(orders::get))
        .route("/api/v1/sagas", get(sagas::list))
        .route("/api/v1/sagas/{id}", get(sagas::get))
        .route("/api/v1/inventory/products/{sku}", get(inventory::product))
        .route("/api/v1/analytics/orders/status-distribution", get(analytics::status_distribution))
        .route("/api/v1/analytics/orders/revenue-by-day", get(analytics::revenue_by_day))
        .route("/internal/v1/partitions/query", post(internal::partitions))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .with_state(api)
}

/// A server that serves until it is stopped.
pub struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Serves on a listener.
    #[must_use]
    pub fn start(listener: TcpListener, router: Router) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(async {
                    // The sender is gone when the process ends: a reason to stop too.
                    let _ = stopped.await;
                })
                .await
        });
        Self { stop, task }
    }

    /// Ends once the requests under way are answered, or after two seconds.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), self.task).await;
    }
}

/// Listens on an address; port 0 takes a free one.
///
/// # Errors
/// Failed, with the flag that names another port.
pub async fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Error::failed(format!("cannot listen on {address}: {error}; choose a free port with {flag}")))
}

/// An address as others reach it: a server that listens everywhere is found at least on this machine.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    address
}

#[cfg(test)]
mod tests;
