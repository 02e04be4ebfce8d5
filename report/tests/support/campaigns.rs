//! Campaigns to make pages of.

use std::collections::BTreeMap;

use checkers::Validity;
use history::{Event, History, What};
use report::{
    CampaignInput, CampaignRun, CampaignSummary, LiveInput, LiveRun, RunNote, RunState, Shelf, Shelved,
    ShelvedKind, Standing, TrendPoint, campaign_page, live_page, shelf_page,
};

use super::hostile::{self, ATTACK};

/// Two versions, two sizes, three faults, twice each: most as expected, one of each other kind.
pub fn summary() -> CampaignSummary {
    let mut runs = Vec::new();
    for broker in ["kafka-3.9.2", "kafka-4.4.0"] {
        for nodes in ["3", "5"] {
            for faults in ["kill", "pause", "cut"] {
                for repeat in 1..=2 {
                    let name = format!("{broker}_{nodes}_{faults}-r{repeat}");
                    runs.push(CampaignRun {
                        dir: format!("runs/{name}"),
                        name,
                        axes: axes(&[("broker", broker), ("nodes", nodes), ("faults", faults)]),
                        expect: "valid".to_owned(),
                        state: RunState::AsExpected,
                        seed: 7,
                        summary: "nothing was lost".to_owned(),
                        acknowledged: 1_000,
                        faults: 3,
                        seconds: 62.0,
                        ..CampaignRun::default()
                    });
                }
            }
        }
    }
    let mut set = |place: usize, state, summary: &str| {
        runs[place].state = state;
        summary.clone_into(&mut runs[place].summary);
    };
    set(2, RunState::Violation, "2 acknowledged writes were lost");
    set(9, RunState::Violation, "1 acknowledged write was lost");
    set(4, RunState::Unknown, "the final reads were not complete");
    set(13, RunState::Infrastructure, "a broker did not come up");
    set(17, RunState::Missed, "nothing was lost");
    set(23, RunState::NotMade, "it was not made");
    for (place, again) in [(2, 1), (9, 3)] {
        runs[place].lost = 2;
        runs[place].confirmed = Some((again, 3));
        runs[place].anomalies.insert("lost-write".to_owned(), 2);
    }
    "violation".clone_into(&mut runs[17].expect);
    runs[6].failures = 1;
    runs[13].failures = 3;
    runs[23].dir = String::new();
    CampaignSummary::new(
        "nightly".to_owned(),
        "what ships".to_owned(),
        42,
        "00ff".to_owned(),
        runs,
    )
}

fn axes(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values
        .iter()
        .map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned()))
        .collect()
}

/// Three nights before it, one of them damaged.
pub fn trend(summary: &CampaignSummary) -> Vec<TrendPoint> {
    let point = |day: u32, summary: Result<CampaignSummary, String>| TrendPoint {
        name: format!("nightly-{day}"),
        address: Some(format!("../nightly-{day}/index.html")),
        begun: Some(format!("2026-11-{day}T02:00:00Z")),
        is_this: day == 23,
        summary,
    };
    let good = |count| {
        let mut runs = summary.runs.clone();
        runs.retain(|run| run.state == RunState::AsExpected);
        runs.truncate(count);
        CampaignSummary::new(summary.name.clone(), String::new(), 1, String::new(), runs)
    };
    vec![
        point(20, Ok(good(18))),
        point(
            21,
            Err("read summary.json as a campaign's summary: EOF at line 3".to_owned()),
        ),
        point(22, Ok(good(12))),
        point(23, Ok(summary.clone())),
    ]
}

/// Two campaigns side by side that differ in a setting, one of whose values is hostile.
pub fn comparison() -> String {
    let with = |timeouts: &str| {
        let mut summary = summary();
        for run in &mut summary.runs {
            run.settings = [("timeouts".to_owned(), [timeouts.to_owned()].into())].into();
        }
        summary
    };
    let (here, before) = (
        with("tuned"),
        with("<img src=x onerror=\"document.title='pwned'\">"),
    );
    report::compare_page(&report::compare(("new", &here), ("old", &before)))
}

/// The page of this campaign, with a damaged run and one that goes on.
pub fn page() -> String {
    let summary = summary();
    let notes = BTreeMap::from([
        (
            summary.runs[0].name.clone(),
            RunNote::Damaged("verdict.json: EOF at line 1".to_owned()),
        ),
        (
            summary.runs[23].name.clone(),
            RunNote::GoingOn(format!("runs/{}", summary.runs[23].name)),
        ),
    ]);
    campaign_page(&CampaignInput {
        summary: &summary,
        begun: Some("2026-11-23T02:00:00.123Z"),
        notes: &notes,
        trend: &trend(&summary),
        is_live: false,
        refresh: None,
    })
}

/// A campaign whose every word is an attack.
pub fn hostile_page() -> String {
    let mut summary = summary();
    for text in [&mut summary.name, &mut summary.about] {
        ATTACK.clone_into(text);
    }
    for run in &mut summary.runs {
        run.name = format!("{}{ATTACK}", run.name);
        run.dir = format!("javascript:{ATTACK}");
        ATTACK.clone_into(&mut run.summary);
        run.axes = axes(&[("nodes", ATTACK), (ATTACK, "3")]);
        run.anomalies = run.anomalies.keys().map(|_| (ATTACK.to_owned(), 1)).collect();
    }
    let mut trend = trend(&summary);
    ATTACK.clone_into(&mut trend[0].name);
    trend[1].summary = Err(ATTACK.to_owned());
    trend[2].begun = Some(ATTACK.to_owned());
    let notes = BTreeMap::from([
        (summary.runs[0].name.clone(), RunNote::Damaged(ATTACK.to_owned())),
        (summary.runs[23].name.clone(), RunNote::GoingOn(ATTACK.to_owned())),
    ]);
    campaign_page(&CampaignInput {
        summary: &summary,
        begun: Some(ATTACK),
        notes: &notes,
        trend: &trend,
        is_live: true,
        refresh: Some(3_600),
    })
}

/// A folder with one of each kind.
pub fn shelf() -> String {
    let one = |name: &str, kind, standing, summary: &str| Shelved {
        name: name.to_owned(),
        address: format!("./{name}/"),
        kind,
        standing,
        summary: summary.to_owned(),
        bytes: 12 << 20,
        changed: "2026-11-23T02:00:00Z".to_owned(),
    };
    let content = [
        one(
            "good",
            ShelvedKind::Run,
            Standing::Judged(Validity::Valid),
            "nothing was lost",
        ),
        one(
            "bad",
            ShelvedKind::Run,
            Standing::Judged(Validity::Invalid),
            "2 acknowledged writes were lost",
        ),
        one(
            "odd",
            ShelvedKind::Run,
            Standing::Judged(Validity::Unknown),
            "nobody can say",
        ),
        one("now", ShelvedKind::Run, Standing::GoingOn, "no verdict yet"),
        one("half", ShelvedKind::Run, Standing::Unfinished, "no verdict"),
        one(
            "cut",
            ShelvedKind::Run,
            Standing::Damaged,
            "history.jsonl is missing",
        ),
        one(
            "nightly",
            ShelvedKind::Campaign,
            Standing::Judged(Validity::Valid),
            "24 of 24 runs came out as expected",
        ),
    ];
    shelf_page(&Shelf {
        name: "results",
        content: &content,
        is_below: false,
    })
}

/// A folder whose every word is an attack.
pub fn hostile_shelf() -> String {
    shelf_page(&Shelf {
        name: ATTACK,
        content: &[Shelved {
            name: ATTACK.to_owned(),
            address: format!("./{}/", report::encoded(ATTACK)),
            kind: ShelvedKind::Run,
            standing: Standing::Damaged,
            summary: ATTACK.to_owned(),
            bytes: 1,
            changed: ATTACK.to_owned(),
        }],
        is_below: true,
    })
}

/// The control run, as far as it had come after six of its seconds.
pub fn live() -> String {
    of_history(
        &super::acks1(),
        "20261123T020000-acks1-7",
        &["history.jsonl".to_owned()],
        None,
    )
}

/// A run that goes on in which everything that somebody else wrote is an attack.
pub fn hostile_live() -> String {
    of_history(&hostile::history(), ATTACK, &[ATTACK.to_owned()], Some(ATTACK))
}

fn of_history(history: &History, name: &str, files: &[String], damage: Option<&str>) -> String {
    let mut run = LiveRun::default();
    run.add(&Event {
        time: 0,
        what: What::Header(Box::new(history.header.clone())),
    });
    for event in history.events.iter().filter(|event| event.time < 6_000_000_000) {
        run.add(event);
    }
    live_page(&LiveInput {
        name,
        run: &run,
        read: (900, 1_000),
        quiet_seconds: Some(0),
        damage,
        refresh: Some(3_600),
        files,
    })
}
