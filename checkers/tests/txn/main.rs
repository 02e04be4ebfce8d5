//! Transactions on lists and registers: which anomalies are found, which are not, and how they are told.

mod bounds;
mod dsl;
mod levels;
mod lists;
mod mutations;
mod orders;
mod registers;
mod store;
mod stories;
