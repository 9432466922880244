//! A registry with the referrers API, in memory, for the interop scripts.
//!
//! `referrers_registry 127.0.0.1:PORT` serves until it is killed. It is the published
//! `ferro-oci-server`, which is an implementation independent of this crate.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use ferro_blob_store::InMemoryBlobStore;
use ferro_oci_server::{AppState, InMemoryRegistryMeta, router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args()
        .nth(1)
        .ok_or("usage: referrers_registry 127.0.0.1:PORT")?
        .parse()?;
    if !address.ip().is_loopback() {
        return Err("only loopback addresses: there is no authentication".into());
    }
    let listener = tokio::net::TcpListener::bind(address).await?;
    let state = AppState::new(
        Arc::new(InMemoryBlobStore::new()),
        Arc::new(InMemoryRegistryMeta::new()),
    );
    axum::serve(listener, router(state)).await?;
    Ok(())
}
