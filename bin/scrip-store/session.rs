//! Opening the store's folder as the command line says, and telling what its room refuses.

use std::path::Path;

use scrip::crypto::password::Password;
use scrip::device::{FolderError, Privacy, create_file};
use scrip::format::certificate::Purpose;
use scrip::shop::{Refusal, Shop, ShopError, Writing, needs_passphrase};
use scrip::tool::password::PasswordSource;
use scrip::tool::{Exit, Failure, Output, clock};
use scrip::trust::{KeyFileError, Passphrase, TestRoots};

use crate::cli::Common;

/// Open the store's folder and warn of what the clock shows.
pub(crate) fn open(common: &Common, output: &Output) -> Result<Shop, Failure> {
    let shop = open_quietly(common, output)?;
    for warning in shop.clock_warnings(clock::now()) {
        output.warn(warning);
    }
    Ok(shop)
}

/// Open the store's folder; asks for the passphrase if its keys lie under one.
pub(crate) fn open_quietly(common: &Common, output: &Output) -> Result<Shop, Failure> {
    let locked = needs_passphrase(&common.dir).map_err(told)?;
    let asked = (locked && !common.no_passphrase) || common.password_file.is_some();
    let source = PasswordSource::from(common.password_file.clone());
    let password = asked.then(|| source.read("passphrase of the store")).transpose()?;
    let test_roots = if common.allow_test_root { TestRoots::Allowed } else { TestRoots::Refused };
    let writing = if common.dry_run { Writing::Dry } else { Writing::Real };
    let shop = Shop::open(&common.dir, passphrase(password.as_ref()), test_roots, writing)
        .map_err(told)?;
    say_purpose(&shop, output);
    if common.dry_run {
        output.note("dry run: nothing is written");
    }
    Ok(shop)
}

pub(crate) fn passphrase(password: Option<&Password>) -> Passphrase<'_> {
    password.map_or(Passphrase::None, Passphrase::Password)
}

/// Under a test root every output says so.
pub(crate) fn say_purpose(shop: &Shop, output: &Output) {
    let signer = shop.signer().ok();
    if signer.is_some_and(|signer| signer.certificate().purpose == Purpose::Test) {
        output.warn("TEST: this store stands under a test root, nothing here is worth money");
    }
}

/// Write a file that must be new, unless this is a dry run.
pub(crate) fn write_new(common: &Common, file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if common.dry_run {
        return Ok(());
    }
    create_file(file, bytes, Privacy::Secret).map_err(told)
}

/// The end of a verb that the store's room refused.
pub(crate) fn told(error: impl Into<ShopError>) -> Failure {
    let error = error.into();
    let failure = Failure::of(Exit::from(&error), &error);
    match hint(&error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn hint(error: &ShopError) -> Option<&'static str> {
    Some(match error {
        ShopError::Folder(FolderError::Missing { path }) if path.ends_with("request.cbr") => {
            "make a store with `scrip-store init DIR --name NAME`, or name its folder with --dir"
        }
        ShopError::Folder(FolderError::Exists { path })
            if path.ends_with("sign.key") || path.ends_with("seal.key") =>
        {
            "an earlier init broke off before it asked for a certificate: remove the folder"
        }
        ShopError::Key(KeyFileError::Locked { .. }) => "leave --no-passphrase out",
        ShopError::Key(KeyFileError::Bare { .. }) => "leave --password-file out",
        ShopError::Refused(refusal) => return refusal_hint(refusal),
        ShopError::Log(_) => {
            "put back the newest backup of the store's folder, and tell the issuer"
        }
        _ => return None,
    })
}

fn refusal_hint(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::NotEnrolled => {
            "send request.cbr to the issuer, then `scrip-store accept` the certificate"
        }
        Refusal::Unpinned { pinned: None, .. } => {
            "ask the issuer for its fingerprint; if it is the same, give its root with --trust FILE"
        }
        Refusal::NoBlank { .. } => "ask the issuer for a kit",
        Refusal::NoCode { instead, .. } if instead.is_empty() => {
            "sell a voucher with `topup --voucher FILE`, or have the issuer sell a code"
        }
        Refusal::NoCode { .. } => {
            "sell those codes one by one, or a voucher with `topup --voucher FILE`"
        }
        Refusal::Quota { .. } => "settle with the issuer, or ask for a larger quota",
        Refusal::Certificate(_) => "ask the issuer for a new certificate",
        _ => return None,
    })
}
