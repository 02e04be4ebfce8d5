//! Asks one broker who leads: now and then, and often while anybody looks for a leader in vain.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use history::{NodeId, Topic};
use tokio::sync::watch;
use tokio::time::Instant;

use super::leaders::Leaders;
use super::{ATTEMPT_WITHIN, PERIOD, reach};
use crate::kafka::ask::Metadata;
use crate::kafka::wire::{Connection, WireError};

/// How often it asks while everybody finds the leaders where they are.
const LEISURELY: Duration = Duration::from_millis(500);
/// So many questions in a row may remain unanswered …
const UNANSWERED_MAX: u32 = 20;
/// … before it waits this long between them: each leaves a frozen broker one more connection to accept.
const RESIGNED: Duration = Duration::from_secs(2);

/// Who asks one broker.
pub(super) struct Scout {
    pub(super) node: NodeId,
    pub(super) address: SocketAddrV4,
    pub(super) topics: Vec<Topic>,
    pub(super) leaders: Arc<Leaders>,
}

impl Scout {
    /// Asks until it is told to stop.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.ask_on() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn ask_on(&self) {
        let mut connection = None;
        let mut unanswered = 0;
        loop {
            let asked = Instant::now();
            match tokio::time::timeout(ATTEMPT_WITHIN, self.ask(connection.take())).await {
                Ok(Ok((open, said))) => {
                    self.leaders.hear(self.node, asked, said);
                    connection = Some(open);
                    unanswered = 0;
                }
                // Refused at once, by a machine that is there: it may be asked again soon.
                Ok(Err(_)) => unanswered = 0,
                Err(_) => unanswered += 1,
            }
            self.pause(unanswered).await;
        }
    }

    async fn ask(&self, connection: Option<Connection>) -> Result<(Connection, Metadata), WireError> {
        let mut connection = match connection {
            Some(open) => open,
            None => Connection::over(reach(self.address).await?).await?,
        };
        let said = connection.metadata(&self.topics, ATTEMPT_WITHIN).await?;
        Ok((connection, said))
    }

    async fn pause(&self, unanswered: u32) {
        if unanswered > UNANSWERED_MAX {
            return tokio::time::sleep(RESIGNED).await;
        }
        tokio::time::sleep(PERIOD).await;
        tokio::select! {
            () = self.leaders.astray.notified() => {}
            () = tokio::time::sleep(LEISURELY) => {}
        }
    }
}
