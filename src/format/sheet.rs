//! Top-ups: sheets of sealed codes, kits, vouchers.

use ciborium::Value;

use super::certificate::Chain;
use super::field::{Bytes, Field, Mismatch, Reader, record};
use super::objects;
use crate::crypto::digest::sha256_parts;
use crate::units::{Amount, Currency, MediumId, StoreId, Timestamp};

/// Names a sheet.
pub type SheetId = [u8; 16];
/// The most slots a sheet may have; a slot has two digits.
pub const SLOTS_MAX: usize = 100;
/// The most sheets that a kit may have.
pub const KIT_SHEETS_MAX: u32 = 10_000;
/// Length of a slot's commitment.
pub const COMMITMENT_BYTES: usize = 16;

record! {
    /// A run of slots of one amount.
    pub struct Run {
        /// How many slots.
        1 => count: u32,
        /// What each credits, minor units.
        2 => amount: Amount,
    }
}

record! {
    /// A sheet of sealed codes for one medium, signed by the issuer; it holds no secret.
    pub struct Sheet {
        /// Names the sheet; in a kit it follows from that and its place: [`sheet_id`].
        1 => id: SheetId,
        /// The only medium its codes are for.
        2 => medium: MediumId,
        /// The currency of its amounts.
        3 => currency: Currency,
        /// PBKDF2 rounds of the commitments.
        4 => rounds: u32,
        /// Runs of slots, from slot 0.
        5 => runs: Vec<Run>,
        /// One commitment a slot, 16 bytes each, slot 0 first.
        6 => commitments: Bytes,
        /// Issued at; a source of the time floor.
        7 => issued: Timestamp,
    }
}

/// The id of a sheet in a kit, from place 0 on.
///
/// SHA-256 over `"scrip/v1/sheet" | kit (16 bytes) | place (4, big-endian)`, cut to 16 bytes. So a
/// revocation list names all sheets of a kit at once, and nobody who hasn't seen the kit's id can
/// tell which sheets belong together.
pub fn sheet_id(kit: &[u8; 16], place: u32) -> SheetId {
    let hash = sha256_parts(&[b"scrip/v1/sheet", kit, &place.to_be_bytes()]);
    *hash.first_chunk().expect("32 bytes hold 16")
}

impl Sheet {
    /// What a slot credits, if the sheet has it.
    pub fn amount(&self, slot: u8) -> Option<Amount> {
        let mut first = 0_u64;
        for run in &self.runs {
            first += u64::from(run.count);
            if u64::from(slot) < first {
                return Some(run.amount);
            }
        }
        None
    }

    /// A slot's commitment, if the sheet has it.
    pub fn commitment(&self, slot: u8) -> Option<[u8; COMMITMENT_BYTES]> {
        let start = usize::from(slot) * COMMITMENT_BYTES;
        self.commitments.0.get(start..start + COMMITMENT_BYTES)?.try_into().ok()
    }

    /// How many slots there are, if the runs and the commitments agree and none is empty.
    pub fn slots(&self) -> Option<u8> {
        let count: u64 = self.runs.iter().map(|run| u64::from(run.count)).sum();
        let agrees = count * COMMITMENT_BYTES as u64 == self.commitments.0.len() as u64;
        let credits = self.runs.iter().all(|run| run.count > 0 && !run.amount.is_zero());
        let count = u8::try_from(count).ok()?;
        (agrees && credits && (1..=SLOTS_MAX).contains(&count.into())).then_some(count)
    }
}

/// The 16 secret digits of a code. Not printed by `Debug`.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct SecretDigits([u8; 16]);

impl SecretDigits {
    /// Take 16 ASCII digits.
    pub fn from_ascii(digits: [u8; 16]) -> Option<Self> {
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }

    /// The digits in ASCII.
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Debug for SecretDigits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretDigits(..)")
    }
}

impl Field for SecretDigits {
    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let digits = <[u8; 16]>::read(reader)?;
        Self::from_ascii(digits).ok_or_else(|| Mismatch::new("holds something else than digits"))
    }
}

record! {
    /// One code that the store may sell.
    pub struct StockedCode {
        /// The slot on the medium's sheet.
        1 => slot: u8,
        /// Its secret.
        2 => secret: SecretDigits,
    }
}

record! {
    /// One blank medium of a kit.
    pub struct Blank {
        /// Its number.
        1 => medium: MediumId,
        /// Its signed sheet.
        2 => sheet: Bytes,
        /// The codes that the store may sell.
        3 => codes: Vec<StockedCode>,
    }
}

record! {
    /// Blank media for one store, signed by the issuer, then sealed to the store's key.
    pub struct Kit {
        /// Random; names the kit.
        1 => id: [u8; 16],
        /// The store it is for.
        2 => store: StoreId,
        /// The currency of its sheets.
        3 => currency: Currency,
        /// Issued at; a source of the time floor.
        4 => issued: Timestamp,
        /// The blanks.
        5 => blanks: Vec<Blank>,
        /// The newest signed policy.
        6 => policy: Bytes,
        /// The newest signed revocation list, if there is one.
        7 => revocation: Option<Bytes>,
    }
}

record! {
    /// A kit on its way: only the store's seal key opens it.
    pub struct SealedKit {
        /// The store it is for.
        1 => store: StoreId,
        /// Certificates of the issuer that signed the kit inside.
        2 => chain: Chain,
        /// HPKE (RFC 9180): 32 bytes of encapsulated key, then the sealed, signed kit.
        3 => sealed: Bytes,
    }
}

record! {
    /// An edition's secret on its way: only the store's seal key opens it.
    pub struct SealedSecret {
        /// The store it is for.
        1 => store: StoreId,
        /// HPKE (RFC 9180): 32 bytes of encapsulated key, then the sealed secret.
        2 => sealed: Bytes,
    }
}

record! {
    /// A signed top-up, good for one medium and once.
    pub struct Voucher {
        /// SHA-256 over store and serial, eight bytes each, big-endian, cut to 16 bytes.
        1 => id: [u8; 16],
        /// The only medium it is for.
        2 => medium: MediumId,
        /// What it credits, minor units.
        3 => amount: Amount,
        /// The currency.
        4 => currency: Currency,
        /// The store that sold it.
        5 => store: StoreId,
        /// Its serial; serials rise strictly in the store's journal.
        6 => serial: u64,
        /// Sold at.
        7 => issued: Timestamp,
        /// Not valid from then on.
        8 => expires: Timestamp,
    }
}

record! {
    /// A voucher as a file: what an owner carries home, to be checked without a network.
    pub struct VoucherFile {
        /// The signed voucher.
        1 => voucher: Bytes,
        /// Certificates of the store that signed it.
        2 => chain: Chain,
    }
}

objects! {
    Sheet => Sheet,
    Kit => Kit,
    SealedKit => SealedKit,
    SealedSecret => SealedSecret,
    Voucher => Voucher,
    VoucherFile => VoucherFile,
}
