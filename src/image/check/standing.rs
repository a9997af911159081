//! What stands stamped on a medium whose every slot and seal is good.

use super::super::layout::Layout;
use super::CheckError;
use super::case::Case;
use super::manifest::{self, Sought};
use super::reading::Reading;
use super::report::Report;
use super::slots::{Certified, Stamped, Store};
use crate::device::Device;
use crate::fat::Plan;
use crate::format::edition::EditionId;
use crate::format::medium::{MediumCertificate, UserInformation};
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::Sheet;
use crate::trust::{Signer, Trust, Verified};
use crate::units::Timestamp;

/// What stands stamped on a medium.
pub(in super::super) struct Standing {
    pub(in super::super) edition: EditionId,
    pub(in super::super) layout: Layout,
    /// The read-only volume; its serial is not the medium's.
    pub(in super::super) plan: Plan,
    pub(in super::super) certificate: Verified<MediumCertificate>,
    /// The store that signed the certificate, by the chain beside it.
    pub(in super::super) signer: Signer,
    pub(in super::super) policy: Verified<Policy>,
    pub(in super::super) revocation: Option<Verified<Revocation>>,
    pub(in super::super) sheets: Vec<Verified<Sheet>>,
    pub(in super::super) user: Verified<UserInformation>,
    /// When the medium's seal was made.
    pub(in super::super) sealed: Timestamp,
}

/// Read the stamp of a medium; none where a slot or seal is not good.
pub(in super::super) fn standing(
    reading: &Reading,
    device: &dyn Device,
    trust: &Trust,
) -> Result<Option<Standing>, CheckError> {
    let Sought::Found(edition) = manifest::find(reading, device, trust)? else { return Ok(None) };
    let case = Case { reading, device, trust, edition: &edition };
    let bytes = case.slots()?;
    let (stamped, seals) = case.objects(&bytes, &mut Report::begin());
    let Stamped { certified, policy, sheets, user, revoked, good, .. } = stamped;
    let all = (certified, policy, user, seals.medium);
    let (Some(certified), Some(policy), Some(user), Some(seal)) = all else { return Ok(None) };
    if good.contains(&false) {
        return Ok(None);
    }
    let Certified { certificate, store: Store { signer, .. } } = certified;
    let (id, layout, plan) = (edition.id, edition.layout, edition.plan);
    Ok(Some(Standing {
        edition: id,
        layout,
        plan,
        certificate,
        signer,
        policy,
        revocation: revoked.list().cloned(),
        sheets,
        user,
        sealed: seal.at,
    }))
}
