//! One medium whose edition is known, part by part.

use super::super::layout::{CATALOGUE_PATH, MANIFEST_PATH, Names, SLOTS};
use super::grounds::{Area, AtHand, Grounds};
use super::history::{self, Followed, Places};
use super::manifest::Edition;
use super::reading::Reading;
use super::report::{Fault, Part, Report};
use super::rom::{self, Expected, Sources};
use super::seals::{self, Seals};
use super::slots::{Sealers, SlotBytes, Stamped};
use super::words;
use super::{CheckError, Checked, Identity, facts, tables};
use crate::device::{Device, DeviceError};
use crate::trust::Trust;

/// What is judged.
pub(super) struct Case<'a> {
    pub(super) reading: &'a Reading,
    pub(super) device: &'a dyn Device,
    pub(super) trust: &'a Trust,
    pub(super) edition: &'a Edition,
}

impl Case<'_> {
    pub(super) fn judge(&self, identity: &Identity) -> Result<Checked, CheckError> {
        let mut report = Report::begin();
        facts::note_edition(self.edition, &mut report);
        let (found, needed) = (self.reading.len_bytes(), self.edition.layout.medium_bytes());
        if found < needed {
            report.fault(Fault::new(Part::Medium, words::too_short(found, needed)));
            report.conclude();
            return Ok(Checked::of(report));
        }
        let bytes = self.slots()?;
        let (mut stamped, seals) = self.objects(&bytes, &mut report);
        let verified = self.verified(&bytes, &stamped);
        let certificate = stamped.certified.as_ref().map(|certified| &certified.certificate);
        let sealed = seals.medium.as_ref().map(|seal| seal.medium);
        let medium = certificate.map(|certificate| certificate.medium).or(sealed);
        let names = medium.map(Names::of);
        self.read_only_area(verified, &seals, names.as_ref(), &mut report)?;
        let before = report.fault_count;
        match &names {
            Some(names) => {
                tables::compare(self.reading, &self.edition.layout, names, &mut report);
                report.step("partition tables", before, "both exact");
            }
            None => report.not_checked("partition tables", "the medium's number is not known"),
        }
        report.conclude();
        facts::note_stamp_alone(&mut report);
        let places = medium.and_then(|medium| Places::of(self.edition, &Names::of(medium)));
        let (account, at_hand) = self.writable_area(&mut stamped, places.as_ref(), &mut report)?;
        facts::note_medium(self.edition, &stamped, identity, &mut report);
        let slots = (&bytes, at_hand);
        let grounds = Grounds::of(self.edition, stamped, slots, places, Area::Raw, &report);
        Ok(Checked { report, grounds, account })
    }

    /// Verify what is signed: slots and seals.
    pub(super) fn objects(&self, bytes: &SlotBytes, report: &mut Report) -> (Stamped, Seals) {
        let before = report.fault_count;
        let mut stamped = Stamped::open(bytes, self.edition, self.trust, report);
        report.step("certificate", before, "signed by its store");
        let before = report.fault_count;
        let certified = stamped.certified.as_ref();
        let seals = Seals::open(self.reading.seal(), self.edition, certified, self.trust, report);
        report.step("seals", before, "both signed");
        let before = report.fault_count;
        if stamped.certified.is_some() {
            let sealers = seals.resealed.as_ref().map_or(Sealers::Same, Sealers::Other);
            stamped.open_rest(bytes, sealers, report);
            report.step("stamped slots", before, "all signed, for this medium");
        } else {
            report.not_checked("stamped slots", "the certificate that they hang on is damaged");
        }
        (stamped, seals)
    }

    pub(super) fn slots(&self) -> Result<SlotBytes, DeviceError> {
        let mut bytes = SlotBytes::default();
        for (place, slot) in SLOTS.iter().enumerate() {
            bytes[place] = rom::file(self.edition, self.device, slot.path)?;
        }
        Ok(bytes)
    }

    fn read_only_area(
        &self,
        verified: Vec<rom::Leaves>,
        seals: &Seals,
        names: Option<&Names>,
        report: &mut Report,
    ) -> Result<(), CheckError> {
        let serial = names.map_or(0, |names| names.rom_serial);
        let edition = self.edition;
        let plan = edition.layout.rom_plan(&edition.manifest, serial);
        let plan = plan.expect("another serial changes no layout");
        let sources = Sources { edition, reading: self.reading, verified };
        let expected = Expected::new(&sources, plan);
        let before = report.fault_count;
        expected.compare(&sources, self.device, report)?;
        edition.compare_items(rom::file(edition, self.device, CATALOGUE_PATH)?.as_deref(), report);
        let files = edition.manifest.files.len();
        report.step("read-only area", before, format!("{files} files and every unused byte"));
        let before = report.fault_count;
        let root = expected.tree.root();
        if let Some(seal) = seals.medium.as_ref().filter(|seal| seal.root != root) {
            expected.compare_sealed(self.reading.stored_leaves(), &seal.root, report);
        }
        seals.check_roots(&root, &expected.blank_root, report);
        seals::compare_stored(self.reading.seal(), &expected.tree, edition, report);
        report.step("hash tree", before, "exact, and both seals state its root");
        Ok(())
    }

    /// The leaves of what carries its own signature: the object and the zeros behind it.
    fn verified(&self, bytes: &SlotBytes, stamped: &Stamped) -> Vec<rom::Leaves> {
        let slots = SLOTS.iter().zip(bytes).zip(stamped.good).filter(|(_, good)| *good);
        let slots = slots.filter_map(|((slot, bytes), _)| {
            bytes.as_ref().map(|bytes| (slot.path, rom::leaves_of(bytes)))
        });
        std::iter::once((MANIFEST_PATH, self.manifest_leaves())).chain(slots).collect()
    }

    fn manifest_leaves(&self) -> Vec<[u8; 32]> {
        let plan = &self.edition.plan;
        let place = plan.find(MANIFEST_PATH).expect("every manifest lists itself");
        let mut bytes = self.edition.object.clone();
        bytes.resize(usize::try_from(plan.files()[place].size_bytes).expect("in memory"), 0);
        rom::leaves_of(&bytes)
    }

    fn writable_area(
        &self,
        stamped: &mut Stamped,
        places: Option<&Places>,
        report: &mut Report,
    ) -> Result<Followed, DeviceError> {
        let Some(places) = places else { return Ok((None, AtHand::default())) };
        let (at_hand, papers) = history::take_in(self.device, places, stamped)?;
        let found = history::read(self.device, places, stamped)?;
        report.papers = papers;
        Ok((found.told(report), at_hand))
    }
}
