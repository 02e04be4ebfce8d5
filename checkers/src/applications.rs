//! What a walk through a history gathers for the checks of applications: groups, exactly-once processing, accounts, order,
//! transactions that stay open.

mod claims;
mod finals;
mod members;
mod order;
mod processed;
mod times;
mod transactions;

use history::{Application, Event, Header};

pub(crate) use claims::Claim;
pub(crate) use finals::Finals;
pub(crate) use members::{Committing, Members};
pub(crate) use order::Sequences;
pub(crate) use processed::{Made, Processed};
pub(crate) use times::{Answer, Seen, Times};
pub(crate) use transactions::{Held, Transactions};

/// Everything that is gathered.
#[derive(Default)]
pub(crate) struct Applications {
    pub(crate) finals: Finals,
    pub(crate) members: Members,
    pub(crate) processed: Processed,
    pub(crate) sequences: Sequences,
    pub(crate) times: Times,
    pub(crate) transactions: Transactions,
}

impl Applications {
    pub(crate) fn new(header: &Header) -> Self {
        let application = header.expect.application.as_ref();
        Self {
            finals: Finals::new(application.is_some()),
            sequences: Sequences::new(matches!(application, Some(Application::Bank(_)))),
            processed: Processed::new(header, application == Some(&Application::ExactlyOnce)),
            times: Times::new(matches!(application, Some(Application::Timestamps(_)))),
            ..Self::default()
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self, event: &Event) {
        self.sequences.event(event);
        if self.sequences.are_there() {
            self.finals.want();
        }
        self.finals.event(event);
        self.members.event(event);
        self.processed.event(event);
        self.times.event(event);
        self.transactions.event(event);
    }
}
