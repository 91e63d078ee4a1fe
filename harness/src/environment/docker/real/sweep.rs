//! What killed harnesses left: containers and networks that carry the labels of a run whose process is gone.

use super::engine::{remove_all, unreachable};
use super::labels::is_left_over;
use crate::environment::EnvironmentError;
use testcontainers::core::client::docker_client_instance;

/// Removes it, and tells what it was. Where no engine answers there is nothing to be swept.
///
/// # Errors
/// When the engine answers and does not remove it.
pub fn sweep() -> Result<Vec<String>, EnvironmentError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| unreachable(&error))?;
    runtime.block_on(async {
        let Ok(docker) = docker_client_instance().await else {
            return Ok(Vec::new());
        };
        if docker.ping().await.is_err() {
            return Ok(Vec::new());
        }
        let swept = remove_all(&docker, is_left_over).await;
        swept.map_err(|error| unreachable(&error))
    })
}
