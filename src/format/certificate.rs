//! Certificates and enrolment requests: CWT claims (RFC 8392) with the key in `cnf` (RFC 8747).

use ciborium::Value;

use super::field::{Field, MapWriter, Mismatch, Reader, choice, record};
use super::objects;
use crate::crypto::sign::PublicKey;
use crate::units::{Amount, Currency, StoreId, Timestamp};

choice! {
    /// What a certificate lets its key do.
    pub enum Role {
        /// Certifies issuers; kept away.
        0 => Root "root",
        /// Issues value: certifies the roles below, signs sheets, kits, policy, revocations.
        1 => Issuer "issuer",
        /// Sells media and top-ups.
        2 => Store "store",
        /// Signs checkpoints.
        3 => Settler "settler",
        /// Signs editions.
        4 => RomSigner "rom-signer",
        /// Decides about findings.
        5 => Decider "decider",
    }
}

choice! {
    /// What a root is for; it binds everything under it.
    pub enum Purpose {
        /// Real money: cost floors bind.
        0 => Live "live",
        /// Tests only: refused unless a tool is told otherwise, twice.
        1 => Test "test",
    }
}

/// An Ed25519 key as a confirmation claim: {1: COSE_Key {1: 1, -1: 6, -2: x}}.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation(pub PublicKey);

impl Field for Confirmation {
    fn to_value(&self) -> Value {
        Value::Map(vec![(1.into(), CoseKey(self.0).to_value())])
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let no_key = || Mismatch::new("is not {1: COSE_Key}");
        let map = reader.map().map_err(|_| no_key())?;
        map.only::<CoseKey>(1)?.map(|key| Self(key.0)).ok_or_else(no_key)
    }
}

/// {1: 1, -1: 6, -2: x}
struct CoseKey(PublicKey);

impl Field for CoseKey {
    fn to_value(&self) -> Value {
        let mut key = MapWriter::default();
        key.put(1, &1_u64);
        key.put(-1, &6_u64);
        key.put(-2, &self.0);
        key.finish()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let mut key = reader.map()?;
        let (family, curve): (u64, u64) = (key.take(1, "kty")?, key.take(-1, "crv")?);
        if (family, curve) != (1, 6) {
            let reason = format!("key type {family}, curve {curve}: expected 1 (OKP), 6 (Ed25519)");
            return Err(Mismatch::new(reason));
        }
        let public = key.take(-2, "x")?;
        key.finish()?;
        Ok(Self(public))
    }
}

record! {
    /// What a store may issue before it must settle.
    pub struct StoreGrant {
        /// The store's number.
        1 => store: StoreId,
        /// X25519 key that kits are sealed to.
        2 => seal_key: [u8; 32],
        /// The only currency that it sells.
        3 => currency: Currency,
        /// All that its codes and vouchers may add up to, minor units.
        4 => quota: Amount,
        /// The largest single voucher, minor units.
        5 => single_max: Amount,
        /// First voucher serial.
        6 => serial_first: u64,
        /// Last voucher serial.
        7 => serial_last: u64,
        /// Stores whose media it may re-stamp, besides its own.
        8 => refreshes: Option<Vec<StoreId>>,
    }
}

record! {
    /// A role's certificate; the claims' keys are those of the CWT registry.
    pub struct Certificate {
        /// Claim `iss`: the certifier's name.
        1 => issuer: String,
        /// Claim `sub`: the holder's name.
        2 => subject: String,
        /// Claim `exp`: not valid from then on.
        4 => expires: Timestamp,
        /// Claim `iat`: made at.
        6 => issued: Timestamp,
        /// Claim `cti`: random, names this certificate.
        7 => id: [u8; 16],
        /// Claim `cnf`: the certified key.
        8 => key: Confirmation,
        /// Private claim: the role.
        -70_001 => role: Role,
        /// Private claim: the purpose of the root above.
        -70_002 => purpose: Purpose,
        /// Private claim, for stores alone: what it may issue.
        -70_003 => grant: Option<StoreGrant>,
    }
}

record! {
    /// What a store sends to be enrolled; signed by the key it asks to have certified.
    pub struct EnrolRequest {
        /// The store's name.
        1 => name: String,
        /// Ed25519 key to be certified.
        2 => key: PublicKey,
        /// X25519 key that kits are to be sealed to.
        3 => seal_key: [u8; 32],
        /// Made at.
        4 => made: Timestamp,
    }
}

/// A leaf object's certificates from its signer up to, but without, the pinned root.
///
/// A plain array of signed certificates: leaf's signer first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain(pub Vec<Vec<u8>>);

/// Signer, issuer, root: no chain is longer.
pub const CHAIN_LENGTH_MAX: usize = 3;

impl Field for Chain {
    fn to_value(&self) -> Value {
        Value::Array(self.0.iter().map(|bytes| Value::Bytes(bytes.clone())).collect())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Mismatch> {
        let parts = Vec::<super::field::Bytes>::read(reader)?;
        if parts.len() > CHAIN_LENGTH_MAX {
            let reason = format!("{} certificates, limit {CHAIN_LENGTH_MAX}", parts.len());
            return Err(Mismatch::new(reason));
        }
        Ok(Self(parts.into_iter().map(|part| part.0).collect()))
    }
}

objects! {
    Certificate => Certificate,
    EnrolRequest => EnrolRequest,
    Chain => Chain,
}
