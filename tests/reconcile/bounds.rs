//! Where a settlement ends: sums that the books can't have, a plan whose file fails.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};

use scrip::device::simulated::{Faulty, ReadFault};
use scrip::device::{Device, DeviceError, MemoryDevice};
use scrip::format::plan::Class;
use scrip::format::policy::Policy;
use scrip::format::sheet::{Run, Sheet};
use scrip::issuer::Issuer;
use scrip::ledger::next::{self, Code};
use scrip::reconcile::PlanReader;
use scrip::tool::Exit;
use scrip::units::MediumId;
use scrip::voucher::{SheetPlan, make_sheet, slot_secret};

use super::desk::founded;
use super::made::{Ground, Stick, host};
use super::office::{Office, only, told};
use crate::world::{World, at, minor, policy, yen};

/// More than half of what one sum may be.
const MUCH: u64 = 600_000_000_000;

/// An owner's medium whose codes are each of the greatest part of what it holds.
fn rich(ground: &Ground, medium: MediumId) -> Stick {
    let mut stick = ground.burnt(medium);
    let runs = vec![Run { count: 3, amount: minor(MUCH) }];
    let (id, rounds, issued) = ([4; 16], NonZeroU32::MIN, at(10));
    let plan = SheetPlan { id, medium, currency: yen(), rounds, runs, issued };
    let sheet = make_sheet(&ground.world.issuer, &ground.world.seal, &plan);
    stick.sheet = ground.issuer.open::<Sheet>(&sheet.unwrap()).unwrap();
    stick.rekey(ground, 1);
    stick
}

/// Add a code of such a medium, and spend all of it.
fn spend(ground: &Ground, stick: &mut Stick, slot: u8) {
    let secret = slot_secret(&ground.world.seal, stick.id(), &[4; 16], slot);
    let code = Code { sheet: [4; 16], slot, secret, amount: minor(MUCH) };
    let record = next::topup(&stick.state, &host(), &code, [3; 16], "owner").unwrap();
    stick.put(ground, &record);
    stick.buy(ground, &format!("film {slot}"), MUCH);
}

#[test]
fn more_than_an_entry_of_the_books_holds_is_held_and_said() {
    let most = minor(1_000_000_000_000);
    let rules = Policy { balance_max: most, topup_max: most, ..policy() };
    let mut office = Office::of(Ground::of(World::new().under(&rules)));
    let [once, twice] = [0, 1].map(|place| rich(&office.ground, office.media[place]));
    for stick in [&once, &twice] {
        office.burn(stick);
        office.sell(stick.id());
    }
    // What two copies of a medium hold together, none of them holds.
    let mut sticks = [once, twice.clone(), twice];
    for (slot, stick) in (0..).zip(&mut sticks) {
        spend(&office.ground, stick, slot);
    }
    let files = sticks.each_ref().map(|stick| stick.export(&office.ground));
    let plan = office.plan(&files);
    let finding = only(&plan, Class::NotChecked);
    let said = "it would move 1200000000000 minor units from settled to outstanding at once, \
                1000000000000 is the most";
    assert_eq!(finding.sides[0].what, said);
    assert_eq!(plan.tail.postings, 1, "{:?}", told(&plan));
    let held = plan.entries.iter().find(|entry| entry.medium == Some(sticks[1].id())).unwrap();
    assert!(held.posting.is_none() && held.findings.contains(finding));
    // What is not more goes on.
    office.settle(&plan);
}

/// A file that can't be read any more from some moment on.
struct Failing {
    file: MemoryDevice,
    failed: Faulty<MemoryDevice>,
    fails: AtomicBool,
}

impl Device for Failing {
    fn len_bytes(&self) -> u64 {
        self.file.len_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        if self.fails.load(Ordering::Relaxed) {
            return self.failed.read_at(offset, buf);
        }
        self.file.read_at(offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.file.write_at(offset, bytes)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.file.flush()
    }
}

#[test]
fn a_plan_that_fails_while_it_is_posted_is_told_from_one_that_is_damaged() {
    let mut office = founded(&policy());
    let stick = office.owned(0, 1);
    let bytes = office.plan(&[stick.export(&office.ground)]).encode();
    let length = bytes.len() as u64;
    let faults = [
        (ReadFault::Unreadable(0..length), Exit::Failure, "plan: "),
        (ReadFault::Zeros(0..length), Exit::Damage, "plan, object 0: "),
    ];
    let mut issuer = Issuer::open(office.folder.as_ref().unwrap().path(), None).unwrap();
    for (fault, class, says) in faults {
        let [file, failed] = [(); 2].map(|()| MemoryDevice::from_bytes(bytes.clone()));
        let failed = Faulty::new(failed, vec![fault]);
        let device = Failing { file, failed, fails: AtomicBool::new(false) };
        let plan = PlanReader::open(&device).unwrap();
        assert!(issuer.try_settle(&plan, at(3_000)).unwrap().new);
        device.fails.store(true, Ordering::Relaxed);
        let error = issuer.try_settle(&plan, at(3_000)).unwrap_err();
        assert_eq!(Exit::from(&error), class, "{error}");
        assert!(error.to_string().starts_with(says), "{error}");
    }
}
