//! Takes away what runs left behind that were killed: by the labels alone, and only where the process is gone.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptions,
};

use super::engine::Engine;
use super::labels;

/// So often it is tried to remove a container.
const ATTEMPTS_MAX: u32 = 10;
/// And so long after the last time.
const REMOVE_AGAIN: Duration = Duration::from_millis(200);

/// What was taken away, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Containers.
    pub containers: Vec<String>,
    /// Networks.
    pub networks: Vec<String>,
    /// Directories that containers shared with Tribunal.
    pub directories: Vec<PathBuf>,
    /// Images that Tribunal made.
    pub images: Vec<String>,
}

impl Swept {
    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Takes away what is left of runs whose process is gone, and, where asked for, the images that Tribunal made and
/// that nothing uses. The engine is the one that a run would use.
pub fn sweep(images: bool) -> Result<Swept> {
    let engine = Engine::connect()?;
    let mut swept = sweep_runs(&engine)?;
    if images {
        swept.images = engine.block(remove_images).context("remove images")?;
    }
    Ok(swept)
}

/// The same for what is left of runs.
pub(super) fn sweep_runs(engine: &Engine) -> Result<Swept> {
    let mut swept = engine
        .block(remove_orphans)
        .context("sweep away what earlier runs left")?;
    let directories = std::mem::take(&mut swept.directories);
    for directory in directories.into_iter().chain(lost_directories()) {
        if fs::remove_dir_all(&directory).is_ok() {
            swept.directories.push(directory);
        }
    }
    Ok(swept)
}

async fn remove_orphans(docker: Docker) -> Result<Swept> {
    let mut swept = Swept::default();
    let mut directories = BTreeSet::new();
    let ours = HashMap::from([("label", vec![labels::RUN])]);
    let all = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&ours)
        .build();
    for container in docker.list_containers(Some(all)).await? {
        let labels = container.labels.unwrap_or_default();
        let (true, Some(id)) = (labels::is_orphan(&labels), container.id) else {
            continue;
        };
        remove_container(&docker, &id).await?;
        directories.extend(labels::scratch_of(&labels));
        let name = container
            .names
            .unwrap_or_default()
            .into_iter()
            .next()
            .unwrap_or(id);
        swept.containers.push(name.trim_start_matches('/').to_owned());
    }
    let all = ListNetworksOptionsBuilder::new().filters(&ours).build();
    for network in docker.list_networks(Some(all)).await? {
        let labels = network.labels.unwrap_or_default();
        let (true, Some(id)) = (labels::is_orphan(&labels), network.id) else {
            continue;
        };
        remove_network(&docker, &id).await?;
        directories.extend(labels::scratch_of(&labels));
        swept.networks.push(network.name.unwrap_or(id));
    }
    swept.directories = directories.into_iter().collect();
    Ok(swept)
}

async fn remove_images(docker: Docker) -> Result<Vec<String>> {
    let ours = HashMap::from([("label", vec![labels::IMAGE])]);
    let all = ListImagesOptionsBuilder::new().filters(&ours).build();
    let mut removed = Vec::new();
    for image in docker.list_images(Some(all)).await? {
        let name = image.repo_tags.into_iter().next().unwrap_or(image.id);
        // The engine refuses what a container uses.
        match docker.remove_image(&name, None::<RemoveImageOptions>, None).await {
            Ok(_) => removed.push(name),
            Err(Error::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => {}
            Err(error) => return Err(error).with_context(|| format!("remove the image {name}")),
        }
    }
    Ok(removed)
}

/// Removes a container and what runs in it; one that is gone already is no error.
pub(super) async fn remove_container(docker: &Docker, id: &str) -> Result<()> {
    let mut attempts = 1;
    loop {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = docker.remove_container(id, Some(options)).await;
        match &removed {
            // Podman does not know what to say of one that ends at this moment.
            Err(Error::DockerResponseServerError { status_code: 500, .. }) if attempts < ATTEMPTS_MAX => {
                attempts += 1;
                tokio::time::sleep(REMOVE_AGAIN).await;
            }
            _ => return gone(removed).with_context(|| format!("remove the container {id}")),
        }
    }
}

/// Removes a network; one that is gone already is no error.
pub(super) async fn remove_network(docker: &Docker, id: &str) -> Result<()> {
    let removed = docker.remove_network(id).await;
    gone(removed).with_context(|| format!("remove the network {id}"))
}

/// What is gone, or goes by itself at this moment, needs no removal.
fn gone(removed: Result<(), Error>) -> Result<()> {
    match removed {
        Err(Error::DockerResponseServerError { status_code, message })
            if status_code == 404 || (status_code == 409 && message.contains("already in progress")) =>
        {
            Ok(())
        }
        done => Ok(done?),
    }
}

/// Directories of ours that no container and no network tells of any more: their owner noted itself inside.
fn lost_directories() -> Vec<PathBuf> {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with(labels::SCRATCH_PREFIX)
    });
    let orphans = ours.filter(|entry| {
        let note = fs::read(entry.path().join(OWNER_FILE)).unwrap_or_default();
        serde_json::from_slice(&note).is_ok_and(|labels| labels::is_orphan(&labels))
    });
    orphans.map(|entry| entry.path()).collect()
}

/// Where a run's directory says whose it is, in the words of the labels.
pub(super) const OWNER_FILE: &str = "owner.json";
