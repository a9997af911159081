//! What is true of a population: what every medium has, by its own bookkeeping.

use std::collections::BTreeMap;

use serde::Serialize;

use super::dials::Dial;
use super::outcome::Books;
use super::population::Population;
use super::tally::Holding;

/// Version of the file's form.
const VERSION: u32 = 1;

/// What is true of a population.
#[derive(Debug)]
pub struct Truth {
    /// How it came about.
    pub population: Population,
    /// Every medium, in the order of the population.
    pub media: Vec<MediumTruth>,
    /// What was planted, in the same order: what lies on one medium may imply more than one finding.
    pub planted: Vec<Planted>,
    /// Files among the evidence that are none of the population's.
    pub foreign: Vec<String>,
    /// Numbers of the stores whose journals the records hold.
    pub imported: Vec<u32>,
    /// Entries of all stores' journals.
    pub entries: u64,
}

/// What is true of one medium; sums are minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MediumTruth {
    /// Its number, 12 digits.
    pub medium: String,
    /// Number of the store that sold it.
    pub store: u32,
    /// Records that its owner made, on all branches.
    pub records: u64,
    /// What it has by the rules, all that its owner signed taken together.
    #[serde(flatten)]
    pub holding: Holding,
    /// What the records hold of it once all evidence is settled; none where a person has to decide
    /// or something has to be brought first: then nothing is posted.
    pub books: Option<Books>,
}

/// Something that was planted, and the finding that its evidence implies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// The dial's name.
    pub dial: &'static str,
    /// The class of the finding.
    pub class: &'static str,
    /// The medium's number, 12 digits.
    pub medium: String,
    /// Number of the store that was given it, if one was.
    pub store: Option<u32>,
    /// Sequence of the record that it is about, if it is about one.
    pub seq: Option<u64>,
    /// What it concerns, minor units: below zero what the owner has less.
    pub amount: i64,
}

impl Truth {
    /// Records that all media made.
    pub fn records(&self) -> u64 {
        self.media.iter().map(|medium| medium.records).sum()
    }

    /// The file: one object, with a line for each medium.
    pub fn to_json(&self) -> String {
        let Population { seed, media, events, stores, imported, dials } = &self.population;
        let head = BTreeMap::from([
            ("version", u64::from(VERSION)),
            ("seed", *seed),
            ("media", (*media).into()),
            ("events", *events),
            ("stores", (*stores).into()),
            ("imported_rate", (*imported).into()),
            ("records", self.records()),
            ("store_entries", self.entries),
        ]);
        let rates = Dial::ALL.iter().map(|dial| (dial.name(), dials.rate(*dial)));
        let rates: BTreeMap<_, _> =
            rates.chain([("foreign", dials.foreign), ("visits", dials.visits)]).collect();
        let (head, rates) = (json(&head), json(&rates));
        let (imported, foreign) = (json(&self.imported), json(&self.foreign));
        let (planted, accounts) = (rows(&self.planted), rows(&self.media));
        format!(
            "{{\"population\":{head},\n\"rates\":{rates},\n\"currency\":\"JPY\",\n\
             \"imported\":{imported},\n\"foreign\":{foreign},\n\
             \"planted\":[\n{planted}\n],\n\"accounts\":[\n{accounts}\n]}}\n"
        )
    }
}

fn rows(values: &[impl Serialize]) -> String {
    values.iter().map(json).collect::<Vec<_>>().join(",\n")
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has string keys and whole numbers alone")
}
