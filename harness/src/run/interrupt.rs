//! Ctrl-C: once, heal and judge what there is; twice, end at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use crate::exit::{self, Exit};
use crate::interrupts::listen;
use crate::progress::Progress;

/// What becomes of interrupts.
#[derive(Clone)]
pub struct Interrupt {
    /// Cancelled by the first of them.
    pub token: CancellationToken,
    holding: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on the trial is over, and an interrupt ends what is only held.
    pub fn hold(&self) {
        self.holding.store(true, Ordering::Release);
    }
}

/// Watches for SIGINT, SIGTERM and SIGHUP from now on.
pub fn watch(progress: &Arc<Progress>) -> Result<Interrupt> {
    let interrupt = Interrupt {
        token: CancellationToken::new(),
        holding: Arc::default(),
    };
    for stream in listen()? {
        tokio::spawn(on_signal(stream, interrupt.clone(), Arc::clone(progress)));
    }
    Ok(interrupt)
}

async fn on_signal(mut stream: Signal, interrupt: Interrupt, progress: Arc<Progress>) {
    while stream.recv().await.is_some() {
        if interrupt.token.is_cancelled() {
            progress.finish();
            exit::now(Exit::Interrupted);
        }
        if !interrupt.holding.load(Ordering::Acquire) {
            progress.say("interrupted: healing and judging what there is; once more ends it at once");
        }
        interrupt.token.cancel();
    }
}
