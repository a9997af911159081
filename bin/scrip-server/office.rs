//! Opening the issuer, and asking for the passphrase only where there is one.

use scrip::crypto::password::Password;
use scrip::format::certificate::Purpose;
use scrip::issuer::{Issuer, KeyCover, OpenError};
use scrip::tool::password::PasswordSource;
use scrip::tool::{Classed, Exit, Failure, Output};
use scrip::trust::Passphrase;
use scrip::units::Amount;
use scrip::words::Language;
use serde_json::json;

use crate::cli::Office;

/// What is said wherever a test root is used.
pub(crate) const TEST_ROOT: &str = "this is a TEST root: nothing under it is worth anything";

/// The passphrase of the issuer's keys, if they have one.
pub(crate) struct Opener(Option<Password>);

impl Office {
    /// Open the issuer; a test root is said to be one.
    pub(crate) fn open(&self, output: &Output) -> Result<Issuer, Failure> {
        let issuer = Issuer::open(&self.dir, self.records.as_ref());
        let mut issuer = issuer.map_err(|error| {
            let hint = match &error {
                OpenError::Records(_) => "name their place with --records PLACE",
                _ => "name the issuer's folder with --dir DIR, or make one with init",
            };
            Failure::of(Exit::from(&error), &error).hint(hint)
        })?;
        let words = output.clone();
        issuer.records().tell_waits(move |place| {
            words.note(format!("another program writes the records at {place}: waiting for it"));
            words.event("waiting", &json!({ "records": place }));
        });
        if issuer.purpose() == Purpose::Test {
            output.warn(TEST_ROOT);
        }
        Ok(issuer)
    }

    /// Ask for the passphrase, unless the keys lie bare.
    pub(crate) fn opener(&self, issuer: &Issuer) -> Result<Opener, Failure> {
        let bare = issuer.key_cover().or_fail()? == KeyCover::Bare;
        if bare && self.password_file.is_none() {
            return Ok(Opener(None));
        }
        let source = PasswordSource::from(self.password_file.clone());
        source.read(&format!("passphrase of {}", issuer.name())).map(|word| Opener(Some(word)))
    }
}

impl Opener {
    /// A new passphrase for new keys, asked for twice.
    pub(crate) fn choose(office: &Office, name: &str) -> Result<Self, Failure> {
        let source = PasswordSource::from(office.password_file.clone());
        source
            .read_new(format!("new passphrase of {name}"), Language::English)
            .map(|word| Self(Some(word)))
    }

    /// Keys that lie bare.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// What unlocks a key.
    pub(crate) fn passphrase(&self) -> Passphrase<'_> {
        self.0.as_ref().map_or(Passphrase::None, Passphrase::Password)
    }
}

/// Read a sum that somebody typed, in the issuer's currency.
pub(crate) fn sum(issuer: &Issuer, text: &str) -> Result<Amount, Failure> {
    issuer.form().parse(text).map_err(|error| Failure::of(Exit::Usage, &error))
}

/// Sums in messages of the records are minor units; say so where the currency has places.
pub(crate) fn places_hint(issuer: &Issuer, failure: Failure) -> Failure {
    let form = issuer.form();
    if form.exponent() == 0 || failure.hinted().is_some() {
        return failure;
    }
    failure.hint(format!(
        "sums above are minor units: {} of them are one {}",
        10_u64.pow(form.exponent().into()),
        form.currency()
    ))
}
