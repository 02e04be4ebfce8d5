//! Deletes the older records of a partition by request while it is written and read. What lay below the point is
//! gone by right, which the history says, so that no check calls it lost; what lies above it has to be there.

use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::DeleteError;
use history::{Deletion, DeletionStep, Impairment, Key, NodeId, Offset, What};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};

/// The records are deleted within this time, however often the leader changes.
const DELETED_WITHIN: Duration = Duration::from_secs(20);
/// The time between two requests.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Deletes records. Configured by the partition and how many of its records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DeleteRecords {
    /// The partition; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How much of what is committed, in percent.
    pub percent: u32,
}

impl Default for DeleteRecords {
    fn default() -> Self {
        Self { key: None, percent: 50 }
    }
}

#[async_trait]
impl FaultKind for DeleteRecords {
    fn needs(&self) -> &'static [Power] {
        &[Power::Admin]
    }

    fn is_destructive(&self) -> bool {
        true
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if !(1..=100).contains(&self.percent) {
            let reason = format!("{} % of a partition's records: give 1 to 100", self.percent);
            return Err(Invalid::new(&["percent"], reason));
        }
        self.key = Some(draw.key(self.key)?);
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        format!("the older {} % of {} deleted", self.percent, scene.key_or_all(self.key))
    }

    /// Whoever writes and reads goes on.
    fn impairs(&self, _: &[NodeId], _: &[NodeId]) -> Impairment {
        Impairment::default()
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let key = self.key.unwrap_or_default();
        let leader = scene.leader(key)?;
        Ok(Aim {
            nodes: vec![leader],
            detail: format!("{} (by its leader, node {leader})", self.describe(scene)),
            action: Box::new(Deleting {
                key,
                percent: self.percent,
                before: None,
                deleted: None,
            }),
        })
    }
}

struct Deleting {
    key: Key,
    percent: u32,
    /// Where the log began, and up to where it was committed.
    before: Option<(Offset, Offset)>,
    /// Below which point, and the low watermark that the leader answered with.
    deleted: Option<(Offset, Offset)>,
}

impl Deleting {
    /// Asks once. The history says so before it is asked: from then on records may be gone.
    async fn ask(&self, scene: &Scene, below: Offset) -> Result<Result<Offset, DeleteError>> {
        let key = self.key;
        let note = |step| scene.record(What::Deletion(Deletion { key, below, step }));
        note(DeletionStep::Asking)?;
        let answer = scene.admin()?.delete_records(&scene.partition(key), below).await;
        note(match &answer {
            Ok(low_watermark) => DeletionStep::Done {
                low_watermark: *low_watermark,
            },
            Err(DeleteError::Refused(reason)) => DeletionStep::Refused {
                reason: reason.clone(),
            },
            Err(DeleteError::Unknown(reason)) => DeletionStep::Unknown {
                reason: reason.clone(),
            },
        })?;
        Ok(answer)
    }

    /// The point below which as much is deleted as was asked for.
    fn point(&self, (start, committed): (Offset, Offset)) -> Offset {
        let share = i128::from(committed - start) * i128::from(self.percent) / 100;
        start + share as Offset
    }
}

#[async_trait]
impl Action for Deleting {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let until = Instant::now() + DELETED_WITHIN;
        let admin = scene.admin()?;
        let at = scene.partition(self.key);
        loop {
            let error = match admin.log_range(&at).await {
                Ok(range) => {
                    let before = *self.before.get_or_insert(range);
                    let below = self.point(before);
                    if below <= before.0 {
                        bail!("delete {} % of {at}: it holds offsets {before:?}", self.percent);
                    }
                    match self.ask(scene, below).await? {
                        Ok(low_watermark) => {
                            self.deleted = Some((below, low_watermark));
                            return Ok(());
                        }
                        Err(error) => anyhow::Error::from(error),
                    }
                }
                Err(error) => error,
            };
            if Instant::now() + AGAIN_AFTER >= until {
                return Err(error.context(format!("delete records of {at} within {DELETED_WITHIN:?}")));
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    /// What is deleted stays so.
    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let at = scene.partition(self.key);
        let (Some((start, committed)), Some((below, low_watermark))) = (self.before, self.deleted) else {
            return Ok(Evidence {
                bit: false,
                text: format!("no records of {at} are known to be deleted"),
            });
        };
        let (now, _) = scene.admin()?.log_range(&at).await?;
        Ok(Evidence {
            bit: now >= below && low_watermark >= below && below > start,
            text: format!(
                "{at} began at {start} and was committed up to {committed}; below {below} deleted: low watermark \
                 {low_watermark}, the log begins at {now}"
            ),
        })
    }
}
