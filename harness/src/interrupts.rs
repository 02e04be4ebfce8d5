//! Ctrl-C and its like, for commands that drive runs as processes: the runs end, what is known is kept.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for SIGINT, SIGTERM and SIGHUP, on the thread that it was made on.
pub struct Interrupts {
    runtime: Runtime,
    signals: [Signal; 3],
}

impl Interrupts {
    /// Listens from now on.
    pub fn listen() -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("start the runtime")?;
        let signals = {
            let _inside = runtime.enter();
            listen()?
        };
        Ok(Self { runtime, signals })
    }

    /// Waits so long. Whether somebody interrupted, now or since the last time.
    pub fn within(&mut self, time: Duration) -> bool {
        self.during(async move { tokio::time::sleep(time).await })
            .is_none()
    }

    /// Does some work, and gives it up where somebody interrupted, now or since the last time: then there is no answer.
    pub fn during<W: Future>(&mut self, work: W) -> Option<W::Output> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = any(&mut self.signals) => None,
                done = work => Some(done),
            }
        })
    }
}

/// Listens for what interrupts, SIGINT, SIGTERM and SIGHUP, from now on and inside of a runtime.
pub fn listen() -> Result<[Signal; 3]> {
    let listen = |kind| signal(kind).context("listen for signals");
    Ok([
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
        listen(SignalKind::hangup())?,
    ])
}

/// Waits for the first of them.
pub async fn any([interrupt, terminate, hangup]: &mut [Signal; 3]) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
