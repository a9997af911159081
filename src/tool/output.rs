//! Where a tool's words go: results to standard output, talk to standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::colour::{Colour, Tone, fitted};
use super::{Exit, Failure, printable};
use crate::phrases;
use crate::units::{Amount, Currency};
use crate::words::{Language, Spoken};

phrases! {
    fn warning(tool) { en: "{tool}: warning: ", ja: "{tool}：注意：" }
    fn writing() { en: "writing to standard output", ja: "標準出力への書き込み" }
}

/// How a tool answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text for a person.
    Text,
    /// JSON lines for a program, ending in one object of type `result`.
    Json,
}

/// A tool's standard output and standard error; clones write to the same.
#[derive(Clone)]
pub struct Output {
    tool: &'static str,
    form: Form,
    bars: Option<MultiProgress>,
    streams: Arc<Mutex<Streams>>,
}

struct Streams {
    language: Language,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    out_colour: Colour,
    err_colour: Colour,
    /// The reader of standard output went away, which is no failure.
    reader_left: bool,
    broken: Option<String>,
    result_told: bool,
}

impl Output {
    /// Writes to this process's own streams; bars are drawn if standard error is a terminal.
    pub fn on_terminal(tool: &'static str, form: Form) -> Self {
        let drawn = form == Form::Text && io::stderr().is_terminal();
        let (out, out_colour) = fitted(io::stdout());
        let (err, err_colour) = fitted(io::stderr());
        let mut output = Self::to(tool, form, out, err);
        {
            let mut streams = output.streams();
            (streams.out_colour, streams.err_colour) = (out_colour, err_colour);
        }
        output.bars =
            drawn.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5)));
        output
    }

    /// Writes to the given streams, without colours, and draws no bars.
    pub fn to(
        tool: &'static str,
        form: Form,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        let streams = Streams {
            language: Language::default(),
            out,
            err,
            out_colour: Colour::Plain,
            err_colour: Colour::Plain,
            reader_left: false,
            broken: None,
            result_told: false,
        };
        Self { tool, form, bars: None, streams: Arc::new(Mutex::new(streams)) }
    }

    /// How this tool answers.
    pub fn form(&self) -> Form {
        self.form
    }

    /// From now on people read this language; programs go on reading English.
    pub fn speak(&self, language: Language) {
        self.streams().language = language;
    }

    /// The language that is read.
    pub fn language(&self) -> Language {
        match self.form {
            Form::Text => self.streams().language,
            Form::Json => Language::English,
        }
    }

    /// A phrase in the language that is read.
    pub fn text(&self, phrase: impl Spoken) -> String {
        phrase.phrase().text(self.language()).to_owned()
    }

    /// One line of the result, in text form only; a newline within is escaped.
    pub fn line(&self, text: impl Spoken) {
        if self.form == Form::Text {
            let text = self.text(text);
            self.undisturbed(|streams| streams.say(&printable(&text)));
        }
    }

    /// A [`line`](Self::line) that a person looks for first.
    pub fn headline(&self, text: impl Spoken) {
        if self.form == Form::Text {
            let text = self.text(text);
            self.undisturbed(|streams| {
                let line = streams.out_colour.paint(Tone::Headline, &printable(&text));
                streams.say(&line);
            });
        }
    }

    /// One line of a long work's story, in JSON form only: the fields and `type`.
    pub fn event(&self, kind: &str, fields: &impl Serialize) {
        if self.form == Form::Json {
            let line = Value::Object(typed(kind, fields)).to_string();
            self.undisturbed(|streams| streams.say(&line));
        }
    }

    /// The result object, in JSON form only: the fields, `type` and `exit`. At most one a run.
    pub fn result(&self, exit: Exit, fields: &impl Serialize) {
        if self.form == Form::Json {
            let object = ended(exit, fields).to_string();
            self.undisturbed(|streams| {
                streams.begin_result();
                streams.say(&object);
            });
        }
    }

    /// A [`result`](Self::result) with a list in it that may be long: it is written one by one. Behind
    /// one that can't be had nothing is written any more.
    pub fn result_with<E>(
        &self,
        exit: Exit,
        fields: &impl Serialize,
        (name, list): (&str, impl IntoIterator<Item = Result<Value, E>>),
    ) -> Result<(), E> {
        if self.form != Form::Json {
            return Ok(());
        }
        let object = ended(exit, fields).to_string();
        let begun = object.strip_suffix('}').expect("an object ends so");
        self.undisturbed(|streams| {
            streams.begin_result();
            streams.attempt(|out| write!(out, "{begun},{}:[", json!(name)));
            for (item, place) in list.into_iter().zip(0_u64..) {
                let (item, comma) = (item?.to_string(), if place == 0 { "" } else { "," });
                streams.attempt(|out| write!(out, "{comma}{item}"));
            }
            streams.say("]}");
            Ok(())
        })
    }

    /// Talk that isn't the result, on standard error, in text form only.
    pub fn note(&self, text: impl Spoken) {
        if self.form == Form::Text {
            let text = self.text(text);
            self.undisturbed(|streams| streams.tell(&printable(&text)));
        }
    }

    /// Something the user should know that doesn't stop the work: an event in JSON form.
    pub fn warn(&self, text: impl Spoken) {
        let text = text.phrase();
        if self.form == Form::Text {
            let (label, text) = (self.text(warning(self.tool)), self.text(text));
            self.undisturbed(|streams| {
                let label = streams.err_colour.paint(Tone::Warning, &label);
                streams.tell(&format!("{label}{}", printable(&text)));
            });
        } else {
            self.event("warning", &json!({ "message": text.en() }));
        }
    }

    /// The bars drawn on the terminal, if any are.
    pub(super) fn bars(&self) -> Option<&MultiProgress> {
        self.bars.as_ref()
    }

    /// Ends the run: prints what went wrong and the result object if none was told.
    pub fn finish(&self, outcome: Result<Exit, Failure>) -> Exit {
        let exit = match outcome {
            Ok(exit) => self.end_with(exit, &json!({})),
            Err(failure) => self.fail(&failure),
        };
        let broken = self.undisturbed(|streams| {
            streams.attempt(|out| out.flush());
            streams.broken.take()
        });
        let Some(broken) = broken else { return exit };
        let failure = Failure::new(Exit::Failure, broken).during(writing());
        self.complain(&failure);
        Exit::worst([exit, Exit::Failure])
    }

    fn fail(&self, failure: &Failure) -> Exit {
        self.complain(failure);
        let mut fields = Map::new();
        fields.insert("error".to_owned(), failure.message().into());
        if let Some(hint) = failure.hinted() {
            fields.insert("hint".to_owned(), hint.into());
        }
        self.end_with(failure.exit(), &fields)
    }

    /// Prints what went wrong, where the run goes on after it.
    pub fn complain(&self, failure: &Failure) {
        let language = self.language();
        // Standard error may be closed; the exit code still tells.
        self.undisturbed(|streams| {
            failure.print(self.tool, language, streams.err_colour, &mut streams.err)
        })
        .ok();
    }

    fn end_with(&self, exit: Exit, fields: &impl Serialize) -> Exit {
        if !self.undisturbed(|streams| streams.result_told) {
            self.result(exit, fields);
        }
        exit
    }

    /// Uses the streams while no bar is on the screen.
    fn undisturbed<R>(&self, write: impl FnOnce(&mut Streams) -> R) -> R {
        let write = || write(&mut self.streams());
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn begin_result(&mut self) {
        assert!(!self.result_told, "a run has one result");
        self.result_told = true;
    }

    fn say(&mut self, line: &str) {
        self.attempt(|out| writeln!(out, "{line}"));
    }

    fn tell(&mut self, line: &str) {
        // Standard error may be closed; talk is no result.
        let _ = writeln!(self.err, "{line}");
    }

    /// Writes unless the reader left; a work isn't cut short because nobody reads on.
    fn attempt(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.reader_left || self.broken.is_some() {
            return;
        }
        match write(&mut *self.out) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.reader_left = true,
            Err(error) => self.broken = Some(error.to_string()),
        }
    }
}

/// A sum in JSON: minor units as text, so that no reader rounds it, and the currency.
pub fn money(amount: Amount, currency: Currency) -> Value {
    json!({ "minor": amount.minor().to_string(), "currency": currency.code() })
}

fn ended(exit: Exit, fields: &impl Serialize) -> Value {
    let mut object = typed("result", fields);
    object.insert("exit".to_owned(), exit.code().into());
    Value::Object(object)
}

fn typed(kind: &str, fields: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(mut object)) => {
            object.insert("type".to_owned(), kind.into());
            object
        }
        other => panic!("fields of {kind} are no JSON object: {other:?}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A stream that a test can read afterwards.
    #[derive(Clone, Default)]
    pub(in super::super) struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        pub(in super::super) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A stream that fails with one kind of error.
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    pub(in super::super) fn kept(form: Form) -> (Output, Kept, Kept) {
        let (out, err) = (Kept::default(), Kept::default());
        let boxed = (Box::new(out.clone()), Box::new(err.clone()));
        (Output::to("scrip-test", form, boxed.0, boxed.1), out, err)
    }

    fn told(output: &Output) {
        output.line("medium 12: sealed");
        output.event("checked", &json!({ "medium": "12" }));
        output.note("reading 350 MB");
        output.warn("the clock\nis behind");
    }

    #[test]
    fn text_is_for_a_person() {
        let (output, out, err) = kept(Form::Text);
        told(&output);
        output.result(Exit::Done, &json!({ "media": 1 }));
        assert_eq!(output.finish(Ok(Exit::Differences)), Exit::Differences);
        assert_eq!(out.text(), "medium 12: sealed\n");
        assert_eq!(err.text(), "reading 350 MB\nscrip-test: warning: the clock\\nis behind\n");
    }

    #[test]
    fn json_is_lines_ending_in_one_result() {
        let (output, out, err) = kept(Form::Json);
        told(&output);
        output.result(Exit::Done, &json!({ "media": 1 }));
        assert_eq!(output.finish(Ok(Exit::Done)), Exit::Done);
        let expected = "{\"medium\":\"12\",\"type\":\"checked\"}\n\
                        {\"message\":\"the clock\\nis behind\",\"type\":\"warning\"}\n\
                        {\"exit\":0,\"media\":1,\"type\":\"result\"}\n";
        assert_eq!(out.text(), expected);
        assert_eq!(err.text(), "");
    }

    #[test]
    fn a_long_list_is_written_one_by_one() {
        let told = |items: Vec<Result<Value, &'static str>>| {
            let (output, out, _) = kept(Form::Json);
            let ended = output.result_with(Exit::Done, &json!({ "media": 2 }), ("all", items));
            let failure = ended.map_err(|error| Failure::new(Exit::Failure, error));
            output.finish(failure.map(|()| Exit::Done));
            out.text()
        };
        let begun = "{\"exit\":0,\"media\":2,\"type\":\"result\",\"all\":[";
        assert_eq!(told(vec![]), format!("{begun}]}}\n"));
        let items = || vec![Ok(json!({ "a": 1 })), Ok(json!("b"))];
        assert_eq!(told(items()), format!("{begun}{{\"a\":1}},\"b\"]}}\n"));
        let broken = [items(), vec![Err("no more"), Ok(json!(3))]].concat();
        assert_eq!(told(broken), format!("{begun}{{\"a\":1}},\"b\""), "and no second result");
        let (output, out, _) = kept(Form::Text);
        output.result_with(Exit::Done, &json!({}), ("all", items())).unwrap();
        assert_eq!(out.text(), "");
    }

    #[test]
    fn a_failure_is_a_message_and_a_result() {
        let failure = || Failure::new(Exit::Refusal, "quota of 50 is used up").hint("ask for more");
        let message = "scrip-test: error: quota of 50 is used up\nhint: ask for more\n";
        let (output, out, err) = kept(Form::Text);
        assert_eq!(output.finish(Err(failure())), Exit::Refusal);
        assert_eq!((out.text().as_str(), err.text().as_str()), ("", message));
        let (output, out, err) = kept(Form::Json);
        assert_eq!(output.finish(Err(failure())), Exit::Refusal);
        let result = "{\"error\":\"quota of 50 is used up\",\"exit\":5,\"hint\":\"ask for more\",\
                      \"type\":\"result\"}\n";
        assert_eq!((out.text().as_str(), err.text().as_str()), (result, message));
    }

    #[test]
    fn json_ends_in_a_result_even_if_none_was_told() {
        let (output, out, _) = kept(Form::Json);
        assert_eq!(output.finish(Ok(Exit::Bug)), Exit::Bug);
        assert_eq!(out.text(), "{\"exit\":101,\"type\":\"result\"}\n");
    }

    #[test]
    fn a_broken_pipe_is_a_quiet_success() {
        for form in [Form::Text, Form::Json] {
            let err = Kept::default();
            let pipe = Box::new(Broken(ErrorKind::BrokenPipe));
            let output = Output::to("scrip-test", form, pipe, Box::new(err.clone()));
            output.line("one");
            output.line("two");
            assert_eq!(output.finish(Ok(Exit::Done)), Exit::Done);
            assert_eq!(err.text(), "");
        }
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let err = Kept::default();
        let full = Box::new(Broken(ErrorKind::StorageFull));
        let output = Output::to("scrip-test", Form::Text, full, Box::new(err.clone()));
        output.line("one");
        assert_eq!(output.finish(Ok(Exit::Done)), Exit::Failure);
        let expected = "scrip-test: error: writing to standard output: no storage space\n";
        assert_eq!(err.text(), expected);
    }

    #[test]
    fn sums_are_text_with_their_currency() {
        let amount = Amount::from_minor(1_000_000_000_000).unwrap();
        let sum = money(amount, "JPY".parse().unwrap());
        assert_eq!(sum.to_string(), "{\"currency\":\"JPY\",\"minor\":\"1000000000000\"}");
    }
}
