//! The settings of the workload.

use history::Span;

use super::{Assignor, GroupConfig};
use crate::arena::assert_wrong;
use crate::client::GroupProtocol;

#[test]
fn what_contradicts_itself_is_refused() {
    assert_wrong(&GroupConfig::default().check(), &[]);
    let config = GroupConfig {
        members: 0,
        protocol: GroupProtocol::Consumer,
        assignor: Assignor::CooperativeSticky,
        crash_every: Some(Span::from_millis(1)),
        ..GroupConfig::default()
    };
    assert_wrong(
        &config.check(),
        &[
            ("members", "give 1 to 64"),
            ("crash-every", "give \"1s\""),
            ("assignor", "the broker shares partitions out"),
        ],
    );
}

#[test]
fn settings_of_its_producers_are_looked_at_too() {
    let config = GroupConfig {
        rate: 0,
        ..GroupConfig::default()
    };
    assert_wrong(&config.check(), &[("rate", "give 1")]);
}

#[test]
fn a_static_member_is_known_by_its_number() {
    let config = GroupConfig {
        static_members: true,
        ..GroupConfig::default()
    };
    assert_eq!(config.group(2).instance.as_deref(), Some("member-2"));
    assert_eq!(GroupConfig::default().group(2).instance, None);
}
