//! From the client library's word on a transaction to `ok`, `fail` or `info`.
//!
//! An error says of itself what to do: a retriable one, which a time-out is, lets the same call be made again; an abortable one
//! lets the transaction be aborted, and once that is done it certainly did not happen; after a fatal one nobody knows
//! (KIP-360, and `rd_kafka_commit_transaction` of librdkafka).

use rdkafka::error::KafkaError;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Make the same call again.
    Again,
    /// Abort the transaction.
    Abort,
    /// Throw the client away.
    Discard,
}

/// What the error of a transactional call asks for.
pub(super) fn advice(error: &KafkaError) -> Advice {
    let error = match error {
        KafkaError::Transaction(error) => error,
        // What was sent before the end is not reported yet.
        KafkaError::Flush(_) => return Advice::Again,
        _ => return Advice::Discard,
    };
    if error.is_fatal() {
        Advice::Discard
    } else if error.txn_requires_abort() {
        Advice::Abort
    } else if error.is_retriable() {
        Advice::Again
    } else {
        Advice::Discard
    }
}
