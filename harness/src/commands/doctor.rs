//! `tribunal doctor`: what this machine can do, tried for real, and what to install for the rest.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::cli::DoctorOptions;
use crate::exit::{Exit, Failure};
use crate::machine;
use crate::print;

/// One thing that a run needs or likes.
#[derive(Debug, Serialize)]
struct Finding {
    name: String,
    ok: bool,
    /// Without it no run is possible here.
    needed: bool,
    detail: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    hint: String,
}

impl From<sandbox::Capability> for Finding {
    fn from(power: sandbox::Capability) -> Self {
        Self {
            name: power.name,
            ok: power.ok,
            needed: power.needed,
            detail: power.detail,
            hint: power.hint.unwrap_or_default(),
        }
    }
}

/// Memory that three brokers and their clients take, with room.
const MEMORY_MIB: u64 = 1_500;
/// Disk that a run takes, with room.
const DISK_MIB: u64 = 1_000;

/// Tries everything and prints it. Exits 4 where something that every run needs is missing.
pub fn doctor(options: &DoctorOptions) -> Result<Exit, Failure> {
    let powers = sandbox::probe().map_err(|error| Failure::infrastructure(error.into()))?;
    let mut findings: Vec<Finding> = powers.into_iter().map(Finding::from).collect();
    findings.push(java());
    findings.push(cache());
    findings.push(memory());
    findings.push(disk());
    if options.json {
        let text = serde_json::to_string_pretty(&findings)
            .context("findings always have a form in JSON")
            .map_err(Failure::infrastructure)?;
        print::data(&text).map_err(Failure::infrastructure)?;
    } else {
        print::data(&render(&findings)).map_err(Failure::infrastructure)?;
    }
    let able = findings.iter().all(|finding| finding.ok || !finding.needed);
    eprintln!(
        "{}",
        if able {
            "this machine can run Tribunal"
        } else {
            "this machine cannot run Tribunal yet: see above; `tribunal run --broker sim` needs none of it"
        }
    );
    Ok(if able { Exit::Valid } else { Exit::Infrastructure })
}

fn java() -> Finding {
    let found = cluster::kafka::Java::find();
    Finding {
        name: "java".to_owned(),
        ok: found.is_ok(),
        needed: true,
        detail: match &found {
            Ok(java) => format!("{} at {}", java.build, java.program.display()),
            Err(error) => format!("{error:#}"),
        },
        hint: String::new(),
    }
}

fn cache() -> Finding {
    let outcome = cluster::kafka::cache_directory().and_then(|cache| {
        std::fs::create_dir_all(&cache).with_context(|| format!("create {}", cache.display()))?;
        Ok(cache)
    });
    Finding {
        name: "cache".to_owned(),
        ok: outcome.is_ok(),
        needed: true,
        detail: outcome.map_or_else(|error| format!("{error:#}"), |cache| cache.display().to_string()),
        hint: "TRIBUNAL_CACHE names another directory".to_owned(),
    }
}

fn memory() -> Finding {
    let free = machine::memory_available().map(|bytes| bytes >> 20);
    Finding {
        name: "memory".to_owned(),
        ok: free.is_none_or(|free| free >= MEMORY_MIB),
        needed: false,
        detail: free.map_or_else(|| "unknown".to_owned(), |free| format!("{free} MiB available")),
        hint: format!("three brokers take about {MEMORY_MIB} MiB"),
    }
}

fn disk() -> Finding {
    let here = nix_free_mib(Path::new("."));
    Finding {
        name: "disk".to_owned(),
        ok: here.is_none_or(|free| free >= DISK_MIB),
        needed: false,
        detail: here.map_or_else(|| "unknown".to_owned(), |free| format!("{free} MiB free here")),
        hint: format!(
            "a run takes up to {DISK_MIB} MiB below {}/",
            crate::directory::RESULTS
        ),
    }
}

fn nix_free_mib(path: &Path) -> Option<u64> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).ok()?;
    let mut stats = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is a C string, and the kernel fills the whole structure where it returns 0.
    let stats = unsafe {
        if libc::statvfs(path.as_ptr(), stats.as_mut_ptr()) != 0 {
            return None;
        }
        stats.assume_init()
    };
    Some(stats.f_bavail * stats.f_frsize / (1024 * 1024))
}

fn render(findings: &[Finding]) -> String {
    let width = findings
        .iter()
        .map(|finding| finding.name.len())
        .max()
        .unwrap_or(0);
    let mut lines = Vec::new();
    for finding in findings {
        let mark = match (finding.ok, finding.needed) {
            (true, _) => "ok      ",
            (false, true) => "MISSING ",
            (false, false) => "without ",
        };
        lines.push(format!("{mark} {:width$}  {}", finding.name, finding.detail));
        if !finding.ok && !finding.hint.is_empty() {
            lines.push(format!("{:9}{:width$}  → {}", "", "", finding.hint));
        }
    }
    lines.join("\n")
}
