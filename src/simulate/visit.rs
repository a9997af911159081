//! Half-way through their lives some owners come by: what they did is settled, as a server does it.

use std::num::NonZeroUsize;

use super::SimulateError;
use super::calendar::living;
use super::circle::{Circle, Member};
use crate::device::MemoryDevice;
use crate::format::Object;
use crate::format::checkpoint::CheckpointFile;
use crate::issuer::Issuer;
use crate::reconcile::{Decisions, Heap, PlanReader, Terms, reconcile};
use crate::trust::{Passphrase, TestRoots, Trust};

/// Bring the evidence of all who come by, settle it, and have each take over its checkpoint.
pub(super) fn come_by(
    issuer: &mut Issuer,
    circles: &mut [Circle<'_>],
) -> Result<(), SimulateError> {
    let mut heap = Heap::new(Trust::new(vec![issuer.root().clone()], TestRoots::Allowed));
    for member in visitors(circles) {
        heap.take_bytes(&member.purse.export()).expect("it is an export under the pinned root");
    }
    // Nobody's clock is behind or ahead: all go on from the latest time.
    let seconds = circles.iter().map(|circle| circle.seconds).max().unwrap_or_default();
    for circle in circles.iter_mut() {
        circle.seconds = seconds;
    }
    let now = living(seconds);
    let currency = issuer.form().currency();
    let terms = Terms {
        currency,
        base: issuer.records().base()?,
        as_of: Some(now),
        threads: NonZeroUsize::MIN,
        decisions: &Decisions::none(),
    };
    let plan = reconcile(&heap, issuer.records(), &terms)?;
    let key = issuer.settler_key(Passphrase::None)?;
    let file = MemoryDevice::from_bytes(plan.encode());
    let plan = PlanReader::open(file).expect("it was planned just now");
    issuer.settle(&plan, &key, now)?;
    for member in visitors(circles) {
        let purse = &mut member.purse;
        let Some(file) = issuer.records().checkpoint(purse.state.medium, 1)? else { continue };
        let file = CheckpointFile::decode(&file).expect("it was posted just now");
        (purse.now, purse.came_by) = (now, Some(purse.tally.clone()));
        purse.take_over(&file, now);
    }
    Ok(())
}

fn visitors<'m, 'a>(circles: &'m mut [Circle<'a>]) -> impl Iterator<Item = &'m mut Member<'a>> {
    circles.iter_mut().flat_map(|circle| &mut circle.members).filter(|member| {
        let population = member.purse.town.population;
        population.dials.comes_by(population.seed, member.purse.place)
    })
}
