//! The page in a real browser, from a file, with no network: it opens, its script runs, nothing complains.
//!
//! These tests need `chromium` (or what `TRIBUNAL_CHROMIUM` names) and are therefore ignored by default. Run with
//! `--ignored` they fail where there is none. Set `TRIBUNAL_SCREENSHOTS` to a folder to keep the pictures.

mod support;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use history::{F, What};
use support::{acks1, campaigns, clean, cycles, hostile, verdicts};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(120);

/// A page in a folder of its own, opened by a browser with an empty profile.
struct Opened {
    folder: TempDir,
    page: PathBuf,
}

impl Opened {
    fn new(content: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let page = folder.path().join("report.html");
        fs::write(&page, content).expect("the page can be written");
        Self { folder, page }
    }

    /// Runs the browser on the page and hands out what it printed.
    fn browse(&self, fragment: &str, flags: &[&str]) -> Output {
        let browser = env::var_os("TRIBUNAL_CHROMIUM").unwrap_or_else(|| "chromium".into());
        let profile = tempfile::tempdir_in(self.folder.path()).expect("a profile can be made");
        let (out, err) = (self.folder.path().join("out"), self.folder.path().join("err"));
        let create = |path: &Path| Stdio::from(fs::File::create(path).expect("a file can be made"));
        let mut child = Command::new(&browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--enable-logging=stderr", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(flags)
            .arg(format!("file://{}{fragment}", self.page.display()))
            .stdout(create(&out))
            .stderr(create(&err))
            .spawn()
            .unwrap_or_else(|error| {
                panic!("failed to start {}: {error}: install chromium", browser.display())
            });
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("the browser can be waited for") {
                break status;
            }
            if start.elapsed() > DEADLINE {
                child.kill().expect("the browser can be ended");
                child.wait().expect("the browser can be waited for");
                panic!("the browser did not end within {DEADLINE:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let read = |path: &Path| fs::read(path).expect("the browser's output can be read");
        Output {
            status,
            stdout: read(&out),
            stderr: read(&err),
        }
    }

    /// The document after its script ran and its operations are unpacked; fails if the console said anything.
    fn document(&self, fragment: &str) -> String {
        let output = self.browse(fragment, &["--dump-dom", "--virtual-time-budget=10000"]);
        let log = String::from_utf8_lossy(&output.stderr);
        let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(
            output.status.success(),
            "the browser ended with {}: {log}",
            output.status
        );
        assert!(complaints.is_empty(), "{complaints:#?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn screenshot(&self, name: &str, flags: &[&str]) {
        self.screenshot_at("", name, flags);
    }

    /// The page as a printer gets it.
    fn print(&self, name: &str) {
        let document = self.folder.path().join(format!("{name}.pdf"));
        let print = format!("--print-to-pdf={}", document.display());
        let output = self.browse(
            "",
            &[&print, "--no-pdf-header-footer", "--virtual-time-budget=10000"],
        );
        let bytes = fs::read(&document).unwrap_or_default();
        assert!(
            bytes.starts_with(b"%PDF") && bytes.len() > 20_000,
            "no print: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        keep(&document);
    }

    fn screenshot_at(&self, fragment: &str, name: &str, flags: &[&str]) {
        let picture = self.folder.path().join(format!("{name}.png"));
        let shot = format!("--screenshot={}", picture.display());
        let output = self.browse(
            fragment,
            &[&[shot.as_str(), "--virtual-time-budget=10000"], flags].concat(),
        );
        let size = fs::metadata(&picture).map_or(0, |file| file.len());
        assert!(
            size > 20_000,
            "no picture: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        keep(&picture);
    }
}

/// Copies a picture to where the tester wants to look at it.
fn keep(picture: &Path) {
    if let (Some(folder), Some(name)) = (env::var_os("TRIBUNAL_SCREENSHOTS"), picture.file_name()) {
        fs::copy(picture, Path::new(&folder).join(name)).expect("the picture can be kept");
    }
}

#[test]
#[ignore = "needs chromium"]
fn the_page_opens_from_a_file_and_its_script_runs() {
    let history = acks1();
    let opened = Opened::new(&support::page(&history, &verdicts::acks1(&history)));
    let document = opened.document("");
    assert!(
        document.contains("data-ready=\"true\""),
        "the script did not run to its end"
    );
    assert!(
        !document.contains("class=\"tools\" hidden"),
        "the tools are still hidden"
    );
    assert!(document.contains("514 of 830 acknowledged writes were lost, the first"));
}

#[test]
#[ignore = "needs chromium"]
fn an_address_with_a_time_zooms_every_panel_to_it() {
    let history = acks1();
    let opened = Opened::new(&support::page(&history, &verdicts::acks1(&history)));
    let views = |document: &str| -> Vec<(f64, f64)> {
        let timeline = document
            .split("data-zoom=\"\"")
            .nth(1)
            .expect("the page has a timeline");
        let boxes = timeline
            .split("viewBox=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        boxes
            .map(|text| {
                let numbers: Vec<f64> = text.split(' ').filter_map(|number| number.parse().ok()).collect();
                (numbers[0], numbers[0] + numbers[2])
            })
            .collect()
    };
    let (whole, zoomed) = (views(&opened.document("")), views(&opened.document("#at=7.334")));
    assert!(whole.len() > 10 && whole.len() == zoomed.len());
    assert!(whole.iter().all(|view| *view == whole[0]) && zoomed.iter().all(|view| *view == zoomed[0]));
    assert_eq!(zoomed[0], (5_334.0, 9_334.0));
}

#[test]
#[ignore = "needs chromium"]
fn hostile_text_runs_nothing() {
    for page in [support::hostile_page(), hostile::verdict_page()] {
        let document = Opened::new(&page).document("");
        assert!(document.contains("data-ready=\"true\""));
        let title = document
            .split("<title>")
            .nth(1)
            .and_then(|rest| rest.split("</title>").next())
            .unwrap_or_default();
        assert!(title.starts_with("VIOLATION"), "{title}");
        assert_eq!(document.matches("<script").count(), 1);
        assert!(!document.contains("<img"));
    }
}

#[test]
#[ignore = "needs chromium"]
fn the_address_of_a_finding_opens_it() {
    let opened = Opened::new(&cycles::page(&cycles::list_append()));
    let is_open = |document: &str| {
        let tag = document
            .split("id=\"G-single-item-realtime-2\"")
            .nth(1)
            .expect("the case is on the page");
        tag.split('>')
            .next()
            .is_some_and(|attributes| attributes.contains("open"))
    };
    assert!(!is_open(&opened.document("")));
    let document = opened.document("#G-single-item-realtime-2");
    assert!(document.contains("data-ready=\"true\"") && is_open(&document));
}

/// The page with a script of the test's own: without its policy, which would refuse it.
fn with_script(page: &str, script: &str) -> String {
    let (before, rest) = page
        .split_once("<meta http-equiv")
        .expect("the page has a policy");
    let (_, after) = rest.split_once('>').expect("the policy's tag has an end");
    format!("{before}{after}").replace("</body>", &format!("<script>{script}</script></body>"))
}

/// What a script of the test's own noted about the page.
fn noted(document: &str, name: &str) -> String {
    let start = format!("data-{name}=\"");
    let value = document
        .split(&start)
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    value
        .unwrap_or_else(|| panic!("the page noted no {name}"))
        .to_owned()
}

/// Waits for the operations and then plays what follows, with `press(key)`, `note(name, value)` and `text(selector)`.
fn played(steps: &str) -> String {
    format!(
        "const note = (name, value) => {{ document.documentElement.dataset[name] = value; }};
        const press = (key, target = document.activeElement || document.body, more = {{}}) =>
            target.dispatchEvent(new KeyboardEvent('keydown', {{ key, bubbles: true, cancelable: true, ...more }}));
        const text = (selector) => document.querySelector(selector).textContent;
        const view = () => document.querySelector('[data-zoom] .plot').getAttribute('viewBox');
        const wait = setInterval(() => {{
            if (!document.documentElement.dataset.operations) return;
            clearInterval(wait);
            {steps}
        }}, 20);"
    )
}

#[test]
#[ignore = "needs chromium"]
fn the_address_of_an_operation_opens_it() {
    let history = acks1();
    let opened = Opened::new(&support::page(&history, &verdicts::acks1(&history)));
    // One that findings name, one that they do not, a poll, and one that there is not.
    let expected = [
        (
            "#op-120",
            ["Operation 120", ">Client<", "5.301 s", "log-0", ">120<"],
        ),
        (
            "#op-700",
            ["Operation 700", ">send<", "log-0", ">Offset<", "read at"],
        ),
        (
            "#op-840",
            ["Operation 840", ">poll<", ">Outcome<", ">ok<", "took"],
        ),
        (
            "#op-99999",
            [
                "Operation 99999",
                "There is no such operation in this run.",
                "",
                "",
                "",
            ],
        ),
    ];
    for (address, texts) in expected {
        let document = opened.document(address);
        let panel = document
            .split("id=\"detail\"")
            .nth(1)
            .and_then(|rest| rest.split("</aside>").next())
            .expect("the page has its panel");
        for text in texts.into_iter().filter(|text| *text != "took") {
            assert!(panel.contains(text), "{address}: {text} is not in {panel}");
        }
    }
}

#[test]
#[ignore = "needs chromium"]
fn what_the_page_unpacks_is_what_the_history_holds() {
    let history = acks1();
    let page = support::page(&history, &verdicts::acks1(&history));
    // Every operation's own summary, one after the other, as the pointer would show it.
    let script = "note('count', document.documentElement.dataset.operations);
        const told = [];
        for (const id of [0, 119, 120, 500, 829, 830, 900]) {
            location.hash = '#op-' + id;
            dispatchEvent(new HashChangeEvent('hashchange'));
            told.push(Array.from(document.querySelectorAll('#detail dd'), (node) => node.textContent).join(','));
        }
        note('told', told.join('|'));";
    let document = Opened::new(&with_script(&page, &played(script))).document("");
    let operations: Vec<_> = history
        .events
        .iter()
        .filter(|event| matches!(event.what, What::Invoke(_)))
        .collect();
    assert_eq!(noted(&document, "count"), operations.len().to_string());
    let told = noted(&document, "told");
    for (told, id) in told.split('|').zip([0, 119, 120, 500, 829, 830, 900]) {
        let ended = history.events.iter().find_map(|event| match &event.what {
            What::Ok(op) | What::Info(op) if op.op == id => Some((event.time, op)),
            _ => None,
        });
        let (end, op) = ended.expect("it ended");
        assert!(told.starts_with(&format!("{},", op.process)), "op {id}: {told}");
        assert!(
            told.contains(&format!(
                "{}.{:03} s",
                end / 1_000_000_000,
                end / 1_000_000 % 1_000
            )),
            "op {id}: {told}"
        );
        if let F::Send(send) = &op.f {
            let offset = send
                .offset
                .map_or_else(String::new, |offset| format!("{offset},"));
            let expected = format!("send,log-{},{},{offset}", send.key, send.value);
            assert!(told.contains(&expected), "op {id}: {told} without {expected}");
        }
    }
}

#[test]
#[ignore = "needs chromium"]
fn the_search_finds_operations_lines_and_findings() {
    let history = acks1();
    let page = support::page(&history, &verdicts::acks1(&history));
    let script = "press('/');
        note('focused', document.activeElement.id);
        const ask = (name, words, times) => {
            const input = document.getElementById('find');
            input.value = words;
            for (let step = 0; step < times; step += 1) press('Enter', input);
            note(name, text('#detail strong') + ': ' + text('#hits'));
        };
        ask('value', 'value 500', 1);
        ask('second', 'value 500', 1);
        ask('line', 'truncating to', 1);
        note('linetext', text('#detail p'));
        ask('client', 'client 101 poll', 3);
        ask('unknown', 'log-2 info', 1);
        ask('error', 'timed out send', 1);
        ask('finding', 'acknowledged it at offset 133', 1);
        ask('none', 'no such thing anywhere', 1);
        note('address', location.hash);";
    let document = Opened::new(&with_script(&page, &played(script))).document("");
    assert_eq!(noted(&document, "focused"), "find");
    assert!(noted(&document, "value").starts_with("Operation 500: 1 of "));
    assert!(
        noted(&document, "line").starts_with("A broker’s own words: 1 of "),
        "{}",
        noted(&document, "line")
    );
    assert!(noted(&document, "linetext").contains("Truncating to offset 120"));
    assert!(noted(&document, "client").contains(": 3 of "));
    assert!(noted(&document, "unknown").starts_with("Operation "));
    assert!(noted(&document, "error").starts_with("Operation "));
    assert!(
        noted(&document, "finding").starts_with("Finding: 1 of "),
        "{}",
        noted(&document, "finding")
    );
    assert!(
        noted(&document, "none").ends_with(": 0 hits"),
        "{}",
        noted(&document, "none")
    );
    assert!(noted(&document, "address").starts_with("#op-"));
}

#[test]
#[ignore = "needs chromium"]
fn keys_zoom_jump_and_explain_themselves() {
    let history = acks1();
    let page = support::page(&history, &verdicts::acks1(&history));
    let script = "const views = [view()];
        for (const key of ['+', 'n', 'n', 'p', '0']) { press(key, document.body); views.push(view()); }
        note('views', views.join('|'));
        press('l', document.body);
        note('line', text('#detail strong'));
        press('Escape', document.body);
        note('closed', document.getElementById('detail').hidden);
        press(']', document.body);
        const first = text('#detail strong');
        press(']', document.body);
        note('next', first !== text('#detail strong'));
        press('?', document.body);
        note('help', document.getElementById('help').open);";
    let document = Opened::new(&with_script(&page, &played(script))).document("");
    let views = noted(&document, "views");
    let views: Vec<&str> = views.split('|').collect();
    assert_eq!(views[0], views[5], "0 shows the whole run again");
    assert_eq!(views[2], views[4], "p undoes n");
    for pair in [(0, 1), (1, 2), (2, 3)] {
        assert_ne!(views[pair.0], views[pair.1]);
    }
    assert_eq!(noted(&document, "line"), "A broker’s own words");
    for name in ["closed", "next", "help"] {
        assert_eq!(noted(&document, name), "true", "{name}");
    }
}

#[test]
#[ignore = "needs chromium"]
fn without_scripts_the_page_reads() {
    let history = acks1();
    let page = support::page(&history, &verdicts::acks1(&history));
    // A policy that knows no script is what a browser without scripts is.
    let (before, rest) = page.split_once("script-src '").expect("the page has a policy");
    let (_, after) = rest.split_once("';").expect("the policy goes on");
    let opened = Opened::new(&format!("{before}script-src 'none';{after}"));
    let output = opened.browse("#op-120", &["--dump-dom", "--virtual-time-budget=1000"]);
    let document = String::from_utf8_lossy(&output.stdout);
    assert!(!document.contains("data-ready"), "the script ran");
    for text in [
        "514 of 830 acknowledged writes were lost",
        "id=\"op-120\"",
        "Truncating to offset 120",
        "class=\"did write\"",
    ] {
        assert!(document.contains(text), "{text}");
    }
    opened.screenshot("acks1-without-scripts", &["--window-size=1280,4800"]);
}

/// Opens everything, and notes how many words of the pictures there are, how many of them meet others, and how many
/// do not show.
const MEASURE: &str = "
    document.querySelectorAll('details').forEach((fold) => { fold.open = true; });
    let [words, meet, unseen] = [0, 0, 0];
    for (const picture of document.querySelectorAll('svg.cycle')) {
        const boxes = Array.from(picture.querySelectorAll('text'), (text) => text.getBoundingClientRect());
        const whole = picture.getBoundingClientRect();
        boxes.forEach((one, index) => {
            words += 1;
            if (!(one.width > 0 && one.left >= whole.left && one.right <= whole.right + 1)) unseen += 1;
            for (const other of boxes.slice(index + 1)) {
                if (one.left < other.right && other.left < one.right && one.top + 2 < other.bottom && other.top + 2 < one.bottom) meet += 1;
            }
        });
    }
    document.documentElement.dataset.words = [words > 40, meet, unseen].join(' ');
";

#[test]
#[ignore = "needs chromium"]
fn words_in_the_pictures_of_cycles_show_and_do_not_meet() {
    let page = cycles::page(&cycles::list_append());
    let measured = with_script(&page, MEASURE);
    let document = Opened::new(&measured).document("");
    assert!(
        document.contains("data-words=\"true 0 0\""),
        "{}",
        &document[..200]
    );
}

#[test]
#[ignore = "needs chromium"]
fn pictures_of_the_page_can_be_taken() {
    let history = acks1();
    let opened = Opened::new(&support::page(&history, &verdicts::acks1(&history)));
    opened.screenshot("acks1-light", &["--window-size=1280,4200"]);
    opened.screenshot(
        "acks1-dark",
        &[
            "--window-size=1280,4200",
            "--blink-settings=preferredColorScheme=0",
        ],
    );
    opened.screenshot("acks1-phone", &["--window-size=500,6000"]);
    opened.screenshot_at("#op-500", "acks1-operation", &["--window-size=1280,5200"]);
    opened.print("acks1-print");
    let history = clean();
    let opened = Opened::new(&support::page(&history, &verdicts::clean(&history)));
    opened.screenshot("clean-light", &["--window-size=1280,2600"]);
    for (name, verdict) in [
        ("list-append", cycles::list_append()),
        ("kafka-elsewhere", cycles::kafka()),
    ] {
        let page = cycles::page(&verdict).replace("<details ", "<details open ");
        let opened = Opened::new(&page);
        opened.screenshot(&format!("{name}-light"), &["--window-size=1280,4200"]);
        let dark = "--blink-settings=preferredColorScheme=0";
        opened.screenshot(&format!("{name}-dark"), &["--window-size=1280,4200", dark]);
    }
}

/// Chooses other axes and filters on the page of a campaign, and notes what is shown after each choice.
const CHOOSE: &str = "<script>
    const form = document.getElementById('choose');
    const seen = [];
    const note = () => {
        const matrix = document.querySelector('table.matrix');
        const rows = Array.from(document.querySelectorAll('table.runs tbody tr')).filter((row) => !row.hidden);
        seen.push([matrix.rows.length - 1, matrix.rows[0].cells.length - 1, matrix.querySelectorAll('.chip').length, rows.length].join(' '));
    };
    const change = (node, value) => {
        if (node.type === 'checkbox') node.checked = value; else node.value = value;
        node.dispatchEvent(new Event('change', { bubbles: true }));
        note();
    };
    note();
    change(form.elements.columns, 'nodes');
    change(form.querySelector('select[data-axis=broker]'), 'kafka-3.9.2');
    change(form.querySelector('input[value=valid]'), false);
    change(form.elements.rows, '');
    document.documentElement.dataset.seen = seen.join(', ');
</script>";

#[test]
#[ignore = "needs chromium"]
fn a_campaigns_page_lets_one_choose_axes_and_runs() {
    let page = campaigns::page();
    let document = Opened::new(&page).document("");
    assert!(document.contains("data-ready=\"true\""));
    let (before, rest) = page
        .split_once("<meta http-equiv")
        .expect("the page has a policy");
    let (_, after) = rest.split_once('>').expect("the policy's tag has an end");
    let chosen = format!("{before}{after}").replace("</body>", &format!("{CHOOSE}</body>"));
    let document = Opened::new(&chosen).document("");
    // Rows, columns, signs in the matrix, rows of the table.
    let expected = "data-seen=\"3 2 24 24, 3 2 24 24, 3 2 12 12, 2 2 3 3, 1 2 3 3\"";
    assert!(document.contains(expected), "{}", &document[..300]);
}

#[test]
#[ignore = "needs chromium"]
fn a_comparison_opens_and_shows_what_differs() {
    let row =
        "document.documentElement.dataset.row = document.querySelector('#settings + div tbody tr').innerText";
    let document = Opened::new(&with_script(&campaigns::comparison(), row)).document("");
    let row = noted(&document, "row");
    assert!(row.contains("timeouts") && row.contains("tuned"), "{row}");
}

#[test]
#[ignore = "needs chromium"]
fn hostile_campaigns_run_nothing() {
    for page in [
        campaigns::comparison(),
        campaigns::hostile_page(),
        campaigns::hostile_shelf(),
        campaigns::hostile_live(),
    ] {
        let document = Opened::new(&page).document("");
        assert!(!document.contains("<title>pwned"), "{}", &document[..300]);
        assert!(!document.contains("<img"));
    }
}

#[test]
#[ignore = "needs chromium"]
fn pictures_of_campaigns_and_lists_can_be_taken() {
    let dark = "--blink-settings=preferredColorScheme=0";
    for (name, page, height) in [
        ("campaign", campaigns::page(), 3600),
        ("shelf", campaigns::shelf(), 700),
        ("live", campaigns::live(), 1300),
    ] {
        let opened = Opened::new(&page);
        opened.screenshot(
            &format!("{name}-light"),
            &[&format!("--window-size=1280,{height}")],
        );
        opened.screenshot(
            &format!("{name}-dark"),
            &[&format!("--window-size=1280,{height}"), dark],
        );
        opened.screenshot(
            &format!("{name}-phone"),
            &[&format!("--window-size=500,{}", height * 3 / 2)],
        );
    }
}
