//! Cuts of links that one fault put in force, and what they dropped.

use anyhow::{Context, Result};
use cluster::{Cut, CutReport, Place};

use crate::fault::{Evidence, Scene};

/// The cuts of one fault.
#[derive(Debug, Default)]
pub(crate) struct Cutting {
    id: Option<u64>,
}

impl Cutting {
    /// Puts these cuts in force at one instant.
    pub(crate) fn cut(&mut self, scene: &Scene, cuts: &[Cut]) -> Result<()> {
        let links = scene
            .cluster
            .links()
            .context("this environment cannot cut links")?;
        self.id = Some(links.cut(cuts)?);
        Ok(())
    }

    /// Ends them, where they are in force, and says what they dropped.
    pub(crate) fn heal(&mut self, scene: &Scene) -> CutReport {
        match (self.id.take(), scene.cluster.links()) {
            (Some(id), Some(links)) => links.heal(id),
            _ => CutReport::default(),
        }
    }

    /// What was dropped, in words.
    pub(crate) fn describe(dropped: CutReport) -> String {
        format!("{} frames ({} bytes) dropped", dropped.frames, dropped.bytes)
    }

    /// The evidence of a fault that did nothing but cut.
    pub(crate) fn evidence(dropped: CutReport) -> Evidence {
        Evidence {
            bit: dropped.frames > 0,
            text: Self::describe(dropped),
        }
    }
}

/// Everything that goes from one place to another.
pub(crate) fn whole(from: Place, to: Place) -> Cut {
    Cut {
        from,
        to,
        destination_port: None,
        source_port: None,
    }
}
