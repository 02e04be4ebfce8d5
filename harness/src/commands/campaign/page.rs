//! The page of a campaign: what its directory and those beside it hold, handed to the one who writes pages.

use std::path::{Path, PathBuf};

use anyhow::Result;
use report::{CampaignInput, CampaignSummary, campaign_page};

use super::folder::Identity;
use super::trend;
use crate::directory::write_whole;
use crate::found::{CampaignFound, damaged_runs};

/// The page's file.
pub const PAGE: &str = "index.html";

/// Writes the page of a campaign that ended, or was ended.
pub fn write(root: &Path, identity: &Identity, summary: &CampaignSummary, more: &[PathBuf]) -> Result<()> {
    let page = campaign_page(&CampaignInput {
        summary,
        begun: identity.begun.as_deref(),
        notes: &damaged_runs(root, summary),
        trend: &trend::of(root, identity, summary, more),
        refresh: None,
        is_live: false,
    });
    write_whole(&root.join(PAGE), page.as_bytes())
}

/// The page of a campaign as its directory tells it now.
pub fn page_of(root: &Path, found: &CampaignFound, refresh: Option<u32>) -> String {
    campaign_page(&CampaignInput {
        summary: &found.summary,
        begun: found.identity.begun.as_deref(),
        notes: &found.notes,
        trend: &trend::of(root, &found.identity, &found.summary, &[]),
        refresh,
        is_live: found.goes_on,
    })
}
