//! Founding an issuer: its keys, its certificates, its policy, its empty records.

use std::path::Path;

use super::defaults::{CERTIFICATE_DAYS, default_policy};
use super::keys::{SEAL_KEY_FILE, SEAL_ROLE, chain_file, key_file};
use super::{Issuer, OpenError, POLICY_FILE, ROOT_FOLDER, TRUST_FILE};
use crate::crypto::password::Cost;
use crate::crypto::sign::{PublicKey, SecretKey};
use crate::crypto::{Random, Secret};
use crate::device::{Folder, FolderError, Privacy};
use crate::format::Object;
use crate::format::certificate::{Certificate, Chain, Confirmation, Purpose, Role, StoreGrant};
use crate::records::{self, Place, Records};
use crate::trust::{KeyFileError, LIVE_ROUNDS_MIN, Passphrase, ROUNDS_MAX, lock_key, sign};
use crate::units::{CurrencyForm, Timestamp};

/// The longest name of an issuer or a store, in bytes.
pub const NAME_BYTES_MAX: usize = 120;

/// What an issuer is to be.
pub struct Founding<'a> {
    /// Its name, as certificates show it.
    pub name: &'a str,
    /// The currency it issues.
    pub form: CurrencyForm,
    /// What its root is for.
    pub purpose: Purpose,
    /// What protects its keys.
    pub passphrase: Passphrase<'a>,
    /// What one guess at the passphrase costs.
    pub cost: Cost,
    /// PBKDF2 rounds of its sheets.
    pub rounds: u32,
    /// Where its records are to lie; none for the folder itself.
    pub place: Option<&'a Place>,
}

/// Why an issuer is not founded.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// A name that certificates can't carry.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Costs that a live root doesn't allow.
    #[error("{what} {found} is below {least}, the least for a live root")]
    Cheap {
        /// Which cost.
        what: &'static str,
        /// As asked for.
        found: u32,
        /// The floor.
        least: u32,
    },
    /// More rounds than any reader would do, or none.
    #[error("{found} rounds a code, allowed are 1 to {ROUNDS_MAX}")]
    Rounds {
        /// As asked for.
        found: u32,
    },
    /// A file or folder; an existing folder is left as it is.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A key can't be locked.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The records.
    #[error(transparent)]
    Records(#[from] records::OpenError),
    /// What was written can't be read back.
    #[error("reading back what was founded: {0}")]
    Open(#[from] OpenError),
}

/// A name that certificates can't carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or spaces around it.
    #[error("name {0:?} is empty, or begins or ends with a space")]
    Blank(String),
    /// Too long.
    #[error("name of {found} bytes is longer than {NAME_BYTES_MAX}")]
    Long {
        /// Its length.
        found: usize,
    },
    /// Characters that a terminal or a label would act on.
    #[error("name {0:?} holds control characters")]
    Control(String),
}

/// Refuse a name that certificates can't carry.
pub(super) fn check_name(name: &str) -> Result<(), NameError> {
    if name.trim() != name || name.is_empty() {
        return Err(NameError::Blank(name.to_owned()));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(NameError::Long { found: name.len() });
    }
    if name.chars().any(char::is_control) {
        return Err(NameError::Control(name.to_owned()));
    }
    Ok(())
}

/// What goes into a certificate, beside what its certifier gives.
pub(super) struct Subject {
    pub name: String,
    pub role: Role,
    pub key: PublicKey,
    pub expires: Timestamp,
    pub grant: Option<StoreGrant>,
}

/// Sign a certificate.
pub(super) fn certify(
    (certifier, by): (&str, &SecretKey),
    subject: Subject,
    purpose: Purpose,
    rng: &mut dyn Random,
    now: Timestamp,
) -> Vec<u8> {
    let mut id = [0; 16];
    rng.fill(&mut id);
    let certificate = Certificate {
        issuer: certifier.to_owned(),
        subject: subject.name,
        expires: subject.expires,
        issued: now,
        id,
        key: Confirmation(subject.key),
        role: subject.role,
        purpose,
        grant: subject.grant,
    };
    sign(by, &certificate)
}

impl Issuer {
    /// Found an issuer in a new folder; an existing one is refused, whatever it holds.
    ///
    /// The pinned root, [`TRUST_FILE`], is written last: a folder without it is no issuer.
    pub fn found(
        path: &Path,
        founding: &Founding<'_>,
        rng: &mut dyn Random,
        now: Timestamp,
    ) -> Result<Self, FoundError> {
        founding.check()?;
        let folder = Folder::create(path)?;
        let _lock = folder.lock("founding an issuer")?;
        let default = Place::in_folder(path);
        drop(Records::create(founding.place.unwrap_or(&default))?);
        let root = Works { founding, folder: &folder, now }.write_all(rng)?;
        folder.create_new(TRUST_FILE, &root, Privacy::Public)?;
        Ok(Self::open(path, founding.place)?)
    }
}

impl Founding<'_> {
    /// Refuse what could not be founded, before anything is written.
    pub fn check(&self) -> Result<(), FoundError> {
        check_name(self.name)?;
        if !(1..=ROUNDS_MAX).contains(&self.rounds) {
            return Err(FoundError::Rounds { found: self.rounds });
        }
        if self.purpose == Purpose::Test {
            return Ok(());
        }
        let cheap = |what, found, least| Err(FoundError::Cheap { what, found, least });
        let (cost, floor) = (self.cost, Cost::LIVE_FLOOR);
        if cost.memory_kib() < floor.memory_kib() {
            return cheap("passphrase memory in KiB", cost.memory_kib(), floor.memory_kib());
        }
        if cost.passes() < floor.passes() {
            return cheap("passes over the passphrase", cost.passes(), floor.passes());
        }
        if self.rounds < LIVE_ROUNDS_MIN {
            return cheap("rounds a code", self.rounds, LIVE_ROUNDS_MIN);
        }
        Ok(())
    }
}

/// An issuer being founded.
struct Works<'a> {
    founding: &'a Founding<'a>,
    folder: &'a Folder,
    now: Timestamp,
}

impl Works<'_> {
    /// Everything but the pinned root, which is handed back.
    fn write_all(&self, rng: &mut dyn Random) -> Result<Vec<u8>, FoundError> {
        let name = self.founding.name;
        let [root, issuer] = [(); 2].map(|()| SecretKey::generate(rng));
        let root_name = format!("{name} root");
        let above = (root_name.as_str(), &root);
        let root_bytes = self.certificate(above, root_name.clone(), Role::Root, &root, rng);
        let issuer_bytes = self.certificate(above, name.to_owned(), Role::Issuer, &issuer, rng);
        let root_folder = self.folder.folder(ROOT_FOLDER)?;
        self.write_key(&root_folder, key_file(Role::Root), Role::Root.word(), &root.seed(), rng)?;
        root_folder.create_new(TRUST_FILE, &root_bytes, Privacy::Public)?;
        let seal_key = Secret::generate(rng);
        self.write_key(self.folder, SEAL_KEY_FILE, SEAL_ROLE, &seal_key, rng)?;
        let above_roles = vec![issuer_bytes, root_bytes.clone()];
        self.write_certified(Role::Issuer, &issuer, &Chain(above_roles.clone()), rng)?;
        for role in [Role::Settler, Role::RomSigner] {
            let key = SecretKey::generate(rng);
            let subject = format!("{name} {role}");
            let leaf = self.certificate((name, &issuer), subject, role, &key, rng);
            let chain = Chain([vec![leaf], above_roles.clone()].concat());
            self.write_certified(role, &key, &chain, rng)?;
        }
        let policy = default_policy(self.founding.form, self.founding.rounds, self.now);
        self.folder.create_new(POLICY_FILE, &sign(&issuer, &policy), Privacy::Public)?;
        Ok(root_bytes)
    }

    fn certificate(
        &self,
        by: (&str, &SecretKey),
        name: String,
        role: Role,
        key: &SecretKey,
        rng: &mut dyn Random,
    ) -> Vec<u8> {
        let days = match role {
            Role::Root => CERTIFICATE_DAYS.root,
            _ => CERTIFICATE_DAYS.issuer,
        };
        let expires = self.now.plus_days(days);
        let subject = Subject { name, role, key: key.public(), expires, grant: None };
        certify(by, subject, self.founding.purpose, rng, self.now)
    }

    fn write_certified(
        &self,
        role: Role,
        key: &SecretKey,
        chain: &Chain,
        rng: &mut dyn Random,
    ) -> Result<(), FoundError> {
        self.write_key(self.folder, key_file(role), role.word(), &key.seed(), rng)?;
        Ok(self.folder.create_new(chain_file(role), &chain.encode(), Privacy::Public)?)
    }

    fn write_key(
        &self,
        folder: &Folder,
        file: &str,
        role: &str,
        seed: &Secret<32>,
        rng: &mut dyn Random,
    ) -> Result<(), FoundError> {
        let Founding { passphrase, cost, .. } = self.founding;
        let bytes = lock_key(role, seed, *passphrase, *cost, rng)?;
        Ok(folder.create_new(file, &bytes, Privacy::Secret)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Grounds, at, founding, rng};
    use super::*;
    use crate::crypto::password::Password;
    use crate::trust::{TestRoots, Trust};

    #[test]
    fn what_is_founded_is_certified_under_one_root() {
        let grounds = Grounds::new();
        let issuer = grounds.found();
        assert_eq!((issuer.name(), issuer.purpose()), ("Kiosk Union", Purpose::Test));
        let trust = Trust::new(vec![issuer.root().clone()], TestRoots::Allowed);
        let keys = [
            (issuer.issuer_key(Passphrase::None).unwrap(), Role::Issuer, "Kiosk Union"),
            (issuer.settler_key(Passphrase::None).unwrap(), Role::Settler, "Kiosk Union settler"),
            (
                issuer.rom_signer_key(Passphrase::None).unwrap(),
                Role::RomSigner,
                "Kiosk Union rom-signer",
            ),
        ];
        for (certified, role, subject) in keys {
            let signer = trust.signer(&certified.chain).unwrap();
            assert!(signer.anchor().is_pinned());
            let certificate = signer.certificate();
            assert_eq!((certificate.role, certificate.subject.as_str()), (role, subject));
            assert_eq!(certificate.expires, at(1).plus_days(3_652));
        }
        drop(issuer);
        let files = Folder::open(&grounds.issuer()).unwrap().list().unwrap();
        let expected = [
            "issuer.cbr",
            "issuer.key",
            "policy.cbr",
            "records.db",
            "rom-signer.cbr",
            "rom-signer.key",
            "root",
            "seal.key",
            "settler.cbr",
            "settler.key",
            "trust.cbr",
        ];
        assert_eq!(files, expected);
    }

    #[test]
    fn an_existing_folder_is_left_as_it_is() {
        let grounds = Grounds::new();
        drop(grounds.found());
        let before = Folder::open(&grounds.issuer()).unwrap().read("issuer.key", 4096).unwrap();
        let founding = founding(Passphrase::None);
        let error = Issuer::found(&grounds.issuer(), &founding, &mut rng(), at(1)).unwrap_err();
        assert!(error.to_string().ends_with("issuer: already there, and not overwritten"));
        let after = Folder::open(&grounds.issuer()).unwrap().read("issuer.key", 4096).unwrap();
        assert_eq!(before, after);
    }

    #[test]
    fn every_key_lies_under_the_passphrase() {
        let grounds = Grounds::new();
        let [right, wrong] = ["right", "wrong"].map(|text| Password::new(text.to_owned()));
        let founding = founding(Passphrase::Password(&right));
        let issuer = Issuer::found(&grounds.issuer(), &founding, &mut rng(), at(1)).unwrap();
        let opens = |passphrase| {
            [
                issuer.issuer_key(passphrase).err(),
                issuer.settler_key(passphrase).err(),
                issuer.rom_signer_key(passphrase).err(),
                issuer.seal_key(passphrase).err(),
            ]
        };
        assert!(opens(Passphrase::Password(&right)).iter().all(Option::is_none));
        for error in opens(Passphrase::Password(&wrong)) {
            let message = error.unwrap().to_string();
            assert!(message.ends_with("key: wrong passphrase"), "{message}");
        }
        for error in opens(Passphrase::None) {
            let message = error.unwrap().to_string();
            assert!(message.ends_with("it lies under a passphrase and none was given"));
        }
        let root = Folder::open(&grounds.issuer().join(ROOT_FOLDER)).unwrap();
        let root = root.read("root.key", 4096).unwrap();
        assert!(crate::trust::unlock_key(&root, "root", Passphrase::Password(&right)).is_ok());
    }

    #[test]
    fn a_live_issuer_is_never_cheap() {
        let live = Founding { purpose: Purpose::Live, ..founding(Passphrase::None) };
        let cases = [
            (
                live.cost,
                100_000,
                "passphrase memory in KiB 8 is below 19456, the least for a live root",
            ),
            (
                Cost::new(19_456, 1, 1).unwrap(),
                100_000,
                "passes over the passphrase 1 is below 2, the least for a live root",
            ),
            (
                Cost::LIVE_FLOOR,
                99_999,
                "rounds a code 99999 is below 100000, the least for a live root",
            ),
            (Cost::LIVE_FLOOR, 0, "0 rounds a code, allowed are 1 to 10000000"),
        ];
        for (cost, rounds, message) in cases {
            let founding = Founding { cost, rounds, ..founding_like(&live) };
            assert_eq!(founding.check().unwrap_err().to_string(), message);
        }
        let sound = Founding { cost: Cost::LIVE_FLOOR, rounds: 100_000, ..live };
        assert!(sound.check().is_ok());
    }

    fn founding_like<'a>(other: &Founding<'a>) -> Founding<'a> {
        Founding { ..*other }
    }

    #[test]
    fn names_that_no_certificate_can_carry_are_refused() {
        let long = "é".repeat(61);
        let cases = [
            ("", "name \"\" is empty, or begins or ends with a space"),
            (" x", "name \" x\" is empty, or begins or ends with a space"),
            ("a\nb", "name \"a\\nb\" holds control characters"),
            (long.as_str(), "name of 122 bytes is longer than 120"),
        ];
        for (name, message) in cases {
            assert_eq!(check_name(name).unwrap_err().to_string(), message);
        }
        assert_eq!(check_name("駅前書店"), Ok(()));
    }
}
