//! The clients' threads.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;
use tokio::time::timeout;

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

/// Waits until all of them have said that they are at work, and no longer than that: they go on trying.
pub(crate) async fn at_work(ready: Vec<oneshot::Receiver<()>>, within: Duration) {
    let all = async {
        for ready in ready {
            // A client that ended without a word is seen by what it does not write.
            let _ = ready.await;
        }
    };
    let _ = timeout(within, all).await;
}
