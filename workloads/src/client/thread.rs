//! A client's thread.

use std::thread;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

/// Runs a client on a thread of its own; what is returned resolves when it has ended.
pub(crate) fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<oneshot::Receiver<()>> {
    let (ended, has_ended) = oneshot::channel();
    let client = move || {
        run();
        let _ = ended.send(());
    };
    thread::Builder::new()
        .name(name)
        .spawn(client)
        .context("start a client's thread")?;
    Ok(has_ended)
}
