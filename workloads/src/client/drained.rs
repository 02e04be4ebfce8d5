//! Whether a group has read everything: asked of its coordinator, by somebody who is no member.

use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Key, Offset};
use tokio::task::spawn_blocking;

use super::library::{Consumer, ConsumerSettings, GroupSettings};
use super::member::{asked, look};
use super::{Isolation, Shared};
use crate::scribe::End;

/// How long one question may take.
const ASK_WITHIN: Duration = Duration::from_secs(2);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// How long the last question is asked again where nobody answers.
const LAST_WITHIN: Duration = Duration::from_secs(15);

/// Somebody who waits for a group to have read everything.
pub(crate) struct Drain {
    /// The group, set as its members are.
    pub(crate) group: GroupSettings,
    /// The partitions that it reads.
    pub(crate) keys: Vec<Key>,
}

impl Drain {
    /// Waits until the group has committed these ends, where they are known, and no longer than that. From now on its members are left in
    /// peace: where they crash faster than a group can give its partitions anew, nobody ever reads the rest.
    pub(crate) async fn run(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        ends: Option<&[Offset]>,
        within: Duration,
    ) {
        shared.calm_down();
        let Some(ends) = ends.map(<[Offset]>::to_vec) else {
            return;
        };
        let (drain, shared) = (self.clone(), shared.clone());
        // A thread that panicked has waited long enough.
        let _ = spawn_blocking(move || drain.wait(&shared, &ends, within)).await;
    }

    /// Takes down what the group has committed, once its members are gone.
    pub(crate) async fn ask(self: &Arc<Self>, shared: &Arc<Shared>) {
        let (drain, shared) = (self.clone(), shared.clone());
        let _ = spawn_blocking(move || ask_committed(&shared, &drain)).await;
    }

    fn wait(&self, shared: &Arc<Shared>, ends: &[Offset], within: Duration) {
        let until = Instant::now() + within;
        let Some(mut client) = self.client(shared) else {
            return;
        };
        let mut done = false;
        while !done && Instant::now() < until {
            let reached = client.committed(&self.keys, ASK_WITHIN).is_ok_and(|committed| {
                self.keys.iter().all(|key| {
                    let offset = committed.get(key).copied().flatten();
                    offset.unwrap_or(0) >= ends.get(*key as usize).copied().unwrap_or(0)
                })
            });
            done = reached;
            if !done {
                std::thread::sleep(ASK_EVERY);
            }
        }
        client.discard();
    }

    fn client(&self, shared: &Arc<Shared>) -> Option<Box<dyn Consumer>> {
        let settings = ConsumerSettings {
            name: "auditor".to_owned(),
            isolation: Isolation::ReadCommitted,
            fetch_wait: ASK_WITHIN,
            group: Some(GroupSettings {
                instance: None,
                max_poll_interval: None,
                auto_commit: None,
                ..self.group.clone()
            }),
        };
        let client = shared.library.consumer(&settings);
        client
            .inspect_err(|refusal| shared.line("auditor", &format!("cannot be made: {}", refusal.text)))
            .ok()
    }
}

fn ask_committed(shared: &Arc<Shared>, drain: &Drain) {
    let Some(mut client) = drain.client(shared) else {
        return;
    };
    let process = shared.scribe.process();
    let until = Instant::now() + LAST_WITHIN;
    loop {
        let op = shared.scribe.invoke(process, asked(&drain.keys));
        let (f, end) = look(&mut *client, &drain.keys, ASK_WITHIN);
        let answered = end == End::Ok;
        shared.scribe.end(process, op, f, end);
        if answered || Instant::now() >= until {
            break;
        }
        std::thread::sleep(ASK_EVERY);
    }
    client.discard();
}
