//! The people and keys behind the vectors, all from fixed seeds, under a test root.

use scrip::crypto::seal::SealSecretKey;
use scrip::crypto::sign::SecretKey;
use scrip::format::certificate::{Certificate, Chain, Confirmation, Purpose, Role, StoreGrant};
use scrip::trust::{Root, Signer, TestRoots, Trust, sign};
use scrip::units::{Amount, ByteCount, Currency, MediumId, StoreId, Timestamp};

/// Keys and certificates.
pub(crate) struct World {
    pub(crate) root: SecretKey,
    pub(crate) issuer: SecretKey,
    pub(crate) store: SecretKey,
    pub(crate) other_store: SecretKey,
    pub(crate) settler: SecretKey,
    pub(crate) rom_signer: SecretKey,
    pub(crate) decider: SecretKey,
    /// The store-made holder key.
    pub(crate) holder: SecretKey,
    /// The owner's holder key.
    pub(crate) owner: SecretKey,
    /// The holder key of another medium.
    pub(crate) other_owner: SecretKey,
    pub(crate) seal: SealSecretKey,
}

/// The medium that everything is about.
pub(crate) fn medium() -> MediumId {
    MediumId::from_serial(4_821_093_765)
}

pub(crate) fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

pub(crate) fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

pub(crate) fn store_id(number: u64) -> StoreId {
    StoreId::from_number(number).unwrap()
}

pub(crate) fn yen() -> Currency {
    "JPY".parse().unwrap()
}

pub(crate) fn bytes(count: u64) -> ByteCount {
    ByteCount::from_bytes(count)
}

impl World {
    /// The one world.
    pub(crate) fn new() -> Self {
        let key = |seed: u8| SecretKey::from_seed([seed; 32]);
        Self {
            root: key(0x01),
            issuer: key(0x02),
            store: key(0x03),
            other_store: key(0x04),
            settler: key(0x05),
            rom_signer: key(0x06),
            decider: key(0x0f),
            holder: key(0x07),
            owner: key(0x0d),
            other_owner: key(0x0e),
            seal: SealSecretKey::from_bytes([0x08; 32]),
        }
    }

    /// A certificate for one of the keys, unsigned.
    pub(crate) fn claims(&self, role: Role) -> Certificate {
        let (issuer, subject, key, id) = match role {
            Role::Root => ("Example Root", "Example Root", &self.root, 0x11),
            Role::Issuer => ("Example Root", "Example Issuer", &self.issuer, 0x12),
            Role::Store => ("Example Issuer", "Kiosk \u{99c5}\u{524d}", &self.store, 0x13),
            Role::Settler => ("Example Issuer", "Example Settler", &self.settler, 0x14),
            Role::RomSigner => ("Example Issuer", "Example Press", &self.rom_signer, 0x15),
            Role::Decider => ("Example Issuer", "Example clerk", &self.decider, 0x16),
        };
        Certificate {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            expires: time(2_000_000_000),
            issued: time(1_790_000_000),
            id: [id; 16],
            key: Confirmation(key.public()),
            role,
            purpose: Purpose::Test,
            grant: (role == Role::Store).then(|| self.grant()),
        }
    }

    /// What the store may issue.
    pub(crate) fn grant(&self) -> StoreGrant {
        StoreGrant {
            store: store_id(7),
            seal_key: *self.seal.public().as_bytes(),
            currency: yen(),
            quota: amount(5_000_000),
            single_max: amount(10_000),
            serial_first: 1,
            serial_last: 500,
            refreshes: Some(vec![store_id(8)]),
        }
    }

    /// A role's chain as rules take it.
    pub(crate) fn signer(&self, role: Role) -> Signer {
        let roots = vec![Root::read(&self.certificate(Role::Root)).unwrap()];
        Trust::new(roots, TestRoots::Allowed).signer(&self.chain(role)).unwrap()
    }

    /// A role's certificate, signed by the role above.
    pub(crate) fn certificate(&self, role: Role) -> Vec<u8> {
        let above =
            if matches!(role, Role::Root | Role::Issuer) { &self.root } else { &self.issuer };
        sign(above, &self.claims(role))
    }

    /// A role's chain as objects carry it: the role's certificate, the issuer's, the root's.
    pub(crate) fn chain(&self, role: Role) -> Chain {
        let mut roles = vec![role, Role::Issuer, Role::Root];
        roles.dedup();
        Chain(roles.into_iter().map(|role| self.certificate(role)).collect())
    }
}
