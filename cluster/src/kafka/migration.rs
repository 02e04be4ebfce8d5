//! The move of a running cluster of Kafka from `ZooKeeper` to its controllers (KIP-866).

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use history::{NodeId, Offset};

use super::config::Role;
use super::controllers::Controllers;
use super::launch::{ANSWER_WITHIN, Layout};
use super::node::Node;
use super::node_files::random_id;
use super::release::METADATA_VERSION;
use super::wire::Connection;
use super::zookeeper::{Client, Copied, cluster_id, copied};
use crate::{Migration, Mode, TakenOver};

/// How these nodes are moved.
pub(super) struct KafkaMigration {
    pub(super) controllers: Controllers,
    pub(super) layout: Arc<Layout>,
}

impl KafkaMigration {
    /// A session with any node of `ZooKeeper` that grants one.
    async fn zookeeper(&self) -> Result<Client> {
        let mut last = None;
        for node in &self.controllers.nodes {
            if node.role != Role::ZooKeeper {
                continue;
            }
            match Client::open(node.zookeeper(), ANSWER_WITHIN).await {
                Ok(client) => return Ok(client),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(error).context("ask ZooKeeper"),
            None => bail!("ask ZooKeeper: this cluster has none"),
        }
    }

    /// What the node is formatted with from now on; a controller that has nothing yet is formatted.
    async fn format(&self, node: &Node, mode: Mode) -> Result<()> {
        let is_controller = node.role.is_controller();
        if mode == Mode::ZooKeeper || !node.is_unformatted() || (mode == Mode::Both && !is_controller) {
            return Ok(());
        }
        // A broker that was formatted by ZooKeeper keeps what it has, and writes down that it is one of the quorum's.
        let id = match node.files.cluster_id() {
            Some(id) if !is_controller => id,
            _ => cluster_id(&mut self.zookeeper().await?, ANSWER_WITHIN).await?,
        };
        let format = self.layout.kraft_format(id);
        if is_controller {
            format.apply(&node.files, node.id(), &random_id())?;
        }
        node.set_format(format);
        Ok(())
    }
}

#[async_trait]
impl Migration for KafkaMigration {
    fn mode(&self, node: NodeId) -> Mode {
        self.layout.mode(node)
    }

    async fn change(&self, node: NodeId, mode: Mode) -> Result<()> {
        let node = self.controllers.node(node)?;
        let (id, version) = (node.id(), node.version());
        self.format(node, mode)
            .await
            .with_context(|| format!("format node {id}"))?;
        let before = self.layout.mode(id);
        let write = || {
            self.layout.set_mode(id, mode);
            let command = self.layout.write(id, &node.files, &version)?;
            Ok((version, command))
        };
        let changed = node.change_program(write).await;
        if changed.is_err() {
            self.layout.set_mode(id, before);
        }
        changed
    }

    async fn quorum(&self) -> Result<(NodeId, i32)> {
        let asked = |mut controller: Connection| async move { controller.quorum(ANSWER_WITHIN).await };
        let quorum = self.controllers.ask(asked).await?;
        Ok((quorum.leader, quorum.epoch))
    }

    async fn taken_over(&self) -> Result<Option<TakenOver>> {
        let held = copied(&mut self.zookeeper().await?, ANSWER_WITHIN).await?;
        Ok(held.and_then(taken_over))
    }

    async fn is_by_quorum(&self, broker: NodeId) -> Result<bool> {
        let node = self.controllers.node(broker)?;
        let connection = Connection::open(node.broker(), ANSWER_WITHIN).await;
        let connection = connection.with_context(|| format!("ask node {broker}"))?;
        Ok(connection.features().contains_key(METADATA_VERSION))
    }
}

/// The quorum has copied all that was there as soon as `ZooKeeper` names an offset of its log.
fn taken_over(held: Copied) -> Option<TakenOver> {
    let offset = Offset::try_from(held.offset).ok().filter(|offset| *offset > 0)?;
    Some(TakenOver {
        controller: NodeId::try_from(held.controller).ok()?,
        term: held.term,
        offset,
    })
}
