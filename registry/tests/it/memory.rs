//! The store in memory.

use bulla_model::Limits;
use bulla_registry::{AnyStore, Memory};

use crate::suite;

#[tokio::test]
async fn memory_does_what_every_store_has_to_do() {
    suite::run(&AnyStore::Memory(Memory::new(Limits::default()))).await;
}
