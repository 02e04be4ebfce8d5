//! Swarm testing: a run without some kinds of fault finds what a run with all of them hides.
//!
//! Groce, Zhang, Eide, Chen, Regehr: "Swarm Testing" (ISSTA 2012): each feature is left out of a configuration with
//! a chance of a half.

use super::Ground;
use crate::draw::Stream;

/// The kinds that a coin of the seed switches off; the one that resists longest stays where all of them would go.
pub(super) fn off(swarm: bool, kinds: &[String], ground: Ground<'_>) -> Vec<String> {
    if !swarm {
        return Vec::new();
    }
    let mut drawn: Vec<(bool, u64, &String)> = kinds
        .iter()
        .map(|kind| {
            let mut draw = ground.draw(Stream::Swarm { kind });
            (draw.coin(), draw.wish(1), kind)
        })
        .collect();
    if drawn.iter().all(|(on, ..)| !on)
        && let Some(last) = drawn.iter_mut().max_by_key(|(_, wish, _)| *wish)
    {
        last.0 = true;
    }
    let off = drawn.into_iter().filter(|(on, ..)| !on);
    off.map(|(.., kind)| kind.clone()).collect()
}
