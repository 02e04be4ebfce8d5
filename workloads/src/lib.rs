//! What clients do: generators and clients.
