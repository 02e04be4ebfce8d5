//! Earlier campaigns of the same name: those in the same folder, and where else one is told to look.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use report::{CampaignSummary, TrendPoint, encoded};
use serde::Deserialize;

use super::folder::{IDENTITY, Identity};
use super::page::PAGE;
use super::summary::SUMMARY;
use crate::campaign::Part;
use crate::directory::shown;
use crate::found::read_summary;

/// A folder with more entries than this is no folder of campaigns.
const ENTRIES_MAX: usize = 100_000;

/// What tells a campaign from others, of its `campaign.json`: its runs need not be read.
#[derive(Deserialize)]
struct Head {
    name: String,
    #[serde(default)]
    begun: Option<String>,
    #[serde(default)]
    part: Option<Part>,
}

/// Refuses a place to look at that is not there.
pub fn check(places: &[PathBuf]) -> Result<()> {
    for place in places {
        if !place.is_dir() {
            bail!(
                "--trend {} is no directory: name a campaign's, or a folder of such",
                shown(place)
            );
        }
    }
    Ok(())
}

/// This campaign and the earlier ones of its name, in the order of their times. Parts are left out: the whole that they were merged to counts.
pub fn of(root: &Path, identity: &Identity, summary: &CampaignSummary, more: &[PathBuf]) -> Vec<TrendPoint> {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let mut dirs = Vec::new();
    for place in root.parent().into_iter().chain(more.iter().map(PathBuf::as_path)) {
        collect(place, &mut dirs);
    }
    dirs.sort();
    dirs.dedup();
    dirs.retain(|dir| *dir != root);
    let mut points: Vec<TrendPoint> = dirs
        .iter()
        .filter_map(|dir| point(dir, &root, &identity.name))
        .collect();
    points.push(TrendPoint {
        name: name_of(&root),
        address: None,
        begun: identity.begun.clone().or_else(|| changed(&root.join(IDENTITY))),
        is_this: true,
        summary: Ok(summary.clone()),
    });
    points.sort_by(|one, other| (&one.begun, &one.name).cmp(&(&other.begun, &other.name)));
    points
}

/// A place's own directory, or those in it.
fn collect(place: &Path, dirs: &mut Vec<PathBuf>) {
    let is_campaign = |dir: &Path| [IDENTITY, SUMMARY].iter().any(|name| dir.join(name).is_file());
    let Ok(place) = place.canonicalize() else { return };
    if is_campaign(&place) {
        dirs.push(place);
        return;
    }
    let entries = fs::read_dir(&place).into_iter().flatten().flatten();
    let entries = entries.take(ENTRIES_MAX).map(|entry| entry.path());
    dirs.extend(entries.filter(|dir| !dir.is_symlink() && is_campaign(dir)));
}

/// A campaign of this name; one whose name cannot be read is told as damaged, since it may be one.
fn point(dir: &Path, root: &Path, name: &str) -> Option<TrendPoint> {
    let head = head(dir);
    let path = dir.join(SUMMARY);
    let summary = path.is_file().then(|| read_summary(&path));
    let known = match (&head, &summary) {
        (Ok(head), _) => Some(&head.name),
        (_, Some(Ok(summary))) => Some(&summary.name),
        _ => None,
    };
    if known.is_some_and(|known| known != name) || head.as_ref().is_ok_and(|head| head.part.is_some()) {
        return None;
    }
    let summary = match (&head, summary) {
        // An old summary that somebody kept alone has no other file.
        (Err(_), Some(Ok(summary))) if !dir.join(IDENTITY).exists() => Ok(summary),
        (Err(error), _) => Err(text(error)),
        (Ok(_), Some(summary)) => summary.map_err(|error| text(&error)),
        // What goes on, or was ended, came to nothing yet.
        (Ok(_), None) => return None,
    };
    Some(TrendPoint {
        name: name_of(dir),
        address: address(root, dir),
        begun: head
            .ok()
            .and_then(|head| head.begun)
            .or_else(|| changed(&dir.join(IDENTITY)))
            .or_else(|| changed(&path)),
        is_this: false,
        summary,
    })
}

fn head(dir: &Path) -> Result<Head> {
    let path = dir.join(IDENTITY);
    let bytes = fs::read(&path).with_context(|| format!("read {}", shown(&path)))?;
    serde_json::from_slice(&bytes).with_context(|| format!("read {} as a campaign", shown(&path)))
}

fn text(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

fn name_of(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().display().to_string()
}

/// When a file was written, of campaigns from before they said when they were begun.
fn changed(path: &Path) -> Option<String> {
    let time = fs::metadata(path).ok()?.modified().ok()?;
    Some(jiff::Timestamp::try_from(time).ok()?.to_string())
}

/// The way from one campaign's page to another's, where both lie in one tree.
fn address(from: &Path, to: &Path) -> Option<String> {
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = from.components().count() - common;
    let names = to.components().skip(common).map(|part| match part {
        Component::Normal(name) => name.to_str().map(encoded),
        _ => None,
    });
    let names: Option<Vec<String>> = names.collect();
    Some(format!("{}{}/{PAGE}", "../".repeat(up), names?.join("/")))
}

#[cfg(test)]
mod tests {
    use super::address;
    use std::path::Path;

    #[test]
    fn the_way_from_page_to_page() {
        let way = |from, to| address(Path::new(from), Path::new(to));
        assert_eq!(
            way("/r/new", "/r/old 1").as_deref(),
            Some("../old%201/index.html")
        );
        assert_eq!(
            way("/r/new", "/s/x/old").as_deref(),
            Some("../../s/x/old/index.html")
        );
    }
}
