//! The list of checks.

use checkers::LIST;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may look which files there are")]
fn every_file_is_in_the_list() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/checks");
    let files = std::fs::read_dir(folder).expect("the checks have a folder");
    let mut files: Vec<String> = files
        .map(|file| {
            file.expect("its files can be listed")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .collect();
    files.sort();
    let mut names: Vec<&str> = LIST.iter().map(|check| check.name).collect();
    names.sort_unstable();
    assert_eq!(files, names);
}

#[test]
fn every_check_says_what_it_is_for() {
    let docs: Vec<String> = LIST
        .iter()
        .map(|check| format!("{}: {}", check.name, check.doc()))
        .collect();
    insta::assert_snapshot!(docs.join("\n"), @r##"
    assumptions: The history is well formed, so that what the other checks read in it can be trusted.
    effect: The run put something to the test: enough was acknowledged, every required fault bit, and the schedule ran to its end.
    log: Every acknowledged write is in the log once, at one offset, and every client reads the log in its order.
    ordering: What one producer wrote to a partition stands there in the order in which it was written.
    txn: No operation depends on itself, by what clients sent and read and by the order in which they did it.
    transactions: No transaction stays open for ever: once the clients have ended, every partition is decided up to its end.
    groups: Members of a consumer group read every record at least once, and what they committed stays committed.
    eos: Every record of the first topic became exactly one record of the second, in order.
    bank: Money is moved, and none is made or lost: the total of all accounts stays what it was.
    queue: A share group delivers each record until somebody's word on it is confirmed, and never after that.
    retention: What brokers remove by themselves is what they may remove: by age or size from the log's start on, or because a newer record of its key follows.
    timestamps: Brokers give records their times, which never change, and find records by them.
    replicas: After the run every replica holds the same records in the same epochs below the lowest high watermark: as it serves them itself, and as they lie on its disk.
    leadership: A partition has one leader in each epoch, and no broker process ever goes back to an earlier epoch.
    controllers: The controllers' quorum has one leader in each term, no controller process ever goes back to an earlier term, and what was committed is the same on all nodes.
    metrics: The brokers' own metrics against what was seen of them: one that certainly lies is a finding.
    liveness: While the faults are within what the configuration tolerates, each partition that clients write to makes progress.
    availability: How long each fault kept each partition from being written and read, from a leader and from all its replicas.
    "##);
}
