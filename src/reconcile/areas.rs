//! Media as they are: images, and the directories where their areas are mounted.

use std::num::NonZeroUsize;

use super::files::{FILE_BYTES_MAX, HEAD_BYTES, looks_like};
use super::frames::Row;
use super::heap::{Heap, Statement};
use super::pieces::Certified;
use super::taken::{Skipped, Taken, What};
use crate::device::{MountedTree, Target, read_file};
use crate::fat::{Exchange, Tray};
use crate::format::papers::Papers;
use crate::image::check::{Grounds, Identity, open};
use crate::image::layout::{JOURNAL_MAX_BYTES, JOURNAL_PATHS, SLOTS};
use crate::image::leaves::Watch;
use crate::image::papers::{Keeper, KeptPapers};
use crate::trust::Anchor;
use crate::units::MediumId;

/// Only so many files of a tray are looked into.
const TRAY_FILES_MAX: usize = 10_000;

impl Heap {
    /// Read the stamped slots of a mounted read-only area.
    pub fn take_read_only_area(&mut self, rom: &MountedTree) -> Result<Taken, Skipped> {
        let mut all = vec![];
        for slot in SLOTS {
            let bytes = read_file(&rom.place_of(slot.path), slot.bytes);
            let end = all.len() + usize::try_from(slot.bytes).expect("slots are short");
            all.extend(bytes.map_err(|error| Skipped::Unopened(error.to_string()))?);
            all.resize(end, 0);
        }
        let medium = self.take_slots(&all)?;
        Ok(Taken::of(What::ReadOnlyArea, Some(medium), 0))
    }

    /// Read journal and trays of a mounted writable area.
    pub fn take_writable_area(&mut self, ram: &MountedTree) -> Result<Taken, Skipped> {
        let copies = JOURNAL_PATHS.map(|path| read_file(&ram.place_of(path), JOURNAL_MAX_BYTES));
        let [first, second] = match copies {
            [Err(error), Err(_)] => return Err(Skipped::Unopened(error.to_string())),
            copies => copies.map(Result::unwrap_or_default),
        };
        let length = first.len().max(second.len()).next_multiple_of(1 << 10);
        let mut joined = first;
        joined.resize(length, 0);
        joined.extend(second);
        joined.resize(2 * length, 0);
        let row = Row::copies(joined, [0, length as u64], length as u64);
        let (medium, records) = self.add_row(&row, None, Statement::Own);
        let mut taken = Taken::of(What::WritableArea, medium, records);
        self.take_trays(&Exchange::mounted(ram.clone()), &mut taken);
        Ok(taken)
    }

    pub(super) fn take_image(
        &mut self,
        device: &dyn Target,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Taken, Skipped> {
        let checked = open(&device, &self.trust, &Identity::Image, threads, watch)?;
        let Some(grounds) = checked.grounds else {
            let fault = checked.report.faults.first();
            let told = fault.map(|fault| fault.phrase().en().to_owned());
            return Err(Skipped::Altered(told.unwrap_or_default()));
        };
        self.take_grounds(&grounds)?;
        let row = Row::surveyed(&device, &grounds.journal);
        let medium = grounds.certificate.medium;
        let (_, records) = self.add_row(&row, Some(medium), Statement::Own);
        let mut taken = Taken::of(What::Image, Some(medium), records);
        let trays = Exchange::volume(device, grounds.volume.clone(), grounds.kept());
        self.take_trays(&trays, &mut taken);
        Ok(taken)
    }

    fn take_grounds(&mut self, grounds: &Grounds) -> Result<(), Skipped> {
        if let Anchor::Unpinned(root) = grounds.store.anchor() {
            return Err(Skipped::Unpinned(root));
        }
        for item in &grounds.items {
            self.rights.insert(item.hash(), item.rights_holder.clone());
        }
        let (certificate, store) = (grounds.certificate.clone(), grounds.store.clone());
        let certified = Certified { certificate, store, issuer: grounds.issuer.clone() };
        let sheets = grounds.sheets.iter().cloned();
        let list = grounds.revoked.list().cloned();
        let policies = std::iter::once(&grounds.policy).chain(&grounds.later).cloned();
        self.add_papers(certified, policies, sheets, list);
        Ok(())
    }

    /// Papers that a medium keeps, whose certificate is known.
    pub(super) fn take_kept(&mut self, medium: MediumId, papers: &Papers) {
        let known = self.media.entry(medium).or_default().certified.values();
        let opened = known.filter_map(|known| {
            let keeper = Keeper { certificate: &known.certificate, issuer: &known.issuer };
            Some((known.clone(), KeptPapers::open(papers, &keeper)?))
        });
        let opened: Vec<_> = opened.collect();
        for (certified, KeptPapers { policies, sheets, revocation, .. }) in opened {
            self.add_papers(certified, policies, sheets, revocation);
        }
    }

    fn take_trays(&mut self, trays: &Exchange<'_>, taken: &mut Taken) {
        for tray in [Tray::Outbox, Tray::Inbox] {
            let name = tray.path().trim_start_matches('/');
            let files = match trays.list(tray) {
                Ok(files) => files,
                Err(error) => {
                    taken.inside.push((name.to_owned(), Err(error.into())));
                    continue;
                }
            };
            for file in files.into_iter().take(TRAY_FILES_MAX) {
                let found = match self.take_filed(trays, tray, &file.name, file.size_bytes) {
                    Err(Skipped::Foreign | Skipped::Empty) => continue,
                    found => found,
                };
                taken.inside.push((format!("{name}/{}", file.name), found));
            }
        }
    }

    /// What the owner keeps there beside is looked at and left.
    fn take_filed(
        &mut self,
        trays: &Exchange<'_>,
        tray: Tray,
        name: &str,
        length: u64,
    ) -> Result<Taken, Skipped> {
        let mut head = vec![0; usize::try_from(length.min(HEAD_BYTES)).expect("a few KiB")];
        let found = trays.read_part(tray, name, 0, &mut head)?;
        head.truncate(found);
        let what = looks_like(&head).ok_or(Skipped::Foreign)?;
        if length > FILE_BYTES_MAX {
            return Err(Skipped::TooLong { what, found: length, limit: FILE_BYTES_MAX });
        }
        self.take_bytes(&trays.read(tray, name, FILE_BYTES_MAX)?)
    }
}
