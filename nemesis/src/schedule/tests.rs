//! Schedules from a seed: what is drawn, what stays as it is, and what is refused.

mod mixes;
mod plain;
mod refused;

use serde::{Deserialize, Serialize};

use crate::{NemesisConfig, Step};

const NODES: [u32; 3] = [1, 2, 3];
const KEYS: u32 = 4;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plan {
    nemesis: NemesisConfig,
}

fn plan(text: &str) -> NemesisConfig {
    toml::from_str::<Plan>(text).expect("a plan").nemesis
}

fn resolve(text: &str, seed: u64) -> Vec<Step> {
    plan(text).resolve(seed, &NODES, KEYS).expect("a schedule")
}

/// The text is refused as TOML, at this line, with this in the message.
#[track_caller]
fn check_refused(text: &str, line: usize, part: &str) {
    let error = toml::from_str::<Plan>(text).expect_err(text).to_string();
    assert!(
        error.contains(&format!("line {line},")) && error.contains(part),
        "{error}"
    );
}

/// The plan is well formed, and yet does not resolve.
#[track_caller]
fn check_invalid(text: &str, expected: &str) {
    let invalid = plan(text).resolve(1, &NODES, KEYS).expect_err(text);
    assert_eq!(invalid.to_string(), expected);
}
