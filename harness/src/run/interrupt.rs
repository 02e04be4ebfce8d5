//! Ctrl-C: once, heal and judge what there is; twice, end at once.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::{self, Exit};

/// Watches for SIGINT, SIGTERM and SIGHUP from now on; the token is cancelled by the first of them.
pub fn watch() -> Result<CancellationToken> {
    let token = CancellationToken::new();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let stream = signal(kind).context("listen for signals")?;
        tokio::spawn(on_signal(stream, token.clone()));
    }
    Ok(token)
}

async fn on_signal(mut stream: Signal, token: CancellationToken) {
    while stream.recv().await.is_some() {
        if token.is_cancelled() {
            exit::now(Exit::Interrupted);
        }
        eprintln!("interrupted: healing and judging what there is; once more ends it at once");
        token.cancel();
    }
}
