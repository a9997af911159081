//! Where quickstart puts everything, and what stands at its target already.

use std::path::{Path, PathBuf};

use scrip::device::{Aim, Check, Request, refusals};
use scrip::format::store::StoreEvent;
use scrip::shop::Shop;
use scrip::tool::{Classed, Exit, Explain, Failure, Output};
use scrip::units::MediumId;

use crate::targets::{self, observe};

/// Beside a device there is no place for files.
const DEVICE_FOLDER: &str = "my-first-medium";

/// Where everything lies, beside the target.
pub(super) struct Places {
    pub(super) issuer: PathBuf,
    pub(super) store: PathBuf,
    pub(super) edition: PathBuf,
    pub(super) secret: PathBuf,
    pub(super) trust: PathBuf,
    pub(super) folder: PathBuf,
}

impl Places {
    /// Beside an image file; for a device in a folder of the present one.
    pub(super) fn beside(aim: &Aim) -> Result<Self, Failure> {
        let folder = match aim {
            Aim::Block { .. } => std::path::absolute(DEVICE_FOLDER)
                .or_exit_while(Exit::Failure, "looking for the present folder")?,
            Aim::File { path, .. } | Aim::New { path } => {
                path.parent().unwrap_or(Path::new("/")).to_path_buf()
            }
        };
        Ok(Self {
            issuer: folder.join("issuer"),
            store: folder.join("store"),
            edition: folder.join("starter.edition"),
            secret: folder.join("starter.secret"),
            trust: folder.join("trust.cbr"),
            folder,
        })
    }
}

/// What stands at the target.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A medium that this store burnt there.
    Burnt(MediumId),
    /// A burn of this store that broke off.
    BrokenOff,
    /// Nothing of this store's.
    Free,
}

impl Standing {
    /// Look into the store's journal; nothing is known before there is one.
    pub(super) fn of(shop: &Shop, aim: &Aim) -> Result<Self, Failure> {
        let here = targets::describe(&observe()?, aim).0;
        let begun = shop.unfinished_burns().unwrap_or_default();
        let mut secrets = begun.iter().filter_map(|medium| shop.burn_secrets(*medium).ok());
        if secrets.any(|secrets| secrets.target == here) {
            return Ok(Self::BrokenOff);
        }
        let (Ok(log), false) = (shop.log(), matches!(aim, Aim::New { .. })) else {
            return Ok(Self::Free);
        };
        let burnt_here = log.entries().iter().rev().find(|entry| {
            let target = entry.burn.as_ref().map(|burn| &burn.target);
            entry.event == StoreEvent::Burnt && target == Some(&here)
        });
        Ok(burnt_here.map_or(Self::Free, |entry| Self::Burnt(entry.medium)))
    }

    /// Refuse a target that must not be burnt, before anything is made.
    pub(super) fn guard(self, request: &Request<'_>, output: &Output) -> Result<(), Failure> {
        let mut lifted = request.lifted.to_vec();
        match self {
            Self::Burnt(_) => return Ok(()),
            Self::BrokenOff => lifted.push(Check::ExistingFile),
            Self::Free => {}
        }
        let refused = refusals(&observe()?, &Request { lifted: &lifted, ..*request });
        if refused.is_empty() { Ok(()) } else { Err(targets::told(&refused, output)) }
    }
}

/// What stands at a path that somebody named.
pub(super) fn look(target: &Path) -> Result<Aim, Failure> {
    Aim::look(target).or_fail()
}
