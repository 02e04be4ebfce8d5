//! What lies at a path of the folder: a list, a campaign, a run that goes on, a file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::SystemTime;

use checkers::Validity;
use hyper::StatusCode;
use report::{LiveInput, Shelf, Shelved, ShelvedKind, Standing};

use super::answer::Answer;
use super::file::Opened;
use super::follow::Followers;
use super::path::{Refusal, Wanted, open, place};
use crate::commands::campaign::{PAGE, page_of};
use crate::directory::RunDirectory;
use crate::found::{self, CampaignFound, Found, Kind, found_in, is_campaign, is_run, quiet_seconds};

/// How often the page of a run that goes on is fetched anew, in seconds, …
const RUN_REFRESH: u32 = 2;
/// … and that of a campaign.
const CAMPAIGN_REFRESH: u32 = 5;
/// A run whose history was not written for so long does not go on.
const QUIET_SECONDS: u64 = 15;
/// Entries of a directory that are listed.
const FILES_MAX: usize = 5_000;

/// The folder that is served.
pub struct Site {
    root: PathBuf,
    address: SocketAddr,
    followers: Followers,
}

impl Site {
    /// Of a folder without links in its path.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            followers: Followers::default(),
        }
    }

    /// Where it is served.
    pub fn listens_on(&mut self, address: SocketAddr) {
        self.address = address;
    }

    /// The same.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What lies at a path. A page that is held is not fetched anew by itself.
    pub fn find(&self, wanted: &Wanted, is_held: bool) -> Result<Answer, Refusal> {
        let name = wanted.parts.last().map(String::as_str);
        let place = match place(&self.root, wanted) {
            Ok(place) => place,
            Err(Refusal::Missing) => return self.not_yet(wanted),
            Err(refusal) => return Err(refusal),
        };
        if place.is_dir() {
            return match name {
                // Links on a page are relative to its directory.
                Some(name) if !wanted.is_directory => {
                    Ok(Answer::Elsewhere(format!("{}/", report::encoded(name))))
                }
                _ => self.directory(&place, is_held),
            };
        }
        if wanted.is_directory {
            return Err(Refusal::Missing);
        }
        if let Some(dir) = place
            .parent()
            .filter(|dir| name == Some(PAGE) && is_campaign(dir))
        {
            // As it is now, and not as it was when it ended.
            return Ok(campaign(dir, is_held));
        }
        let (file, meta) = open(&self.root, &place)?;
        Ok(Answer::File(Box::new(Opened::new(file, meta, &place))))
    }

    /// Pages that are asked for before they are written: a campaign's is made, a run's is where it goes on.
    fn not_yet(&self, wanted: &Wanted) -> Result<Answer, Refusal> {
        let Some((name, above)) = wanted.parts.split_last().filter(|_| !wanted.is_directory) else {
            return Err(Refusal::Missing);
        };
        let above = Wanted {
            parts: above.to_vec(),
            is_directory: true,
        };
        let dir = place(&self.root, &above)?;
        match name.as_str() {
            PAGE if is_campaign(&dir) => Ok(campaign(&dir, false)),
            "report.html" if is_run(&dir) => Ok(Answer::Elsewhere("./".to_owned())),
            _ => Err(Refusal::Missing),
        }
    }

    fn directory(&self, dir: &Path, is_held: bool) -> Result<Answer, Refusal> {
        if is_campaign(dir) {
            return Ok(campaign(dir, is_held));
        }
        if is_run(dir) {
            return self.run(dir, is_held);
        }
        let found = found_in(dir).map_err(|_| Refusal::Forbidden)?;
        if dir == self.root || !found.is_empty() {
            return Ok(page(shelf(dir, dir != self.root, &found)));
        }
        files(dir)
    }

    fn run(&self, dir: &Path, is_held: bool) -> Result<Answer, Refusal> {
        let run = RunDirectory::open(dir).map_err(|_| Refusal::Missing)?;
        let files = files_of(&run);
        if run.verdict().is_file() {
            return Ok(match found::damage(dir) {
                Some(damage) => page(report::message_page("Damaged", &damaged(&damage), &files)),
                None if run.report().is_file() => Answer::Elsewhere("report.html".to_owned()),
                None => page(report::message_page(
                    "No page",
                    "The run was judged, and its page is not there: `tribunal report` writes it.",
                    &files,
                )),
            });
        }
        let follower = self.followers.of(dir);
        let mut follower = follower.lock().unwrap_or_else(PoisonError::into_inner);
        let history = run.history();
        if history.exists() {
            let (mut file, _) = open(&self.root, &history)?;
            follower.go_on(&mut file).map_err(|_| Refusal::Forbidden)?;
        }
        let quiet = quiet_seconds(dir);
        let is_over =
            quiet.is_some_and(|seconds| seconds >= QUIET_SECONDS) && follower.read >= follower.length;
        Ok(page(report::live_page(&LiveInput {
            name: &name_of(dir),
            run: &follower.run,
            read: (follower.read, follower.length),
            quiet_seconds: quiet,
            damage: follower.damage.as_deref(),
            refresh: (!is_held && !is_over && follower.damage.is_none()).then_some(RUN_REFRESH),
            files: &files,
        })))
    }
}

fn page(text: String) -> Answer {
    Answer::Page(StatusCode::OK, text)
}

fn damaged(what: &str) -> String {
    format!(
        "What lies here of the run is damaged: {what}. Where the history is whole, `tribunal report` judges it again."
    )
}

fn name_of(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().display().to_string()
}

fn campaign(dir: &Path, is_held: bool) -> Answer {
    match CampaignFound::read(dir) {
        Ok(found) => {
            let refresh = (found.goes_on && !is_held).then_some(CAMPAIGN_REFRESH);
            page(page_of(dir, &found, refresh))
        }
        Err(error) => {
            let what = format!("The campaign is damaged: {error:#}. Its runs lie below runs/.");
            page(report::message_page("Damaged", &what, &["runs/".to_owned()]))
        }
    }
}

/// The files of a run that are there.
fn files_of(run: &RunDirectory) -> Vec<String> {
    let mut files = run.files();
    files.push("report.html".to_owned());
    files.retain(|file| run.root().join(file).exists());
    files
}

fn shelf(dir: &Path, is_below: bool, found: &[Found]) -> String {
    let content: Vec<Shelved> = found.iter().map(shelved).collect();
    report::shelf_page(&Shelf {
        name: &name_of(dir),
        content: &content,
        is_below,
    })
}

fn shelved(found: &Found) -> Shelved {
    let name = found.name();
    Shelved {
        address: format!("./{}/", report::encoded(&name)),
        name,
        kind: if found.is_campaign {
            ShelvedKind::Campaign
        } else {
            ShelvedKind::Run
        },
        standing: standing(found),
        summary: found.summary.clone(),
        bytes: found.bytes,
        changed: time(found.changed),
    }
}

fn standing(found: &Found) -> Standing {
    match (found.kind, found.valid) {
        (Kind::Damaged, _) => Standing::Damaged,
        (Kind::Run, valid) => Standing::Judged(valid.unwrap_or(Validity::Unknown)),
        (Kind::Unfinished, _)
            if found.goes_on || quiet_seconds(&found.dir).is_some_and(|seconds| seconds < QUIET_SECONDS) =>
        {
            Standing::GoingOn
        }
        (Kind::Unfinished, _) => Standing::Unfinished,
        (Kind::Campaign, _) if found.goes_on => Standing::GoingOn,
        (Kind::Campaign, valid) => valid.map_or(Standing::Unfinished, Standing::Judged),
    }
}

fn time(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| String::new(), |time| time.to_string())
}

/// What lies in a directory that is neither a run's nor a campaign's.
fn files(dir: &Path) -> Result<Answer, Refusal> {
    let entries = fs::read_dir(dir).map_err(|_| Refusal::Forbidden)?;
    let mut files: Vec<(String, u64)> = entries
        .flatten()
        .take(FILES_MAX)
        .filter_map(|entry| {
            let name = entry
                .file_name()
                .into_string()
                .ok()
                .filter(|name| !name.starts_with('.'))?;
            let meta = entry.metadata().ok()?;
            Some((if meta.is_dir() { format!("{name}/") } else { name }, meta.len()))
        })
        .collect();
    files.sort();
    Ok(page(report::files_page(&name_of(dir), &files)))
}
