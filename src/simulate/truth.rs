//! What is true of a population: what every medium has, by its own bookkeeping.

use std::collections::BTreeMap;

use serde::Serialize;

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
    /// What it has by the rules, all evidence taken together.
    #[serde(flatten)]
    pub holding: Holding,
}

impl Truth {
    /// Records that all media made.
    pub fn records(&self) -> u64 {
        self.media.iter().map(|medium| medium.records).sum()
    }

    /// The file: one object, with a line for each medium.
    pub fn to_json(&self) -> String {
        let Population { seed, media, events, stores, imported } = &self.population;
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
        let rows: Vec<String> = self.media.iter().map(json).collect();
        let (head, imported) = (json(&head), json(&self.imported));
        let rows = rows.join(",\n");
        format!(
            "{{\"population\":{head},\n\"currency\":\"JPY\",\n\"imported\":{imported},\n\
             \"accounts\":[\n{rows}\n]}}\n"
        )
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has string keys and whole numbers alone")
}
