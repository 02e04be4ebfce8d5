//! `tribunal serve` from the real command line, and what is damaged, wherever results are shown: asked over raw sockets, since a client
//! would put right what an attacker does not.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::Bench;

/// Longer than any answer takes, also beside other tests.
const DEADLINE: Duration = Duration::from_secs(60);

const PLAN: &str = "
name = \"short\"
broker = \"sim\"
nemesis = \"none\"
[limits]
minimum-acknowledged = 10
steady = \"1s\"
recover = \"1s\"
[[topics]]
name = \"log\"
partitions = 1
[workload.log]
producers = 1
consumers = 1
rate = 50
";

const CAMPAIGN: &str =
    "name = \"nightly\"\nplan = \"short.toml\"\nseed = 1\nrepeats = 2\n[matrix]\nnodes = [3, 5]\n";

/// A server that is ended with the test.
struct Served {
    child: Child,
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer as it came over the wire.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Served {
    fn start(bench: &Bench) -> Self {
        let mut child = bench
            .command(&["serve", "results", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary can be started");
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line
            .trim()
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix('/'));
        let address = address
            .unwrap_or_else(|| panic!("{line:?} is no address"))
            .to_owned();
        Self { child, address }
    }

    /// Sends these bytes, and hands out what comes back until the other side ends.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a time can be set");
        stream.write_all(request).expect("it can be sent");
        let mut answer = Vec::new();
        // Who refuses may end the connection at once.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        let answer = self.raw(request.as_bytes());
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{path}: {answer:?}"));
        Answer {
            status: status(head),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }
}

fn status(head: &str) -> u16 {
    let word = head.split(' ').nth(1).unwrap_or_default();
    word.parse().unwrap_or_else(|_| panic!("{head:?} is no answer"))
}

/// A bench with one run in results/.
fn with_run() -> Bench {
    let bench = Bench::new();
    bench.file("short.toml", PLAN);
    run(&bench, "good");
    bench
}

fn run(bench: &Bench, name: &str) {
    let ran = bench.run(&[
        "run",
        "short.toml",
        "--seed",
        "1",
        "--out",
        &format!("results/{name}"),
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

fn campaign(bench: &Bench, out: &str) {
    bench.file("campaign.toml", CAMPAIGN);
    let ran = bench.run(&["campaign", "campaign.toml", "--out", out]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

fn cut(path: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("it is there");
    let length = file.metadata().expect("it is there").len();
    file.set_len(length - bytes).expect("it can be cut");
}

#[test]
fn runs_and_campaigns_are_listed_and_lead_to_their_pages() {
    let bench = with_run();
    campaign(&bench, "results/nightly-1");
    let served = Served::start(&bench);
    let list = served.get("/");
    assert_eq!(list.status, 200);
    for words in [
        "href=\"./good/\"",
        "href=\"./nightly-1/\"",
        "4 of 4 runs came out as expected",
    ] {
        assert!(list.body.contains(words), "{words}");
    }
    for (header, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "deny"),
    ] {
        assert!(
            list.head.contains(&format!("\r\n{header}: {value}")),
            "{}",
            list.head
        );
    }
    assert!(list.head.contains("frame-ancestors 'none'"), "{}", list.head);
    for (path, address) in [("/good", "good/"), ("/good/", "report.html")] {
        let moved = served.get(path);
        assert_eq!(moved.status, 302);
        assert!(
            moved.head.contains(&format!("\r\nlocation: {address}\r\n")),
            "{}",
            moved.head
        );
    }
    let report = served.get("/good/report.html");
    let lies = fs::read_to_string(bench.path().join("results/good/report.html")).expect("it is there");
    assert_eq!((report.status, report.body == lies), (200, true));
    let page = served.get("/nightly-1/");
    assert!(page.body.contains("href=\"runs/nodes-3-r1/report.html\""));
    assert_eq!(served.get("/nightly-1/runs/nodes-3-r1/report.html").status, 200);
    // What the reader has is not sent again.
    let tag = report
        .head
        .split("etag: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next());
    let known = served.ask(
        "GET",
        "/good/report.html",
        &format!("If-None-Match: {}\r\n", tag.expect("it has a tag")),
    );
    assert_eq!((known.status, known.body.len()), (304, 0));
    let head = served.ask("HEAD", "/good/history.jsonl", "");
    assert!(
        head.head.contains("content-type: text/plain") && head.body.is_empty(),
        "{}",
        head.head
    );
    let length = fs::metadata(bench.path().join("results/good/history.jsonl"))
        .expect("it is there")
        .len();
    assert!(
        head.head.contains(&format!("content-length: {length}")),
        "{}",
        head.head
    );
}

#[test]
fn nothing_outside_the_folder_is_given_out() {
    let bench = with_run();
    bench.file("secret", "secret");
    bench.file("results/.hidden", "secret");
    let results = bench.path().join("results");
    for (to, link) in [
        ("../secret".to_owned(), "out"),
        ("..".to_owned(), "up"),
        (bench.path().join("secret").display().to_string(), "absolute"),
        (".hidden".to_owned(), "shown"),
    ] {
        std::os::unix::fs::symlink(to, results.join(link)).expect("it can be made");
    }
    let served = Served::start(&bench);
    let mut told = String::new();
    for path in [
        "/../secret",
        "/good/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/..%5csecret",
        "//secret",
        "/good//report.html",
        "/./good/",
        "/secret%00",
        "/.hidden",
        "/%2ehidden",
        "/out",
        "/up/secret",
        "/up/",
        "/absolute",
        "/shown",
        "/good%00/report.html",
        "/nowhere",
        "/good/report.html/",
        "/etc/passwd",
        "/%",
    ] {
        let answer = served.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(
            !answer.body.contains(">secret<") && answer.body != "secret",
            "{path}"
        );
        writeln!(told, "{} {path}", answer.status).expect("a text can grow");
    }
    insta::assert_snapshot!(told);
    // An absolute address is its path, and nothing is fetched from elsewhere.
    assert_eq!(served.get("http://localhost/good/report.html").status, 200);
    assert_eq!(served.get("http://evil.example/good/report.html").status, 421);
}

#[test]
fn only_readers_who_name_this_machine_are_answered() {
    let bench = with_run();
    let served = Served::start(&bench);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let answer = served.ask(method, "/", "");
        assert_eq!(answer.status, 405, "{method}");
        assert!(
            answer.head.contains("\r\nallow: get, head\r\n"),
            "{}",
            answer.head
        );
    }
    let status_of = |request: &str| status(&served.raw(request.as_bytes()));
    assert_eq!(
        status_of("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
        421
    );
    assert_eq!(
        status_of("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
        421
    );
    assert_eq!(status_of("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), 421);
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "a".repeat(100_000)
    );
    assert_eq!(status_of(&long), 431);
    let many = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X: y\r\n".repeat(500)
    );
    assert_eq!(status_of(&many), 431);
    assert_eq!(status_of("nonsense\r\n\r\n"), 400);
    // It goes on.
    assert_eq!(served.get("/").status, 200);
}

/// A run that goes on is a directory whose history grows.
#[test]
fn a_run_that_goes_on_is_told_as_far_as_it_has_come() {
    let bench = with_run();
    let served = Served::start(&bench);
    let history = fs::read_to_string(bench.path().join("results/good/history.jsonl")).expect("it is there");
    let live = bench.path().join("results/live");
    fs::create_dir(&live).expect("it can be made");
    bench.file("results/live/resolved.toml", "name = \"x\"");
    let empty = served.get("/live/");
    assert!(empty.body.contains("The run begins"), "{}", empty.body);
    let mut file = fs::File::create(live.join("history.jsonl")).expect("it can be made");
    let mut before = 0;
    let lines: Vec<&str> = history.split_inclusive('\n').collect();
    for (number, part) in lines.chunks(lines.len().div_ceil(4)).enumerate() {
        // The last line is cut in half, as a reader may find it.
        let (last, whole) = part.split_last().expect("no part is empty");
        let half = last.len() / 2;
        file.write_all(whole.concat().as_bytes())
            .expect("it can be written");
        file.write_all(&last.as_bytes()[..half])
            .expect("it can be written");
        let page = served.get("/live/");
        assert_eq!(page.status, 200);
        assert!(page.body.contains("http-equiv=\"refresh\""), "part {number}");
        assert!(!page.body.contains("Damaged"), "part {number}: {}", page.body);
        let events = number_of(&page.body, "Events");
        assert!(events > before, "part {number}: {events} after {before}");
        before = events;
        file.write_all(&last.as_bytes()[half..])
            .expect("it can be written");
    }
    let page = served.get("/live/");
    assert_eq!(number_of(&page.body, "Events"), lines.len() as u64);
    assert!(page.body.contains("is being judged"));
    assert!(served.get("/").body.contains("goes on"));
    assert!(!served.get("/live/?still").body.contains("http-equiv=\"refresh\""));
    // The page of a run that is not there yet is where it goes on.
    assert_eq!(served.get("/live/report.html").status, 302);
    file.write_all(b"{\"time\":nonsense}\n")
        .expect("it can be written");
    let damaged = served.get("/live/").body;
    assert!(
        damaged.contains(&format!("history.jsonl line {}: ", lines.len() + 1)),
        "{damaged}"
    );
}

fn number_of(page: &str, name: &str) -> u64 {
    let value = page
        .split(&format!("<dt>{name}</dt><dd>"))
        .nth(1)
        .and_then(|rest| rest.split('<').next());
    let value = value.unwrap_or_else(|| panic!("{name} is not on the page: {page}"));
    value.replace(',', "").parse().expect("it is a number")
}

/// A campaign that goes on is told from its journal, and by its lock.
#[test]
fn a_campaign_that_goes_on_is_told_from_its_journal() {
    let bench = with_run();
    bench.file("long.toml", PLAN.replace("steady = \"1s\"", "steady = \"600s\""));
    bench.file("campaign.toml", CAMPAIGN.replace("short.toml", "long.toml"));
    let served = Served::start(&bench);
    let mut going = bench
        .command(&[
            "campaign",
            "campaign.toml",
            "--out",
            "results/going",
            "--parallel",
            "1",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be started");
    let begun = Instant::now();
    let page = loop {
        let answer = served.get("/going/");
        if answer.body.contains("The campaign goes on") && answer.body.contains("href=\"runs/nodes-") {
            break answer.body;
        }
        assert!(begun.elapsed() < DEADLINE, "{} {}", answer.status, answer.body);
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(page.contains("http-equiv=\"refresh\""));
    let _ = going.kill();
    let _ = going.wait();
    assert!(!served.get("/going/").body.contains("The campaign goes on"));
    assert!(served.get("/").body.contains("unfinished"));
}

#[test]
fn what_is_damaged_is_listed_with_what_and_where_and_the_others_still_show() {
    let bench = with_run();
    campaign(&bench, "results/nightly-1");
    let results = bench.path().join("results");
    for name in ["cut", "short", "garbage", "gone", "verdict"] {
        run(&bench, name);
        let dir = results.join(name);
        let history = dir.join("history.jsonl");
        match name {
            "cut" => cut(&history, 5),
            "short" => {
                let text = fs::read_to_string(&history).expect("it is there");
                let half: Vec<&str> = text.split_inclusive('\n').take(100).collect();
                fs::write(&history, half.concat()).expect("it can be written");
            }
            "garbage" => fs::write(&history, b"\0\xff\n").expect("it can be written"),
            "gone" => fs::remove_file(&history).expect("it is there"),
            _ => cut(&dir.join("verdict.json"), 50),
        }
    }
    let runs = results.join("nightly-1/runs");
    cut(&runs.join("nodes-3-r1/verdict.json"), 50);
    fs::remove_file(runs.join("nodes-3-r2/verdict.json")).expect("it is there");
    fs::remove_dir_all(runs.join("nodes-5-r1")).expect("it is there");
    fs::create_dir(results.join("broken")).expect("it can be made");
    bench.file("results/broken/campaign.json", "{\"name\":");

    let served = Served::start(&bench);
    let (list, listed) = (served.get("/").body, bench.run(&["results"]).out);
    for (name, what) in [
        ("cut", "history.jsonl is cut off within its last line"),
        ("short", "history.jsonl ends at"),
        ("garbage", "history.jsonl is not a Tribunal history"),
        ("gone", "history.jsonl is missing"),
        ("verdict", "verdict.json: EOF while parsing"),
        ("broken", "campaign.json as a campaign: EOF while parsing"),
    ] {
        let line = listed.lines().find(|line| line.contains(&format!("  {name}  ")));
        let line = line.unwrap_or_else(|| panic!("{name} is not listed: {listed}"));
        assert!(line.starts_with("damaged") && line.contains(what), "{line}");
        assert!(list.contains(what), "{what}");
        assert!(served.get(&format!("/{name}/")).body.contains(what), "{name}");
    }
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("valid") && line.contains("  good  ")),
        "{listed}"
    );
    let page = served.get("/nightly-1/").body;
    for what in [
        "runs/nodes-3-r1/verdict.json: EOF while parsing",
        "runs/nodes-3-r2/verdict.json is missing",
        "runs/nodes-5-r1 is missing",
    ] {
        assert!(page.contains(what) && listed.contains(what), "{what}");
    }
    assert!(
        page.contains("3 runs are damaged") && page.contains("4 of 4 runs came out as expected"),
        "{page}"
    );
}

#[test]
fn a_campaigns_page_shows_those_before_it_and_says_which_of_them_are_damaged() {
    let bench = with_run();
    campaign(&bench, "results/nightly-1");
    campaign(&bench, "results/nightly-2");
    campaign(&bench, "elsewhere/nightly-0");
    bench.file("other.toml", CAMPAIGN.replace("nightly", "other"));
    let ran = bench.run(&["campaign", "other.toml", "--out", "results/other"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let page = |out: &str, more: &[&str]| {
        let ran = bench.run(&[&["campaign", "campaign.toml", "--out", out], more].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        fs::read_to_string(bench.path().join(out).join("index.html")).expect("the page is there")
    };
    let third = page("results/nightly-3", &["--trend", "elsewhere"]);
    let place = |name: &str| {
        third
            .find(name)
            .unwrap_or_else(|| panic!("{name} is not on the page"))
    };
    // The newest first; of another name is none of these.
    assert!(place("../nightly-2/index.html") < place("../nightly-1/index.html"));
    assert!(
        third.contains("../../elsewhere/nightly-0/index.html") && third.contains("class=\"trend-picture\"")
    );
    assert!(!third.contains("../other/"));
    cut(&bench.path().join("results/nightly-1/summary.json"), 20);
    fs::write(bench.path().join("results/nightly-2/campaign.json"), "{").expect("it can be written");
    let fourth = page("results/nightly-4", &[]);
    for what in [
        "summary.json as a campaign&#39;s summary: EOF",
        "campaign.json as a campaign: EOF",
    ] {
        assert!(
            fourth.contains(what) || fourth.contains(&what.replace("&#39;", "'")),
            "{what}"
        );
    }
    assert!(fourth.contains("../nightly-3/index.html"));
    let nowhere = bench.run(&[
        "campaign",
        "campaign.toml",
        "--out",
        "results/x",
        "--trend",
        "nowhere",
    ]);
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.err);
    assert!(
        nowhere.err.contains("--trend nowhere is no directory"),
        "{}",
        nowhere.err
    );
    assert!(!bench.path().join("results/x").exists());
    // A part that cannot be read is named.
    let ran = bench.run(&["merge", "results/nightly-2", "--out", "whole"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("results/nightly-2/campaign.json"), "{}", ran.err);
}

#[test]
fn it_ends_at_once_and_says_why_it_cannot_begin() {
    let bench = with_run();
    let mut served = Served::start(&bench);
    // Somebody who reads nothing does not hold it up.
    let _idle = TcpStream::connect(&served.address).expect("it listens");
    // SAFETY: the process is ours, and was not waited for.
    assert_eq!(unsafe { libc::kill(served.child.id() as i32, libc::SIGINT) }, 0);
    assert_eq!(served.child.wait().expect("it ends").code(), Some(0));

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has one").to_string();
    for (arguments, said) in [
        (
            &["serve", "results", "--listen", &address][..],
            "another program listens there",
        ),
        (&["serve", "nowhere"], "nowhere is no directory"),
        (
            &["serve", "results", "--listen", "192.0.2.1:1"],
            "no address of this machine",
        ),
        (&["serve", "results", "--listen", "8080"], "invalid value '8080'"),
    ] {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}
