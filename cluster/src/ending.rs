//! The end of a process, as whoever waits for it on a thread of its own tells it.

use anyhow::{Context, Result};
use tokio::sync::watch;

use crate::{Exit, ExitKind};

/// How a process ended, where it has.
pub(crate) type End = watch::Receiver<Option<Exit>>;

/// Whether the process runs still.
pub(crate) fn is_running(end: &End) -> bool {
    end.borrow().is_none()
}

/// Waits for the end of the newest process; `lost` says why nobody can tell it any more.
pub(crate) async fn ended(newest: Option<End>, lost: impl FnOnce() -> String + Send) -> Result<Exit> {
    let Some(mut end) = newest else {
        return Ok(Exit {
            kind: ExitKind::NeverStarted,
        });
    };
    let ended = end.wait_for(Option::is_some).await.with_context(lost)?;
    ended.context("watch a process: it has not ended")
}
