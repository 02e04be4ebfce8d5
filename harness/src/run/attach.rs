//! Before a run on somebody else's cluster: who that is, and whether what the plan asks for is allowed there.

use anyhow::{Context, Result, ensure};
use cluster::Attachment;
use cluster::kafka::attached::ClientProperties;
use tokio::runtime::{Builder, Runtime};

use crate::cli::{EnvironmentName, RunOptions};
use crate::directory::shown;
use crate::plan::{Resolved, Whereabouts};

fn runtime() -> Result<Runtime> {
    let built = Builder::new_current_thread().enable_all().build();
    built.context("start the runtime")
}

/// Refuses options of a cluster of somebody else's that do not go together.
pub fn check(options: &RunOptions) -> Result<()> {
    let attached = options.env == EnvironmentName::Attached;
    ensure!(
        !attached || options.bootstrap.is_some(),
        "--env attached: give the cluster's address with --bootstrap HOST:PORT"
    );
    let given = [
        ("--bootstrap", options.bootstrap.is_some()),
        ("--client-properties", options.client_properties.is_some()),
        ("--allow", !options.allow.is_empty()),
    ];
    let lonely = given.iter().find(|(_, given)| *given && !attached);
    ensure!(
        lonely.is_none(),
        "{}: this goes with --env attached",
        lonely.map_or("", |(name, _)| *name)
    );
    ensure!(
        !attached || options.nodes.is_none() && options.shape.is_none() && options.broker.is_none(),
        "--env attached: --broker, --nodes and --shape are what the cluster already is"
    );
    Ok(())
}

/// Finds the cluster, where it is somebody else's.
pub fn find(options: &RunOptions) -> Result<Whereabouts> {
    let Some(bootstrap) = options.bootstrap.as_deref() else {
        return Ok(Whereabouts::Ours);
    };
    let properties = match &options.client_properties {
        Some(file) => ClientProperties::read(file)?,
        None => ClientProperties::default(),
    };
    let attachment = runtime()?.block_on(Attachment::find(bootstrap, properties))?;
    Ok(Whereabouts::Others(Box::new(attachment), options.allow.clone()))
}

/// Refuses to write to topics that are there already, and says what of the plan means nothing there.
pub fn check_topics(resolved: &Resolved, attachment: &Attachment) -> Result<()> {
    let names: Vec<String> = resolved.topics().into_iter().map(|topic| topic.name).collect();
    let there = runtime()?.block_on(attachment.existing(&names))?;
    ensure!(
        there.is_empty(),
        "the cluster has the topics {} already: another run with seed {} is at work, or one was killed. Delete them, or take \
         another seed",
        there.join(", "),
        resolved.seed
    );
    for said in resolved.plan.says_in_vain() {
        eprintln!(
            "tribunal: the plan's `{said}` mean nothing here: the brokers are not Tribunal's to set up"
        );
    }
    Ok(())
}

/// What the run is made of: nothing of it is secret.
pub fn parts(attachment: &Attachment) -> Vec<(String, String)> {
    let mut parts = vec![
        ("environment".to_owned(), EnvironmentName::Attached.to_string()),
        ("cluster".to_owned(), attachment.cluster_id.clone()),
        ("spoken to in".to_owned(), attachment.spoken()),
    ];
    let brokers = attachment.brokers.iter();
    parts.extend(brokers.map(|remote| {
        (
            format!("broker {}", remote.node),
            format!("{}:{}", remote.host, remote.port),
        )
    }));
    let features = attachment.features.iter();
    parts.extend(features.map(|(name, level)| (name.clone(), level.to_string())));
    parts
}

/// What has to be given again for a replay.
pub fn again(options: &RunOptions) -> String {
    let bootstrap = options.bootstrap.as_ref();
    let bootstrap = bootstrap.map_or_else(String::new, |given| format!(" --bootstrap {given}"));
    let client = options.client_properties.as_ref();
    let client = client.map_or_else(String::new, |file| {
        format!(" --client-properties {}", shown(file))
    });
    bootstrap + &client
}
