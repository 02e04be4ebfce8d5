//! The clients' threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
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

/// The clients of one kind, each on a thread of its own. When it is dropped they end as soon as they can.
#[derive(Default)]
pub(crate) struct Crew {
    stop: Arc<AtomicBool>,
    ready: Vec<oneshot::Receiver<()>>,
    ended: Vec<oneshot::Receiver<()>>,
}

impl Crew {
    /// What is set once they are to end.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Starts one that nobody waits for.
    pub(crate) fn start(&mut self, name: String, run: impl FnOnce() + Send + 'static) -> Result<()> {
        self.ended.push(spawn(name, run)?);
        Ok(())
    }

    /// Starts one that says when it is at work, by what it is given.
    pub(crate) fn start_to_work(
        &mut self,
        name: String,
        run: impl FnOnce(Box<dyn FnOnce()>) + Send + 'static,
    ) -> Result<()> {
        let (ready, is_ready) = oneshot::channel();
        self.start(name, move || {
            run(Box::new(move || {
                let _ = ready.send(());
            }));
        })?;
        self.ready.push(is_ready);
        Ok(())
    }

    /// What resolves as each of those is at work.
    pub(crate) fn ready(&mut self) -> Vec<oneshot::Receiver<()>> {
        std::mem::take(&mut self.ready)
    }

    /// Tells them to end, and waits for each no longer than that.
    pub(crate) async fn end(&mut self, within: Duration) {
        self.stop.store(true, Relaxed);
        for ended in self.ended.drain(..) {
            let _ = timeout(within, ended).await;
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
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
