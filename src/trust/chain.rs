//! From a pinned root down to a signer.

use std::fmt;

use super::TrustError;
use super::signed::{Verified, role_for, verify};
use crate::crypto::digest::sha256;
use crate::crypto::sign::PublicKey;
use crate::format::Object;
use crate::format::certificate::{Certificate, Chain, Purpose, Role};
use crate::format::cose::Sign1;
use crate::format::{DecodeError, Kind};
use crate::units::Timestamp;

/// What a person compares to know a root: ten bytes of SHA-256 over its key, as `4F2A-…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 10]);

impl Fingerprint {
    /// The fingerprint of a key.
    pub fn of(key: &PublicKey) -> Self {
        let digest = sha256(key.as_bytes());
        Self(digest[..10].try_into().expect("32 bytes hold 10"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, pair) in self.0.chunks(2).enumerate() {
            let dash = if place == 0 { "" } else { "-" };
            write!(f, "{dash}{:02X}{:02X}", pair[0], pair[1])?;
        }
        Ok(())
    }
}

/// A root whose certificate is its own.
#[derive(Debug, Clone)]
pub struct Root {
    certificate: Verified<Certificate>,
}

impl Root {
    /// Read a self-signed root certificate, as `trust.cbr` holds it.
    pub fn read(bytes: &[u8]) -> Result<Self, TrustError> {
        let payload = Sign1::decode(bytes, Kind::Certificate)?;
        let claimed = Certificate::decode(payload.payload())?;
        let certificate = verify::<Certificate>(bytes, &claimed.key.0)?;
        if certificate.role != Role::Root || certificate.grant.is_some() {
            let reason = format!("{} is no root's certificate", certificate.subject);
            return Err(TrustError::Chain { length: 1, reason });
        }
        Ok(Self { certificate })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Verified<Certificate> {
        &self.certificate
    }

    /// What a person compares.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate.key.0)
    }

    fn key(&self) -> &PublicKey {
        &self.certificate.key.0
    }
}

/// Do test roots count?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestRoots {
    /// Everywhere but in tests.
    Refused,
    /// Where a tool was told so.
    Allowed,
}

/// Is a chain's root one that was pinned?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The root is pinned here.
    Pinned(Fingerprint),
    /// The chain is consistent under a root that nothing here pins.
    Unpinned(Fingerprint),
}

impl Anchor {
    /// The root's fingerprint.
    pub fn fingerprint(self) -> Fingerprint {
        match self {
            Self::Pinned(fingerprint) | Self::Unpinned(fingerprint) => fingerprint,
        }
    }

    /// Is it pinned?
    pub fn is_pinned(self) -> bool {
        matches!(self, Self::Pinned(_))
    }
}

/// The pinned roots and the time floor: what every verification starts from.
#[derive(Debug, Clone)]
pub struct Trust {
    roots: Vec<Root>,
    test_roots: TestRoots,
    floor: Option<Timestamp>,
}

impl Trust {
    /// Begin with these roots.
    pub fn new(roots: Vec<Root>, test_roots: TestRoots) -> Self {
        Self { roots, test_roots, floor: None }
    }

    /// Raise the time floor to a time that an issuer or settler signed.
    pub fn raise_floor(&mut self, signed: Timestamp) {
        self.floor = self.floor.max(Some(signed));
    }

    /// The newest signed time that was seen.
    pub fn floor(&self) -> Option<Timestamp> {
        self.floor
    }

    /// The pinned roots.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// SHA-256 over all of it: what was verified under another digest was verified from something
    /// else.
    pub fn digest(&self) -> [u8; 32] {
        let floor = self.floor.map_or(0, Timestamp::seconds).to_be_bytes();
        let test_roots = [u8::from(self.test_roots == TestRoots::Allowed)];
        let roots = self.roots.iter().map(|root| sha256(root.certificate.bytes()));
        let roots: Vec<[u8; 32]> = roots.collect();
        sha256(&[roots.as_flattened(), &test_roots, &floor].concat())
    }

    /// Walk a chain (signer first, then the certificates above it, the root last or left out).
    pub fn signer(&self, chain: &Chain) -> Result<Signer, TrustError> {
        let fault =
            |reason: &str| TrustError::Chain { length: chain.0.len(), reason: reason.to_owned() };
        let (signers, root, pinned) = self.anchor(chain).ok_or_else(|| {
            fault("no pinned root signed it and it ends in no self-signed root")
        })??;
        if root.certificate.purpose == Purpose::Test && self.test_roots == TestRoots::Refused {
            return Err(TrustError::TestRoot(root.fingerprint()));
        }
        let mut above = root.certificate.clone();
        check_period(&above, self.floor)?;
        if signers.is_empty() || signers.len() > 2 {
            return Err(fault("expected an issuer, or an issuer and one role under it"));
        }
        let mut path = vec![];
        for bytes in signers.iter().rev() {
            let next = certified(&above, bytes, self.floor)?;
            path.push(std::mem::replace(&mut above, next));
        }
        let fingerprint = root.fingerprint();
        let anchor =
            if pinned { Anchor::Pinned(fingerprint) } else { Anchor::Unpinned(fingerprint) };
        path.reverse();
        Ok(Signer { certificate: above, above: path, anchor })
    }

    /// The certificates under the root, the root, and whether it is pinned.
    #[expect(clippy::type_complexity, reason = "private, and named by its one caller")]
    fn anchor<'c>(
        &self,
        chain: &'c Chain,
    ) -> Option<Result<(&'c [Vec<u8>], Root, bool), TrustError>> {
        let (last, rest) = chain.0.split_last()?;
        let message = match Sign1::decode(last, Kind::Certificate) {
            Ok(message) => message,
            Err(error) => return Some(Err(error.into())),
        };
        let pinned = self.roots.iter().find(|root| root.key().key_id() == message.key_id());
        match (pinned, Root::read(last)) {
            (Some(root), Ok(own)) if own.key() == root.key() => {
                Some(Ok((rest, root.clone(), true)))
            }
            (Some(root), _) => Some(Ok((&chain.0, root.clone(), true))),
            (None, Ok(own)) => Some(Ok((rest, own, false))),
            (None, Err(_)) => None,
        }
    }
}

/// A certified key that may sign objects of its role.
#[derive(Debug, Clone)]
pub struct Signer {
    certificate: Verified<Certificate>,
    above: Vec<Verified<Certificate>>,
    anchor: Anchor,
}

impl Signer {
    /// Its certificate.
    pub fn certificate(&self) -> &Verified<Certificate> {
        &self.certificate
    }

    /// Where its chain ends.
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Its issuer, which is itself for an issuer's chain.
    #[must_use]
    pub fn issuer(&self) -> Self {
        match self.above.split_first() {
            Some((issuer, above)) if issuer.role == Role::Issuer => {
                Self { certificate: issuer.clone(), above: above.to_vec(), anchor: self.anchor }
            }
            _ => self.clone(),
        }
    }

    /// The role that this issuer certified by these bytes; periods are held against the floor.
    pub fn certify(&self, bytes: &[u8], floor: Option<Timestamp>) -> Result<Self, TrustError> {
        let certificate = certified(&self.certificate, bytes, floor)?;
        let above = std::iter::once(&self.certificate).chain(&self.above).cloned().collect();
        Ok(Self { certificate, above, anchor: self.anchor })
    }

    /// The chain as objects carry it: this certificate first, the root last.
    pub fn chain(&self) -> Chain {
        let above = self.above.iter().map(|certificate| certificate.bytes().to_vec());
        Chain(std::iter::once(self.certificate.bytes().to_vec()).chain(above).collect())
    }

    /// Verify an object that this signer's role may sign, then parse it.
    pub fn open<T: Object>(&self, bytes: &[u8]) -> Result<Verified<T>, TrustError> {
        let kind = T::KIND.name();
        match role_for(T::KIND) {
            Some(expected) if expected == self.certificate.role => {
                verify(bytes, &self.certificate.key.0)
            }
            Some(expected) => {
                Err(TrustError::Role { kind, found: self.certificate.role, expected })
            }
            None => Err(TrustError::Decode(DecodeError::Envelope {
                kind,
                reason: "no certified role signs it".to_owned(),
            })),
        }
    }
}

/// Verify one certificate under the one above it.
fn certified(
    above: &Verified<Certificate>,
    bytes: &[u8],
    floor: Option<Timestamp>,
) -> Result<Verified<Certificate>, TrustError> {
    let next = verify::<Certificate>(bytes, &above.key.0)?;
    let allowed = match above.role {
        Role::Root => next.role == Role::Issuer,
        Role::Issuer => !matches!(next.role, Role::Root | Role::Issuer),
        _ => false,
    };
    let reason = format!("a {} can't certify a {}", above.role, next.role);
    if !allowed {
        return Err(TrustError::Chain { length: 2, reason });
    }
    if next.grant.is_some() != (next.role == Role::Store) {
        let reason = format!("{}: a grant goes with stores alone", next.subject);
        return Err(TrustError::Chain { length: 2, reason });
    }
    if next.purpose != above.purpose {
        let subject = next.subject.clone();
        let (found, expected) = (next.purpose, above.purpose);
        return Err(TrustError::Purpose { subject, found, expected });
    }
    check_period(&next, floor)?;
    Ok(next)
}

fn check_period(certificate: &Certificate, floor: Option<Timestamp>) -> Result<(), TrustError> {
    match floor {
        Some(floor) if certificate.expires <= floor => Err(TrustError::Expired {
            subject: certificate.subject.clone(),
            expires: certificate.expires,
            floor,
        }),
        _ => Ok(()),
    }
}
