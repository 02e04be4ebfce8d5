//! What is inside of a node's container: an image that someone made, one built on a base, or this host's own programs.
//!
//! The last needs no registry and no build, so it is what is used where nothing else is asked for: an image of a few
//! empty directories, over which the host's `/usr` and a few files of `/etc` are mounted, for reading alone.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bollard::models::{Mount, MountType};
use bollard::query_parameters::{BuildImageOptionsBuilder, CreateImageOptionsBuilder};
use bollard::{Docker, body_full};
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::labels::IMAGE;

/// Names an image that is there already.
pub(super) const IMAGE_VARIABLE: &str = "TRIBUNAL_DOCKER_IMAGE";
/// Names a base that `docker/Dockerfile` is built on.
pub(super) const BASE_VARIABLE: &str = "TRIBUNAL_DOCKER_BASE";
/// What is built on a base.
const DOCKERFILE: &str = include_str!("../../../docker/Dockerfile");
/// What an engine says of the Dockerfile's first command, to which it comes once it has the base.
const BASE_IS_THERE: &str = ": RUN ";
/// Where the images that we make are.
const REPOSITORY: &str = "tribunal-node";
/// Where programs and libraries are; on most systems all but the first are links into it.
const PROGRAMS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// What programs read of `/etc`: nothing secret, and only what is there.
const SETTINGS: [&str; 9] = [
    "alternatives",
    "ssl",
    "pki",
    "crypto-policies",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "passwd",
    "group",
];
/// How the settings of Java begin there.
const JAVA_SETTINGS: &str = "java";

/// Where the inside of the containers comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Image {
    /// The host's own programs, mounted for reading alone.
    #[default]
    Host,
    /// This image, which is there already.
    Named(String),
    /// What `docker/Dockerfile` makes of this base.
    Base(String),
}

impl Image {
    /// What the environment variables `TRIBUNAL_DOCKER_IMAGE` and `TRIBUNAL_DOCKER_BASE` ask for.
    pub fn from_environment() -> Result<Self> {
        let get = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (get(IMAGE_VARIABLE), get(BASE_VARIABLE)) {
            (Some(_), Some(_)) => {
                bail!("choose an image: {IMAGE_VARIABLE} and {BASE_VARIABLE} are both set; leave one out")
            }
            (Some(image), None) => Ok(Self::Named(image)),
            (None, Some(base)) => Ok(Self::Base(base)),
            (None, None) => Ok(Self::Host),
        }
    }

    /// Makes sure that it is there; gives the name by which the engine knows it, and what to mount over it.
    pub(super) async fn make(self, docker: Docker) -> Result<(String, Vec<Mount>)> {
        match self {
            Self::Host => {
                let layout = Layout::of(Path::new("/"));
                let name = import(&docker, &layout).await?;
                Ok((name, layout.mounts()))
            }
            Self::Named(image) => {
                let found = docker.inspect_image(&image).await;
                found.with_context(|| {
                    format!("find the image {image} ({IMAGE_VARIABLE}); pull it, or build it with docker/Dockerfile")
                })?;
                Ok((image, Vec::new()))
            }
            Self::Base(base) => Ok((build(&docker, &base).await?, Vec::new())),
        }
    }
}

impl std::fmt::Display for Image {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host => formatter.write_str("this host's own programs, mounted read-only"),
            Self::Named(image) => write!(formatter, "the image {image}"),
            Self::Base(base) => write!(formatter, "docker/Dockerfile on {base}"),
        }
    }
}

/// How the host's programs are laid out below its root.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    /// Links, and where they lead.
    links: BTreeMap<String, PathBuf>,
    /// What is mounted.
    mounted: Vec<PathBuf>,
}

impl Layout {
    fn of(root: &Path) -> Self {
        let mut layout = Self {
            links: BTreeMap::new(),
            mounted: Vec::new(),
        };
        for name in PROGRAMS {
            let path = root.join(name);
            match fs::read_link(&path) {
                Ok(target) => {
                    layout.links.insert(name.to_owned(), target);
                }
                Err(_) if path.is_dir() => layout.mounted.push(path),
                Err(_) => {}
            }
        }
        let settings = root.join("etc");
        let entries = fs::read_dir(&settings).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        let wanted = names.into_iter().filter(|name| is_wanted(name));
        layout.mounted.extend(wanted.map(|name| settings.join(name)));
        layout
    }

    fn mounts(&self) -> Vec<Mount> {
        self.mounted.iter().map(|path| bind(path, true)).collect()
    }

    /// The image's files: empty directories and the links.
    fn archive(&self) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, mode) in [
            ("etc", 0o755),
            ("run", 0o755),
            ("root", 0o700),
            ("usr", 0o755),
            ("tmp", 0o1777),
        ] {
            let mut header = header(tar::EntryType::Directory, mode);
            archive.append_data(&mut header, format!("{name}/"), std::io::empty())?;
        }
        for (name, target) in &self.links {
            let mut header = header(tar::EntryType::Symlink, 0o777);
            archive.append_link(&mut header, name, target)?;
        }
        archive.into_inner().context("write an image")
    }
}

fn is_wanted(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(JAVA_SETTINGS) || SETTINGS.contains(&name.as_ref())
}

fn header(kind: tar::EntryType, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(0);
    header
}

/// A directory or a file of the host, at its own path.
pub(super) fn bind(path: &Path, read_only: bool) -> Mount {
    let path = path.display().to_string();
    Mount {
        target: Some(path.clone()),
        source: Some(path),
        typ: Some(MountType::BIND),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

/// Makes the image of a host's layout, unless it is there.
async fn import(docker: &Docker, layout: &Layout) -> Result<String> {
    let archive = layout.archive()?;
    let name = format!("{REPOSITORY}:host-{}", digest(&archive));
    if docker.inspect_image(&name).await.is_ok() {
        return Ok(name);
    }
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        // With its tag in it: Podman does not look at one that stands by itself.
        .repo(&name)
        .changes(vec![format!("LABEL {IMAGE}=host")])
        .build();
    let mut steps = Box::pin(docker.create_image(Some(options), Some(body_full(archive.into())), None));
    while let Some(step) = steps.next().await {
        let step = step.context("import the image of this host's programs")?;
        if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
            bail!("import the image of this host's programs: {error}");
        }
    }
    Ok(name)
}

/// Builds what is on a base, unless it is there.
async fn build(docker: &Docker, base: &str) -> Result<String> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut file = header(tar::EntryType::Regular, 0o644);
    file.set_size(DOCKERFILE.len() as u64);
    archive.append_data(&mut file, "Dockerfile", DOCKERFILE.as_bytes())?;
    let archive = archive.into_inner().context("write a Dockerfile")?;
    let name = format!(
        "{REPOSITORY}:base-{}",
        digest(format!("{base}\n{DOCKERFILE}").as_bytes())
    );
    let options = BuildImageOptionsBuilder::new()
        .dockerfile("Dockerfile")
        .t(&name)
        .rm(true)
        .forcerm(true)
        .buildargs(&HashMap::from([("BASE", base)]))
        .labels(&HashMap::from([(IMAGE, base)]))
        .build();
    let failed = |said: &str| {
        format!(
            "build docker/Dockerfile on {base} ({BASE_VARIABLE}){}",
            tail(said)
        )
    };
    let (mut steps, mut said) = (
        Box::pin(docker.build_image(options, None, Some(body_full(archive.into())))),
        String::new(),
    );
    while let Some(step) = steps.next().await {
        let step = step.with_context(|| failed(&said))?;
        said.push_str(step.stream.as_deref().unwrap_or_default());
        if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
            bail!("{}: {error}", failed(&said));
        }
    }
    Ok(name)
}

/// The last lines of what a build said, and what to do where it did not come to have its base.
fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(5)..];
    let hint = if said.contains(BASE_IS_THERE) {
        ""
    } else {
        "; where no registry of images can be reached, docker/base makes a base by debootstrap"
    };
    match last {
        [] => hint.to_owned(),
        _ => format!("{hint}; it last said:\n{}", last.join("\n")),
    }
}

/// Some digits that name a content.
fn digest(content: &[u8]) -> String {
    let sum = Sha256::digest(content);
    let mut text = String::new();
    for byte in sum.iter().take(6) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_that_cannot_be_had_is_told_from_one_that_does_not_do() {
        let begun = "Step 1/3 : ARG BASE=debian:12-slim\nStep 2/3 : FROM ${BASE}";
        assert!(tail(begun).contains("docker/base"), "{}", tail(begun));
        let further = format!("{begun}\n ---> 298bf0d86a18\nStep 3/3 : RUN if");
        assert!(!tail(&further).contains("docker/base"), "{}", tail(&further));
        assert!(tail(&further).ends_with("Step 3/3 : RUN if"));
    }

    #[test]
    fn a_hosts_layout_is_links_and_mounts_and_nothing_secret() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for name in ["usr/bin", "lib64", "etc/ssl", "etc/java-17-openjdk", "etc/ssh"] {
            fs::create_dir_all(root.path().join(name)).expect("writable");
        }
        fs::write(root.path().join("etc/shadow"), "secret").expect("writable");
        std::os::unix::fs::symlink("usr/bin", root.path().join("bin")).expect("writable");
        let layout = Layout::of(root.path());
        assert_eq!(
            layout.links,
            BTreeMap::from([("bin".to_owned(), "usr/bin".into())])
        );
        let expected = ["usr", "lib64", "etc/java-17-openjdk", "etc/ssl"];
        assert_eq!(layout.mounted, expected.map(|name| root.path().join(name)));
        assert!(layout.mounts().iter().all(|mount| mount.read_only == Some(true)));
        let archive = layout.archive().expect("written");
        let mut archive = tar::Archive::new(archive.as_slice());
        let links = archive.entries().expect("readable").filter(|entry| {
            let entry = entry.as_ref().expect("readable");
            entry.header().entry_type() == tar::EntryType::Symlink
        });
        assert_eq!(links.count(), 1);
    }
}
