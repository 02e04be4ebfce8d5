//! Which brokers are registered with the controllers, and the end of a registration.

use std::time::Duration;

use history::NodeId;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, UnregisterBrokerRequest};

use super::ask::node;
use super::wire::{Connection, WireError};
use crate::RegisteredBroker;

/// From this version on `DescribeCluster` names brokers that are fenced too (KIP-1073, Kafka 4.0).
const NAMES_FENCED: i16 = 2;

/// Kafka's code that is no error to us.
mod code {
    pub(super) const BROKER_ID_NOT_REGISTERED: i16 = 102;
}

impl Connection {
    /// The brokers that this one knows, in order; fenced ones too where its version names them.
    pub(super) async fn registered(&mut self, within: Duration) -> Result<Vec<RegisteredBroker>, WireError> {
        let fenced_too = self.version::<DescribeClusterRequest>()? >= NAMES_FENCED;
        let request = DescribeClusterRequest::default().with_include_fenced_brokers(fenced_too);
        let answer = self.call(&request, within).await?;
        WireError::check_told(answer.error_code, answer.error_message, || {
            "DescribeCluster".to_owned()
        })?;
        let known = answer.brokers.into_iter().filter_map(|broker| {
            Some(RegisteredBroker {
                node: node(broker.broker_id)?,
                fenced: broker.is_fenced,
            })
        });
        let mut known: Vec<RegisteredBroker> = known.collect();
        known.sort_unstable();
        Ok(known)
    }

    /// Ends a broker's registration. Where it has none, that is no error.
    pub(super) async fn unregister(&mut self, node: NodeId, within: Duration) -> Result<(), WireError> {
        let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(node as i32));
        let answer = self.call(&request, within).await?;
        if answer.error_code == code::BROKER_ID_NOT_REGISTERED {
            return Ok(());
        }
        WireError::check_told(answer.error_code, answer.error_message, || {
            "UnregisterBroker".to_owned()
        })
    }
}
