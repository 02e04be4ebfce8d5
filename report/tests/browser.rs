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

use support::{acks1, clean, cycles, hostile, verdicts};
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

    /// The document after its script ran; fails if the console said anything.
    fn document(&self, fragment: &str) -> String {
        let output = self.browse(fragment, &["--dump-dom", "--virtual-time-budget=3000"]);
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
        let picture = self.folder.path().join(format!("{name}.png"));
        let shot = format!("--screenshot={}", picture.display());
        let output = self.browse(
            "",
            &[&[shot.as_str(), "--virtual-time-budget=3000"], flags].concat(),
        );
        let size = fs::metadata(&picture).map_or(0, |file| file.len());
        assert!(
            size > 20_000,
            "no picture: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if let Some(folder) = env::var_os("TRIBUNAL_SCREENSHOTS") {
            fs::copy(&picture, Path::new(&folder).join(format!("{name}.png")))
                .expect("the picture can be kept");
        }
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

/// Opens everything, and notes how many words of the pictures there are, how many of them meet others, and how many
/// do not show.
const MEASURE: &str = "<script>
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
</script>";

#[test]
#[ignore = "needs chromium"]
fn words_in_the_pictures_of_cycles_show_and_do_not_meet() {
    let page = cycles::page(&cycles::list_append());
    let (before, rest) = page
        .split_once("<meta http-equiv")
        .expect("the page has a policy");
    let (_, after) = rest.split_once('>').expect("the policy's tag has an end");
    let measured = format!("{before}{after}").replace("</body>", &format!("{MEASURE}</body>"));
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
