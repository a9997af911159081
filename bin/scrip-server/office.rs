//! Opening the issuer, and asking for the passphrase only where there is one.

use scrip::crypto::password::Password;
use scrip::issuer::{Issuer, KeyCover};
use scrip::tool::password::PasswordSource;
use scrip::tool::{Classed, Exit, Failure};
use scrip::trust::Passphrase;
use scrip::units::Amount;

use crate::cli::Office;

/// The passphrase of the issuer's keys, if they have one.
pub(crate) struct Opener(Option<Password>);

impl Office {
    /// Open the issuer.
    pub(crate) fn open(&self) -> Result<Issuer, Failure> {
        Issuer::open(&self.dir, self.records.as_ref()).or_fail().map_err(|failure| {
            failure.hint("name the issuer's folder with --dir DIR, or make one with init")
        })
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
        source.read_new(&format!("new passphrase of {name}")).map(|word| Self(Some(word)))
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
