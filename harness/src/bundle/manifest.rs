//! What a bundle says of itself, and what of that is believed.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use anyhow::{Result, anyhow, bail};
use checkers::Validity;
use serde::{Deserialize, Serialize};

/// What the manifest of a bundle calls its format.
pub const FORMAT: &str = "tribunal-bundle";
/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 1;
/// More files no run has.
const FILES_MAX: usize = 100_000;
/// What a name in a tar archive may have without extensions, which a bundle has none of.
const PATH_MAX: usize = 240;

/// The first member of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// At most [`VERSION`].
    pub version: u32,
    /// The version of Tribunal that made it.
    pub tribunal: String,
    /// The plan's name.
    pub plan: String,
    /// The seed.
    pub seed: u64,
    /// The broker and its version.
    pub broker: String,
    /// What the run came to, where it came to anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<Validity>,
    /// Why the run is damaged, where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<String>,
    /// What was left out to make it small.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// The other members, in their order.
    pub files: Vec<Member>,
}

/// A file of a run in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it lies below the run's directory.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 sum, in hexadecimal digits.
    pub sha256: String,
}

/// The part of a manifest that every version has.
#[derive(Deserialize)]
struct Claim {
    format: String,
    version: u32,
}

impl Manifest {
    /// Reads a manifest that anybody may have written.
    pub fn read(json: &[u8]) -> Result<Self> {
        let claim: Claim =
            serde_json::from_slice(json).map_err(|error| anyhow!("its manifest cannot be read: {error}"))?;
        if claim.format != FORMAT {
            bail!(
                "its manifest is none of a bundle: it names the format {:?}",
                claim.format
            );
        }
        if claim.version > VERSION {
            bail!(
                "it has version {} of the format, and this Tribunal reads up to {VERSION}: a newer one reads it",
                claim.version
            );
        }
        let manifest: Self =
            serde_json::from_slice(json).map_err(|error| anyhow!("its manifest cannot be read: {error}"))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<()> {
        if self.files.len() > FILES_MAX {
            bail!(
                "its manifest names {} files, and no run has so many",
                self.files.len()
            );
        }
        let mut seen = BTreeSet::new();
        for file in &self.files {
            check_path(&file.path)?;
            if !seen.insert(&file.path) {
                bail!("its manifest names {:?} twice", file.path);
            }
        }
        if self.bytes().is_none() {
            bail!("the sizes in its manifest are more than there can be");
        }
        Ok(())
    }

    /// What all files have together; nothing where that is no number.
    pub fn bytes(&self) -> Option<u64> {
        self.files
            .iter()
            .try_fold(0_u64, |sum, file| sum.checked_add(file.bytes))
    }
}

/// Refuses a path that does not lie below the directory that it is unpacked to.
pub fn check_path(path: &str) -> Result<()> {
    let plain = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    // What stands between slashes is taken by its letters: `a//b` and `a/./b` are `a/b` to the file system, and would be two files here.
    let parts = path
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..");
    if !plain || !parts || path.contains(['\\', '\0']) || path == super::MANIFEST {
        bail!("it holds {path:?}, which does not lie below a run's directory");
    }
    if path.len() > PATH_MAX || path.chars().any(char::is_control) {
        bail!("it holds {path:?}, which is no name that a run's file has");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_below_the_directory_are_taken() {
        for good in ["history.jsonl", "nodes/n1/logs/server.log", "a..b/...c"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        let long = "x".repeat(300);
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "./a",
            "a//b",
            "a/./b",
            "a/",
            "a\\b",
            "a\0b",
            "a\nb",
            "manifest.json",
            &long,
        ] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_manifest_of_another_kind_or_time_is_refused() {
        let manifest = |format: &str, version: u32, files: &str| {
            format!(
                r#"{{"format":"{format}","version":{version},"tribunal":"0","plan":"p","seed":1,"broker":"sim","files":[{files}]}}"#
            )
        };
        let file = r#"{"path":"a","bytes":18446744073709551615,"sha256":""}"#;
        let said = |text: String| Manifest::read(text.as_bytes()).map_err(|error| error.to_string());
        assert!(said(manifest(FORMAT, VERSION, file)).is_ok());
        for (text, part) in [
            (manifest("zip", 1, ""), "names the format"),
            (manifest(FORMAT, 2, ""), "a newer one reads it"),
            (manifest(FORMAT, 1, &format!("{file},{file}")), "twice"),
            (
                manifest(FORMAT, 1, &format!("{file},{}", file.replace("\"a\"", "\"b\""))),
                "more than there can be",
            ),
            ("{\"format\":".to_owned(), "cannot be read"),
        ] {
            let error = said(text).expect_err("it is refused");
            assert!(error.contains(part), "{error}");
        }
    }
}
