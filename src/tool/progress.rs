//! How far a long work is: bars on a terminal, a line now and then elsewhere, JSON lines.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Form, Output, printable};
use crate::phrases;
use crate::words::{Language, Phrase, Spoken};

/// Least time between two plain lines about one thing.
const LINE_EVERY: Duration = Duration::from_secs(3);
/// Least time between two JSON lines about one thing.
const EVENT_EVERY: Duration = Duration::from_secs(1);
/// Before this a rate is noise.
const RATE_AFTER: Duration = Duration::from_millis(500);

phrases! {
    fn bar_form() {
        en: "{{prefix:<12}} {{msg:<12}} {{wide_bar}} {{decimal_bytes:>9}} of \
             {{decimal_total_bytes:<9}} {{decimal_bytes_per_sec:>11}}, {{eta}} left",
        ja: "{{prefix:<12}} {{msg:<12}} {{wide_bar}} {{decimal_bytes:>9}} / \
             {{decimal_total_bytes:<9}} {{decimal_bytes_per_sec:>11}}、残り {{eta}}",
    }
    fn so_far(doing, done, total) {
        en: "{doing}, {done} of {total} MB",
        ja: "{doing}、{total} MBのうち{done} MB",
    }
    fn at_rate(line, rate) { en: "{line}, {rate} MB/s", ja: "{line}、毎秒{rate} MB" }
    fn yet_to_go(line, seconds) { en: "{line}, {seconds} s left", ja: "{line}、残り{seconds}秒" }
}

/// The progress of one thing, such as one device of several; shared by reference among threads.
pub struct Progress {
    output: Output,
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    meter: Mutex<Meter>,
}

impl Progress {
    /// Begins to show `name`; nothing is told before the first [`Progress::stage`].
    pub fn start(output: &Output, name: &str) -> Self {
        let bar = output.bars().map(|bars| bars.add(bar(name, output.language())));
        let every = if output.form() == Form::Json { EVENT_EVERY } else { LINE_EVERY };
        let meter = Mutex::new(Meter::new(every));
        Self { output: output.clone(), name: name.to_owned(), started: Instant::now(), bar, meter }
    }

    #[cfg(test)]
    pub(super) fn telling_every(mut self, every: Duration) -> Self {
        self.meter = Mutex::new(Meter::new(every));
        self
    }

    /// Begins a stage of the work, as a gerund (`writing`), with its own count of bytes.
    pub fn stage(&self, doing: impl Spoken, total_bytes: u64) {
        let doing = self.output.text(doing);
        self.meter().begin(doing.clone(), total_bytes, self.started.elapsed());
        if let Some(bar) = &self.bar {
            bar.set_length(total_bytes);
            bar.set_message(doing);
            bar.reset();
        }
    }

    /// Says how many bytes of the stage are done; cheap enough to call for each block.
    pub fn at(&self, done_bytes: u64) {
        if let Some(bar) = &self.bar {
            return bar.set_position(done_bytes);
        }
        let told = self.meter().at(done_bytes, self.started.elapsed());
        if let Some(state) = told {
            self.tell(&state);
        }
    }

    /// Ends with a last word, such as `done, take it out` or what went wrong.
    pub fn end(&self, word: impl Spoken) {
        let word = self.output.text(word);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs();
        self.output.note(format!("{}: {word}", self.name));
        let event = json!({ "name": self.name, "ended": word, "seconds": seconds });
        self.output.event("progress", &event);
    }

    fn tell(&self, state: &State) {
        let line = self.output.text(state.line());
        self.output.note(format!("{}: {line}", self.name));
        let event = json!({
            "name": self.name,
            "stage": state.doing,
            "done_bytes": state.done_bytes,
            "total_bytes": state.total_bytes,
            "bytes_per_second": state.bytes_per_second,
            "seconds_left": state.seconds_left(),
        });
        self.output.event("progress", &event);
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bar(name: &str, language: Language) -> ProgressBar {
    let style = ProgressStyle::with_template(bar_form().text(language))
        .expect("the template is fixed and sound");
    ProgressBar::new(0).with_style(style).with_prefix(printable(name).into_owned())
}

/// Decides when to tell, and what; the time is handed in.
struct Meter {
    every: Duration,
    doing: String,
    total_bytes: u64,
    began: Duration,
    told: Duration,
}

impl Meter {
    fn new(every: Duration) -> Self {
        let began = Duration::ZERO;
        Self { every, doing: String::new(), total_bytes: 0, began, told: began }
    }

    fn begin(&mut self, doing: String, total_bytes: u64, now: Duration) {
        (self.doing, self.total_bytes, self.began, self.told) = (doing, total_bytes, now, now);
    }

    fn at(&mut self, done_bytes: u64, now: Duration) -> Option<State> {
        if now.saturating_sub(self.told) < self.every {
            return None;
        }
        self.told = now;
        let (doing, total_bytes) = (self.doing.clone(), self.total_bytes);
        let bytes_per_second = rate(done_bytes, now.saturating_sub(self.began));
        Some(State { doing, done_bytes, total_bytes, bytes_per_second })
    }
}

fn rate(bytes: u64, time: Duration) -> Option<u64> {
    let millis = u64::try_from(time.as_millis()).ok().filter(|_| time >= RATE_AFTER)?;
    Some(bytes.saturating_mul(1000) / millis)
}

/// What is told at one moment.
#[derive(Debug, PartialEq, Eq)]
struct State {
    doing: String,
    done_bytes: u64,
    total_bytes: u64,
    bytes_per_second: Option<u64>,
}

impl State {
    fn seconds_left(&self) -> Option<u64> {
        let left = self.total_bytes.saturating_sub(self.done_bytes);
        self.bytes_per_second.filter(|rate| *rate > 0).map(|rate| left.div_ceil(rate))
    }

    fn line(&self) -> Phrase {
        let (done, total) = (megabytes(self.done_bytes), megabytes(self.total_bytes));
        let mut line = so_far(&self.doing, done, total);
        if let Some(rate) = self.bytes_per_second {
            line = at_rate(line, megabytes(rate));
        }
        self.seconds_left().into_iter().fold(line, yet_to_go)
    }
}

/// Millions of bytes, to one place.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::kept;
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_line_comes_at_most_once_in_a_while() {
        let mut meter = Meter::new(LINE_EVERY);
        meter.begin("writing".to_owned(), 350_000_000, seconds(1));
        let told: Vec<u64> = (0..100u64)
            .filter(|tenth| meter.at(0, seconds(1) + Duration::from_millis(tenth * 100)).is_some())
            .collect();
        assert_eq!(told, [30, 60, 90]);
    }

    #[test]
    fn rate_and_time_left_count_from_the_stage() {
        let mut meter = Meter::new(LINE_EVERY);
        meter.begin("reading back".to_owned(), 350_000_000, seconds(10));
        let state = meter.at(120_000_000, seconds(13)).unwrap();
        assert_eq!(state.line().en(), "reading back, 120.0 of 350.0 MB, 40.0 MB/s, 6 s left");
        meter.begin("flushing".to_owned(), 0, seconds(13));
        let state = meter.at(0, seconds(16)).unwrap();
        assert_eq!(state.line().en(), "flushing, 0.0 of 0.0 MB, 0.0 MB/s");
        assert_eq!(state.seconds_left(), None);
    }

    #[test]
    fn no_rate_is_told_from_too_short_a_time() {
        assert_eq!(rate(1_000_000, Duration::from_millis(499)), None);
        assert_eq!(rate(1_000_000, Duration::from_millis(500)), Some(2_000_000));
        assert_eq!(rate(u64::MAX, seconds(1)), Some(u64::MAX / 1000));
    }

    #[test]
    fn text_off_a_terminal_is_plain_lines() {
        let (output, out, err) = kept(Form::Text);
        let progress = Progress::start(&output, "sd\x1bb");
        progress.stage("writing", 2_000_000);
        progress.at(1_000_000);
        progress.tell(&State {
            doing: "writing".to_owned(),
            done_bytes: 1_000_000,
            total_bytes: 2_000_000,
            bytes_per_second: None,
        });
        progress.end("done, take it out");
        let expected = "sd\\u{1b}b: writing, 1.0 of 2.0 MB\nsd\\u{1b}b: done, take it out\n";
        assert_eq!((out.text().as_str(), err.text().as_str()), ("", expected));
    }

    #[test]
    fn json_tells_bytes_and_seconds() {
        let (output, out, err) = kept(Form::Json);
        let progress = Progress::start(&output, "sdb");
        progress.stage("writing", 9);
        progress.tell(&State {
            doing: "writing".to_owned(),
            done_bytes: 4,
            total_bytes: 9,
            bytes_per_second: Some(2),
        });
        progress.end("done");
        let expected = "{\"bytes_per_second\":2,\"done_bytes\":4,\"name\":\"sdb\",\
                        \"seconds_left\":3,\"stage\":\"writing\",\"total_bytes\":9,\
                        \"type\":\"progress\"}\n\
                        {\"ended\":\"done\",\"name\":\"sdb\",\"seconds\":0,\"type\":\"progress\"}\n";
        assert_eq!((out.text().as_str(), err.text().as_str()), (expected, ""));
    }

    #[test]
    fn threads_share_it() {
        fn shared<T: Send + Sync>(_: &T) {}
        let (output, ..) = kept(Form::Text);
        shared(&Progress::start(&output, "sdb"));
    }

    #[test]
    fn the_bar_template_is_sound() {
        for language in [Language::English, Language::Japanese] {
            assert_eq!(bar("sdb", language).prefix(), "sdb");
        }
    }
}
