//! Vouchers: top-ups signed by a store, within what its certificate grants.

use super::redeem::voucher_id;
use crate::crypto::sign::SecretKey;
use crate::format::certificate::StoreGrant;
use crate::format::sheet::Voucher;
use crate::trust::{Revoked, RevokedError, Signer, TrustError, Verified, sign};
use crate::units::{Amount, Currency, MediumId, StoreId, Timestamp};

/// What a store sells as a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoucherSale {
    /// The only medium it is for.
    pub medium: MediumId,
    /// What it credits.
    pub amount: Amount,
    /// Its serial; the store's journal makes serials rise.
    pub serial: u64,
    /// Sold at.
    pub issued: Timestamp,
    /// Not valid from then on.
    pub expires: Timestamp,
}

/// What a voucher is held against where it is redeemed.
#[derive(Debug, Clone, Copy)]
pub struct VoucherTerms<'a> {
    /// This medium.
    pub medium: MediumId,
    /// The currency it holds.
    pub currency: Currency,
    /// The newest time that an issuer or settler signed, if one was seen.
    pub floor: Option<Timestamp>,
    /// What is revoked.
    pub revoked: &'a Revoked,
}

/// Why a voucher is not made, or adds nothing.
#[derive(Debug, thiserror::Error)]
pub enum VoucherError {
    /// Not signed by the store whose chain came with it.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The certificate is no store's.
    #[error("{subject} is no store: its certificate grants nothing")]
    NoGrant {
        /// Whose certificate.
        subject: String,
    },
    /// It names another store than the one that signed.
    #[error("voucher {serial} names store {found}, it is signed by store {expected}")]
    Store {
        /// The serial.
        serial: u64,
        /// The store it names.
        found: StoreId,
        /// The store that signed.
        expected: StoreId,
    },
    /// Its id isn't the one of its store and serial.
    #[error("voucher {serial} of store {store} carries another voucher's id")]
    Id {
        /// The store.
        store: StoreId,
        /// The serial.
        serial: u64,
    },
    /// It is for another medium.
    #[error("voucher {serial} of store {store} is for medium {found}, this is medium {expected}")]
    Medium {
        /// The store.
        store: StoreId,
        /// The serial.
        serial: u64,
        /// The voucher's medium.
        found: MediumId,
        /// This medium.
        expected: MediumId,
    },
    /// It is in another currency.
    #[error("voucher {serial} of store {store} is in {found}, expected {expected}")]
    Currency {
        /// The store.
        store: StoreId,
        /// The serial.
        serial: u64,
        /// The voucher's currency.
        found: Currency,
        /// The store's or the medium's.
        expected: Currency,
    },
    /// More than the store may sell in one voucher, or nothing.
    #[error("voucher {serial} of store {store}: {minor} minor units, allowed are 1 to {most}")]
    Amount {
        /// The store.
        store: StoreId,
        /// The serial.
        serial: u64,
        /// Its amount.
        minor: u64,
        /// The largest voucher of that store.
        most: u64,
    },
    /// A serial that the store doesn't have.
    #[error("voucher {serial} of store {store}: its serials run from {first} to {last}")]
    Serial {
        /// The store.
        store: StoreId,
        /// The serial.
        serial: u64,
        /// The first granted.
        first: u64,
        /// The last granted.
        last: u64,
    },
    /// It ends before it begins.
    #[error("voucher {serial} of store {store}: issued at {issued}, expires at {expires}")]
    Period {
        /// The store.
        store: StoreId,
        /// The serial.
        serial: u64,
        /// Sold at.
        issued: Timestamp,
        /// Not valid from then on.
        expires: Timestamp,
    },
    /// Signed time has passed its end.
    #[error(
        "voucher {serial} of store {store} expired at {expires}; signed time has reached {floor}"
    )]
    Expired {
        /// The store.
        store: StoreId,
        /// The serial.
        serial: u64,
        /// Not valid from then on.
        expires: Timestamp,
        /// The newest signed time.
        floor: Timestamp,
    },
    /// The medium or the voucher is revoked.
    #[error(transparent)]
    Revoked(#[from] RevokedError),
}

/// Make and sign a voucher, within the store's grant.
pub fn sign_voucher(
    key: &SecretKey,
    grant: &StoreGrant,
    sale: &VoucherSale,
) -> Result<Vec<u8>, VoucherError> {
    let voucher = Voucher {
        id: voucher_id(grant.store, sale.serial),
        medium: sale.medium,
        amount: sale.amount,
        currency: grant.currency,
        store: grant.store,
        serial: sale.serial,
        issued: sale.issued,
        expires: sale.expires,
    };
    check_within_grant(&voucher, grant)?;
    Ok(sign(key, &voucher))
}

/// Verify a voucher under its store's chain and hold it against where it is redeemed.
///
/// That it was not credited before is the ledger's to say.
pub fn verify_voucher(
    signer: &Signer,
    bytes: &[u8],
    terms: &VoucherTerms<'_>,
) -> Result<Verified<Voucher>, VoucherError> {
    let voucher = signer.open::<Voucher>(bytes)?;
    let certificate = signer.certificate();
    let grant = certificate
        .grant
        .as_ref()
        .ok_or_else(|| VoucherError::NoGrant { subject: certificate.subject.clone() })?;
    check_within_grant(&voucher, grant)?;
    check_terms(&voucher, terms)?;
    Ok(voucher)
}

fn check_within_grant(voucher: &Voucher, grant: &StoreGrant) -> Result<(), VoucherError> {
    let (store, serial) = (grant.store, voucher.serial);
    if voucher.store != store {
        return Err(VoucherError::Store { serial, found: voucher.store, expected: store });
    }
    if voucher.id != voucher_id(store, serial) {
        return Err(VoucherError::Id { store, serial });
    }
    check_currency(voucher, grant.currency)?;
    let (first, last) = (grant.serial_first, grant.serial_last);
    if !(first..=last).contains(&serial) {
        return Err(VoucherError::Serial { store, serial, first, last });
    }
    let (minor, most) = (voucher.amount.minor(), grant.single_max.minor());
    if !(1..=most).contains(&minor) {
        return Err(VoucherError::Amount { store, serial, minor, most });
    }
    if voucher.expires <= voucher.issued {
        let (issued, expires) = (voucher.issued, voucher.expires);
        return Err(VoucherError::Period { store, serial, issued, expires });
    }
    Ok(())
}

fn check_terms(voucher: &Voucher, terms: &VoucherTerms<'_>) -> Result<(), VoucherError> {
    let (store, serial, expires) = (voucher.store, voucher.serial, voucher.expires);
    if voucher.medium != terms.medium {
        let (found, expected) = (voucher.medium, terms.medium);
        return Err(VoucherError::Medium { store, serial, found, expected });
    }
    check_currency(voucher, terms.currency)?;
    if let Some(floor) = terms.floor.filter(|floor| expires <= *floor) {
        return Err(VoucherError::Expired { store, serial, expires, floor });
    }
    terms.revoked.check_medium(voucher.medium)?;
    Ok(terms.revoked.check_voucher(voucher)?)
}

fn check_currency(voucher: &Voucher, expected: Currency) -> Result<(), VoucherError> {
    let (store, serial, found) = (voucher.store, voucher.serial, voucher.currency);
    if found != expected {
        return Err(VoucherError::Currency { store, serial, found, expected });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{amount, at, grant, key, medium, store, store_signer};
    use super::*;
    use crate::format::policy::{Revocation, RevokedStore};
    use crate::trust::verify;

    fn sale() -> VoucherSale {
        VoucherSale {
            medium: medium(),
            amount: amount(5_000),
            serial: 100,
            issued: at(2_000),
            expires: at(3_000),
        }
    }

    fn terms(revoked: &Revoked) -> VoucherTerms<'_> {
        let currency = grant().currency;
        VoucherTerms { medium: medium(), currency, floor: Some(at(2_999)), revoked }
    }

    fn voucher() -> Voucher {
        let bytes = sign_voucher(&key(3), &grant(), &sale()).unwrap();
        verify::<Voucher>(&bytes, &key(3).public()).unwrap().into_value()
    }

    fn refusal(bytes: &[u8], terms: &VoucherTerms<'_>) -> String {
        verify_voucher(&store_signer(), bytes, terms).unwrap_err().to_string()
    }

    #[test]
    fn a_voucher_is_good_for_its_medium_until_its_end() {
        let bytes = sign_voucher(&key(3), &grant(), &sale()).unwrap();
        let none = Revoked::none();
        let found = verify_voucher(&store_signer(), &bytes, &terms(&none)).unwrap();
        assert_eq!((found.amount, found.id), (amount(5_000), voucher_id(store(7), 100)));
        let other = VoucherTerms { medium: MediumId::from_serial(1), ..terms(&none) };
        assert_eq!(
            refusal(&bytes, &other),
            "voucher 100 of store 7 is for medium 482109376527, this is medium 000000000195"
        );
        let late = VoucherTerms { floor: Some(at(3_000)), ..terms(&none) };
        assert_eq!(
            refusal(&bytes, &late),
            "voucher 100 of store 7 expired at 1970-01-01T00:50:00Z; \
             signed time has reached 1970-01-01T00:50:00Z"
        );
        let euro = VoucherTerms { currency: "EUR".parse().unwrap(), ..terms(&none) };
        assert_eq!(refusal(&bytes, &euro), "voucher 100 of store 7 is in JPY, expected EUR");
    }

    #[test]
    fn a_voucher_beyond_its_grant_is_neither_made_nor_taken() {
        type Change = fn(&mut Voucher);
        let cases: [(Change, &str); 7] = [
            (
                |voucher| voucher.amount = amount(5_001),
                "voucher 100 of store 7: 5001 minor units, allowed are 1 to 5000",
            ),
            (
                |voucher| voucher.amount = Amount::ZERO,
                "voucher 100 of store 7: 0 minor units, allowed are 1 to 5000",
            ),
            (
                |voucher| {
                    voucher.serial = 101;
                    voucher.id = voucher_id(store(7), 101);
                },
                "voucher 101 of store 7: its serials run from 1 to 100",
            ),
            (
                |voucher| voucher.store = store(8),
                "voucher 100 names store 8, it is signed by store 7",
            ),
            (|voucher| voucher.serial = 99, "voucher 99 of store 7 carries another voucher's id"),
            (
                |voucher| voucher.currency = "EUR".parse().unwrap(),
                "voucher 100 of store 7 is in EUR, expected JPY",
            ),
            (
                |voucher| voucher.expires = voucher.issued,
                "voucher 100 of store 7: issued at 1970-01-01T00:33:20Z, \
                 expires at 1970-01-01T00:33:20Z",
            ),
        ];
        let none = Revoked::none();
        for (change, message) in cases {
            let mut changed = voucher();
            change(&mut changed);
            assert_eq!(refusal(&sign(&key(3), &changed), &terms(&none)), message);
        }
        let over = VoucherSale { amount: amount(5_001), ..sale() };
        let error = sign_voucher(&key(3), &grant(), &over).unwrap_err();
        assert_eq!(error.to_string(), cases[0].1);
    }

    #[test]
    fn revoked_media_and_vouchers_above_the_cut_add_nothing() {
        let list = |media: Vec<MediumId>, serial_cut| {
            let cut = RevokedStore {
                store: store(7),
                serial_cut,
                head: None,
                unsold: vec![],
                kits: vec![],
            };
            let stores = vec![cut];
            let list = Revocation { number: 4, issued: at(2_500), media, sheets: vec![], stores };
            let signed = sign(&key(2), &list);
            Revoked::none().with(verify(&signed, &key(2).public()).unwrap())
        };
        let bytes = sign_voucher(&key(3), &grant(), &sale()).unwrap();
        let at_the_cut = list(vec![], 100);
        assert!(verify_voucher(&store_signer(), &bytes, &terms(&at_the_cut)).is_ok());
        assert_eq!(
            refusal(&bytes, &terms(&list(vec![], 99))),
            "voucher 100 of store 7 is above the cut 99 of list 4"
        );
        assert_eq!(
            refusal(&bytes, &terms(&list(vec![medium()], 100))),
            "medium 482109376527 is revoked by list 4"
        );
    }

    #[test]
    fn a_forged_or_altered_voucher_is_refused() {
        let none = Revoked::none();
        let forged = sign(&key(4), &voucher());
        assert!(refusal(&forged, &terms(&none)).starts_with("voucher: signed by key "));
        let bytes = sign_voucher(&key(3), &grant(), &sale()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let opened = verify_voucher(&store_signer(), &altered, &terms(&none));
            assert!(opened.is_err(), "bit {bit}");
        }
    }
}
