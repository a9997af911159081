//! Burning, as far as the store's folder goes: numbers used once, secrets kept until verified.

use zeroize::Zeroizing;

use super::books::{CodeState, Stage};
use super::enter::Draft;
use super::open::{BURNS, Shop, Writing};
use super::sale::SoldCode;
use super::{Refusal, ShopError};
use crate::crypto::aead::{decrypt, encrypt};
use crate::crypto::sign::SecretKey;
use crate::crypto::{Random, Secret, hmac_sha256};
use crate::device::Privacy;
use crate::format::edition::EditionId;
use crate::format::sheet::Sheet;
use crate::format::store::{Burn, StoreEvent};
use crate::trust::Verified;
use crate::trust::access::HolderKeys;
use crate::units::{Amount, MediumId, Timestamp};

/// What separates a burn's sealing key from all else under the store's key.
const SEAL_DOMAIN: &[u8] = b"scrip/v1/burn-secrets";
const NONCE_BYTES: usize = 12;
/// Holder seed, ring key, seed, edition.
const FIXED_BYTES: usize = 4 * 32;
/// The longest file of sealed secrets.
const SEALED_BYTES_MAX: u64 = 4096;
/// The longest first password, and the longest name of a target, in bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// What a first password is made of: nothing that looks like another.
const PASSWORD_LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
const PASSWORD_GROUPS: usize = 3;
const PASSWORD_GROUP_LETTERS: usize = 4;
/// All letters and the hyphens between groups: the text never moves while it grows.
const PASSWORD_LETTERS_MAX: usize = PASSWORD_GROUPS * (PASSWORD_GROUP_LETTERS + 1);

/// What a burn must remember to be resumed to identical bytes; erased when the burn is verified.
pub struct BurnSecrets {
    /// The first holder key and the ring key.
    pub keys: HolderKeys,
    /// The password of the first login.
    pub password: Zeroizing<String>,
    /// All other random choices of this burn follow from it.
    pub seed: Secret<32>,
    /// The edition that is burnt.
    pub edition: EditionId,
    /// What is burnt to, for a person and for finding the burn again.
    pub target: String,
}

/// A medium number that a burn has used up.
#[derive(Debug)]
pub struct ReservedBlank {
    /// The number.
    pub medium: MediumId,
    /// The sequence of the entry that used it up: the serial in the medium's certificate.
    pub serial: u64,
    /// When that was: the time in the medium's certificate.
    pub at: Timestamp,
    /// The medium's sheet.
    pub sheet: Verified<Sheet>,
}

impl BurnSecrets {
    /// Draw the secrets of a new burn.
    pub fn generate(edition: EditionId, target: &str, rng: &mut dyn Random) -> Self {
        Self {
            keys: HolderKeys::generate(rng),
            password: first_password(rng),
            seed: Secret::generate(rng),
            edition,
            target: target.to_owned(),
        }
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(FIXED_BYTES + 2 * TEXT_BYTES_MAX));
        let seed = self.keys.key.seed();
        for part in [seed.expose(), self.keys.ring.expose(), self.seed.expose(), &self.edition] {
            bytes.extend_from_slice(part);
        }
        let length = u16::try_from(self.target.len()).expect("the length was checked");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(self.target.as_bytes());
        bytes.extend_from_slice(self.password.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES)?;
        let mut parts = fixed.chunks_exact(32);
        let mut next = || Secret::<32>::from_slice(parts.next()?);
        let (holder, ring, seed, edition) = (next()?, next()?, next()?, next()?);
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (target, password) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        Some(Self {
            keys: HolderKeys { key: SecretKey::from_seed(*holder.expose()), ring },
            password: Zeroizing::new(str::from_utf8(password).ok()?.to_owned()),
            seed,
            edition: *edition.expose(),
            target: str::from_utf8(target).ok()?.to_owned(),
        })
    }
}

impl Shop {
    /// Use up the next blank's number and keep the burn's secrets, before anything is written to
    /// a medium.
    pub fn begin_burn(
        &mut self,
        secrets: &BurnSecrets,
        now: Timestamp,
        rng: &mut dyn Random,
    ) -> Result<ReservedBlank, ShopError> {
        self.standing()?;
        let medium = self.next_blank()?;
        // Secrets first: without an entry they are stale and go at the next opening.
        self.keep_secrets(medium, secrets, rng)?;
        self.enter(Draft::new(StoreEvent::Begun, medium), now)?;
        self.reserved(medium)
    }

    /// Would the next blank have a code of this amount to start with?
    pub fn check_starting_code(&self, amount: Amount) -> Result<(), Refusal> {
        self.next_code(self.next_blank()?, amount).map(|_| ())
    }

    /// The number, sheet and serial of a burn that began and hasn't ended.
    pub fn reserved(&self, medium: MediumId) -> Result<ReservedBlank, ShopError> {
        let enrolled = self.enrolled()?;
        let stocked = enrolled.books.medium(medium)?;
        let Stage::Begun(serial) = stocked.stage else {
            let found = stocked.stage.to_string();
            return Err(Refusal::Stage { medium, found, needed: "being burnt" }.into());
        };
        let at = self.entry(serial)?.at;
        Ok(ReservedBlank { medium, serial, at, sheet: stocked.sheet.clone() })
    }

    /// Media whose burn began and hasn't ended.
    pub fn unfinished_burns(&self) -> Result<Vec<MediumId>, Refusal> {
        let media = self.books()?.media().iter();
        let begun = media.filter(|medium| matches!(medium.stage, Stage::Begun(_)));
        Ok(begun.map(|medium| medium.sheet.medium).collect())
    }

    /// The secrets of a burn that is to be resumed.
    pub fn burn_secrets(&self, medium: MediumId) -> Result<BurnSecrets, ShopError> {
        let name = secrets_name(medium);
        let bytes = self.folder.folder(BURNS)?.read(&name, SEALED_BYTES_MAX)?;
        let file = || format!("{BURNS}/{name}");
        let damaged = |reason: &str| ShopError::damaged(file(), &reason);
        let (nonce, sealed) = bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(|| damaged("too short for sealed secrets"))?;
        let plain = decrypt(&self.secrets_key(medium), nonce, &aad(medium), sealed)
            .map_err(|error| ShopError::damaged(file(), &error))?;
        BurnSecrets::decode(plain.expose()).ok_or_else(|| damaged("holds no burn's secrets"))
    }

    /// The codes that this burn has already spent.
    pub fn spent_codes(&self, medium: MediumId) -> Result<Vec<SoldCode>, ShopError> {
        let spent = self.enrolled()?.books.medium(medium)?.codes.iter().filter_map(|code| {
            let CodeState::Spent(seq) = code.state else { return None };
            Some((seq, code.stocked.slot))
        });
        spent.map(|(seq, slot)| self.sold_code(medium, slot, seq)).collect()
    }

    /// The burn was verified: journal it, then erase its secrets.
    pub fn record_burnt(
        &mut self,
        medium: MediumId,
        burn: Burn,
        now: Timestamp,
    ) -> Result<u64, ShopError> {
        let draft = Draft { burn: Some(burn), ..Draft::new(StoreEvent::Burnt, medium) };
        let seq = self.enter(draft, now)?;
        self.erase_secrets(medium)?;
        Ok(seq)
    }

    /// The burn is given up; its number is never used again.
    pub fn abandon(&mut self, medium: MediumId, now: Timestamp) -> Result<u64, ShopError> {
        let seq = self.enter(Draft::new(StoreEvent::Abandoned, medium), now)?;
        self.erase_secrets(medium)?;
        Ok(seq)
    }

    /// A medium was stamped again.
    pub fn record_refreshed(&mut self, medium: MediumId, now: Timestamp) -> Result<u64, ShopError> {
        self.standing()?;
        self.enter(Draft::new(StoreEvent::Refreshed, medium), now)
    }

    fn next_blank(&self) -> Result<MediumId, Refusal> {
        let enrolled = self.enrolled()?;
        let media = enrolled.books.media();
        let blank = media.iter().find(|medium| {
            medium.stage == Stage::Blank
                && enrolled.revoked.check_medium(medium.sheet.medium).is_ok()
        });
        let used = media.iter().filter(|medium| medium.stage != Stage::Blank).count();
        let none = Refusal::NoBlank { used, total: media.len() };
        blank.map(|medium| medium.sheet.medium).ok_or(none)
    }

    fn keep_secrets(
        &self,
        medium: MediumId,
        secrets: &BurnSecrets,
        rng: &mut dyn Random,
    ) -> Result<(), ShopError> {
        for (what, text) in [("target", &secrets.target), ("password", &*secrets.password)] {
            if text.len() > TEXT_BYTES_MAX {
                let found = format!("{what} of {} bytes", text.len());
                let limit = format!("{TEXT_BYTES_MAX} bytes");
                return Err(Refusal::TooLarge { found, what: "that a burn keeps", limit }.into());
            }
        }
        let mut nonce = [0; NONCE_BYTES];
        rng.fill(&mut nonce);
        let key = self.secrets_key(medium);
        let sealed = encrypt(&key, &nonce, &aad(medium), &secrets.encode());
        if self.writing == Writing::Real {
            // In place of what a failed beginning left, whose number was never used up.
            let burns = self.folder.folder(BURNS)?;
            let file = [&nonce[..], &sealed].concat();
            burns.write(&secrets_name(medium), &file, Privacy::Secret)?;
        }
        Ok(())
    }

    fn secrets_key(&self, medium: MediumId) -> Secret<32> {
        let seed = self.keys.sign.seed();
        Secret::new(hmac_sha256(seed.expose(), &[SEAL_DOMAIN, &medium.number().to_be_bytes()]))
    }

    fn erase_secrets(&self, medium: MediumId) -> Result<(), ShopError> {
        let name = secrets_name(medium);
        if self.writing == Writing::Real && self.folder.folder(BURNS)?.contains(&name)? {
            self.folder.folder(BURNS)?.erase(&name)?;
        }
        Ok(())
    }

    /// Erase what a crash left: secrets of burns that ended, or whose number was never used up.
    pub(super) fn erase_stale_secrets(&self) -> Result<(), ShopError> {
        if self.writing == Writing::Dry || !self.folder.contains(BURNS)? {
            return Ok(());
        }
        let live: Vec<_> = self.unfinished_burns().unwrap_or_default();
        let live: Vec<_> = live.into_iter().map(secrets_name).collect();
        let burns = self.folder.folder(BURNS)?;
        for name in burns.list()?.iter().filter(|name| !live.contains(name)) {
            burns.erase(name)?;
        }
        Ok(())
    }
}

/// A first password that a person can type: three groups of four, 59 bits.
pub fn first_password(rng: &mut dyn Random) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(PASSWORD_LETTERS_MAX));
    for group in 0..PASSWORD_GROUPS {
        if group > 0 {
            text.push('-');
        }
        for _ in 0..PASSWORD_GROUP_LETTERS {
            text.push(password_letter(rng));
        }
    }
    text
}

/// One letter, each as likely: bytes that would favour the first ones are drawn again.
fn password_letter(rng: &mut dyn Random) -> char {
    let fair = u8::MAX - u8::MAX % 31;
    loop {
        let mut byte = [0];
        rng.fill(&mut byte);
        if byte[0] < fair {
            return PASSWORD_LETTERS[usize::from(byte[0] % 31)].into();
        }
    }
}

fn secrets_name(medium: MediumId) -> String {
    format!("{medium}.sealed")
}

fn aad(medium: MediumId) -> Vec<u8> {
    [SEAL_DOMAIN, &medium.number().to_be_bytes()].concat()
}
