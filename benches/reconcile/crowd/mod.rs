//! A crowd of owners: evidence in bundles, and records that hold all of it but what is new.
//!
//! Owners, stores and journals are those of [`scrip::simulate`], with nothing planted but codes and
//! vouchers that were never sold. Their exports go into bundles of a hundred. All events but those
//! of [`News`] are then settled, by reconciling each bundle as it was and posting its plan: owners send
//! each other things only within a circle of four. A bogus top-up is new always. A hundredth more
//! media lie apart: stores' journals know of them, the records never saw them.

pub(crate) mod bundle;
pub(crate) mod export;
pub(crate) mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;

use scrip::device::{Device, MemoryDevice};
use scrip::format::plan::Class;
use scrip::issuer::{CertifiedKey, Issuer};
use scrip::reconcile::{Decisions, Heap, PlanReader, Terms, reconcile};
use scrip::records::{Place, Records};
use scrip::simulate::{Desk, Dial, Dials, Population, Stage, Truth, simulate};
use scrip::trust::{Passphrase, TestRoots, Trust};
use scrip::units::{MediumId, Timestamp};
use serde::{Deserialize, Serialize};

use bundle::Member;
use export::{Export, receipt_of};
use rows::Stretch;

/// Exports in a bundle: a folder of the simulated population.
const BUNDLE: u32 = 100;
/// Owners who know each other, and nobody else.
const CIRCLE: usize = 4;
/// Of so many receipts that are newer than the records one comes with what its payer showed.
const FUNDED: usize = 10;
/// Owners live from the first to the last second: 2027-01-21 and 280 days on.
const LIVES: [u64; 2] = [1_800_489_600, 1_824_681_600];
/// Of a thousand parts of their lives so many are in the records.
const CUT_PERMILLE: u64 = 989;
/// The state of a crowd, beside it.
const STATE: &str = "crowd.json";

/// Whose events are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum News {
    /// Nothing but top-ups that nothing follows: what is bogus, and a few good ones.
    Bogus,
    /// One circle in a hundred was never seen; of all others the records know everything.
    Few,
    /// Of every medium the newest hundredth, since [`Crowd::cut`].
    All,
    /// Everything: nothing of any medium was settled yet.
    Every,
}

/// How large a crowd is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Crowd {
    pub(crate) seed: u64,
    /// A multiple of a hundred.
    pub(crate) media: u32,
    /// Events of each.
    pub(crate) each: u64,
    /// So many media of a thousand bring a code or voucher that nobody sold.
    pub(crate) bogus: u32,
    pub(crate) news: News,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) crowd: Crowd,
    /// Events in the bundles, and how many of them the records hold.
    pub(crate) events: u64,
    pub(crate) held: u64,
    /// Events of the media that lie apart.
    pub(crate) later: u64,
    /// Receipts that stand in journals, and files beside them.
    pub(crate) receipts: u64,
    pub(crate) papers: u64,
    /// Events by code and by voucher.
    pub(crate) topups: u64,
    /// Bytes of all bundles.
    pub(crate) bytes: u64,
    /// What is to be found beside what is merely new.
    pub(crate) expected: Vec<Expected>,
}

/// A finding that is implied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// Does it lie among the media that lie apart?
    pub(crate) later: bool,
    pub(crate) medium: String,
    pub(crate) class: String,
    pub(crate) seq: u64,
    pub(crate) amount: i64,
}

impl Crowd {
    /// How many media lie apart.
    pub(crate) fn later(&self) -> u32 {
        (self.media / BUNDLE).next_multiple_of(4)
    }

    fn population(&self) -> Population {
        let media = self.media + self.later();
        Population {
            seed: self.seed,
            media,
            events: u64::from(media) * self.each,
            stores: Population::usual_stores(media),
            imported: 1000,
            dials: Dials::each(0).with(Dial::Stolen, self.bogus),
        }
    }

    /// How many of an export's records were there when all was settled.
    fn held(&self, export: &Export<'_>, fresh: &BTreeSet<MediumId>) -> usize {
        match self.news {
            News::All => export.until(Self::cut()),
            News::Every => 0,
            News::Few if fresh.contains(&export.medium()) => 0,
            News::Few | News::Bogus => export.until(Self::as_of()),
        }
    }

    /// What is newer is not in the records.
    pub(crate) fn cut() -> Timestamp {
        let [first, last] = LIVES;
        Timestamp::from_seconds(first + (last - first) / 1000 * CUT_PERMILLE).expect("a time")
    }

    /// All was said by then.
    pub(crate) fn as_of() -> Timestamp {
        Timestamp::from_seconds(LIVES[1] + 30 * Timestamp::DAY_S).expect("a time")
    }

    /// Make it in an empty folder: `issuer`, `stores`, `evidence`, `later`, and bare rows.
    pub(crate) fn make(self, folder: &Path, threads: NonZeroUsize) -> Made {
        for name in ["evidence", "later"] {
            fs::create_dir_all(folder.join(name)).expect("makes a folder");
        }
        let desk = Gather::new(folder, self);
        let truth = simulate(folder, &self.population(), threads, &desk).expect("simulates");
        let told = desk.told.into_inner().expect("nobody panics holding it");
        let expected = told.expected(&truth);
        let Told { stretches, mut made, fresh, .. } = told;
        made.expected = expected;
        rows::write(folder, stretches);
        settle_known(self, folder, &fresh, threads);
        let state = serde_json::to_vec_pretty(&made).expect("it is plain");
        fs::write(folder.join(STATE), state).expect("writes");
        made
    }

    /// The same crowd, if it was made in this folder before.
    pub(crate) fn find(self, folder: &Path) -> Option<Made> {
        let made: Made = serde_json::from_slice(&fs::read(folder.join(STATE)).ok()?).ok()?;
        let same = made.crowd == self;
        if same {
            // Records of an older version are brought to this one.
            Issuer::open(&folder.join("issuer"), None).expect("it was founded");
        }
        same.then_some(made)
    }
}

/// Takes exports until their bundle is whole.
struct Gather<'a> {
    folder: &'a Path,
    crowd: Crowd,
    /// What came of each bundle, and by which thread: a circle's owners come one behind the other.
    open: Mutex<BTreeMap<u32, Vec<(ThreadId, Member)>>>,
    told: Mutex<Told>,
}

struct Told {
    stretches: Vec<Stretch>,
    fresh: BTreeSet<MediumId>,
    later: Vec<String>,
    made: Made,
}

impl Told {
    fn expected(&self, truth: &Truth) -> Vec<Expected> {
        let planted = truth.planted.iter().map(|planted| Expected {
            later: self.later.contains(&planted.medium),
            medium: planted.medium.clone(),
            class: planted.class.to_owned(),
            seq: planted.seq.expect("it is about a top-up"),
            amount: planted.amount,
        });
        let mut expected: Vec<_> = planted.collect();
        expected.sort_unstable();
        expected
    }
}

impl<'a> Gather<'a> {
    fn new(folder: &'a Path, crowd: Crowd) -> Self {
        let made = Made {
            crowd,
            events: 0,
            held: 0,
            later: 0,
            receipts: 0,
            papers: 0,
            topups: 0,
            bytes: 0,
            expected: vec![],
        };
        let told = Told { stretches: vec![], fresh: BTreeSet::new(), later: vec![], made };
        Self { folder, crowd, open: Mutex::default(), told: Mutex::new(told) }
    }

    /// Write a whole bundle.
    fn close(&self, number: u32, members: Vec<(ThreadId, Member)>) {
        let fresh = match self.crowd.news {
            News::Few => fresh(number, &members),
            News::Bogus | News::All | News::Every => BTreeSet::new(),
        };
        let mut members: Vec<_> = members.into_iter().map(|(_, member)| member).collect();
        members.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let exports: Vec<Export<'_>> =
            members.iter().map(|member| Export::of(&member.bytes)).collect();
        let exports: Vec<_> =
            exports.into_iter().map(|export| (self.crowd.held(&export, &fresh), export)).collect();
        let later = number >= self.crowd.media / BUNDLE;
        let papers = match self.crowd.news {
            News::Every => vec![],
            News::Bogus | News::Few | News::All => papers(&exports),
        };
        let place = if later { "later" } else { "evidence" };
        let path = self.folder.join(place).join(format!("{number:04}.tar"));
        bundle::write(&path, members.iter().chain(&papers));
        let bytes = fs::metadata(&path).expect("it was written").len();
        let stretches: Vec<_> = exports.iter().map(stretch).collect();
        let mut told = self.told.lock().expect("nobody panics holding it");
        let events: usize = exports.iter().map(|(_, export)| export.records.len()).sum();
        if later {
            told.made.later += events as u64;
            told.later.extend(members.iter().map(|member| member.name[..12].to_owned()));
            return;
        }
        let records = || exports.iter().flat_map(|(_, export)| &export.records);
        told.fresh.extend(fresh);
        let made = &mut told.made;
        made.events += events as u64;
        made.held += stretches.iter().map(|stretch| stretch.held as u64).sum::<u64>();
        made.receipts += records().filter(|record| record.receipt.is_some()).count() as u64;
        made.topups += records().filter(|record| record.is_topup()).count() as u64;
        made.papers += papers.len() as u64;
        made.bytes += bytes;
        told.stretches.extend(stretches);
    }
}

impl Desk for Gather<'_> {
    fn put(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let parts: Vec<&str> = name.split('/').collect();
        let numbered = match parts.as_slice() {
            ["evidence", bundle, name] => bundle.parse().ok().map(|bundle: u32| (bundle, *name)),
            _ => None,
        };
        let Some((number, name)) = numbered else {
            let path = self.folder.join(name);
            fs::create_dir_all(path.parent().unwrap_or(self.folder))?;
            return fs::write(path, bytes);
        };
        let all = self.crowd.population().media - number * BUNDLE;
        let mut open = self.open.lock().expect("nobody panics holding it");
        let members = open.entry(number).or_default();
        let member = Member { name: name.to_owned(), bytes: bytes.to_vec() };
        members.push((std::thread::current().id(), member));
        let whole = members.len() as u64 == u64::from(all.min(BUNDLE));
        let whole = if whole { open.remove(&number) } else { None };
        drop(open);
        if let Some(members) = whole {
            self.close(number, members);
        }
        Ok(())
    }

    fn at(&self, _: Stage, _: u64, _: u64) {}

    fn stops(&self) -> bool {
        false
    }
}

/// In every fourth bundle one circle of owners is new: that of the least medium.
fn fresh(number: u32, members: &[(ThreadId, Member)]) -> BTreeSet<MediumId> {
    let mut threads: HashMap<ThreadId, Vec<MediumId>> = HashMap::new();
    for (thread, member) in members {
        threads.entry(*thread).or_default().push(Export::of(&member.bytes).medium());
    }
    let circles = threads.values().flat_map(|media| media.chunks(CIRCLE));
    let least = circles.min_by_key(|circle| circle.iter().min());
    let least = least.filter(|_| number.is_multiple_of(4));
    least.map(|circle| circle.iter().copied().collect()).unwrap_or_default()
}

fn stretch((held, export): &(usize, Export<'_>)) -> Stretch {
    let rows = export.records.iter().enumerate().map(|(place, record)| rows::row(place, record));
    Stretch { medium: export.medium().number(), rows: rows.flatten().collect(), held: *held }
}

/// What partners kept of what is newer than the records: receipts, and with one in ten what its
/// payer showed before.
fn papers(exports: &[(usize, Export<'_>)]) -> Vec<Member> {
    let by_medium: BTreeMap<_, _> =
        exports.iter().map(|(_, export)| (export.medium(), export)).collect();
    let new = exports.iter().flat_map(|(held, export)| &export.records[*held..]);
    let receipts = new.filter_map(|record| record.receipt.as_ref());
    let mut papers = vec![];
    for (place, receipt) in receipts.enumerate() {
        let (payer, start) = receipt_of(receipt);
        papers.push(Member { name: format!("{payer}-{start}.receipt"), bytes: receipt.clone() });
        if place % FUNDED == 0 {
            let start = usize::try_from(start).expect("journals are short");
            let bytes = by_medium[&payer].funding(start);
            papers.push(Member { name: format!("{payer}-{start}.funding"), bytes });
        }
    }
    papers
}

/// Settle what each bundle held before.
fn settle_known(crowd: Crowd, folder: &Path, fresh: &BTreeSet<MediumId>, threads: NonZeroUsize) {
    let issuer = Issuer::open(&folder.join("issuer"), None).expect("it was founded");
    let key = issuer.settler_key(Passphrase::None).expect("it was founded");
    let trust = || Trust::new(vec![issuer.root().clone()], TestRoots::Allowed);
    let bundles = match crowd.news {
        News::Every => vec![],
        News::Bogus | News::Few | News::All => bundles(&folder.join("evidence")),
    };
    let (next, heaps) = (AtomicUsize::new(0), bundles.iter().map(|_| trust()).collect::<Vec<_>>());
    let issuer = Mutex::new(issuer);
    let work = || {
        let place = Place::in_folder(&folder.join("issuer"));
        let mut records = Records::open_reading(&place).expect("they were made");
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = bundles.get(at) else { break };
            let mut heap = Heap::new(heaps[at].clone());
            for member in bundle::read(path).iter().filter(|one| one.name.ends_with(".evidence")) {
                let export = Export::of(&member.bytes);
                let held = crowd.held(&export, fresh);
                if held > 0 {
                    heap.take_bytes(export.first(held)).expect("it is an export");
                }
            }
            settle_heap(&heap, &mut records, &issuer, &key);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(work);
        }
    });
}

fn settle_heap(heap: &Heap, records: &mut Records, issuer: &Mutex<Issuer>, key: &CertifiedKey) {
    let currency = issuer.lock().expect("nobody panics holding it").form().currency();
    let base = records.base().expect("reads");
    let (as_of, threads) = (Some(Crowd::as_of()), NonZeroUsize::MIN);
    let decisions = &Decisions::none();
    let terms = Terms { currency, base, as_of, threads, decisions };
    let plan = reconcile(heap, records, &terms).expect("reads");
    for finding in plan.entries.iter().flat_map(|entry| &entry.findings) {
        assert_eq!(finding.class, Class::MediumAhead, "{finding:?}");
    }
    let mut issuer = issuer.lock().expect("nobody panics holding it");
    settle(&mut issuer, key, MemoryDevice::from_bytes(plan.encode()));
}

/// Post a plan that was just made.
pub(crate) fn settle(issuer: &mut Issuer, key: &CertifiedKey, plan: impl Device) {
    let plan = PlanReader::open(plan).expect("it was just made");
    issuer.settle(&plan, key, Crowd::as_of()).expect("nothing was posted meanwhile");
}

/// The bundles of a folder, by name.
pub(crate) fn bundles(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it was made");
    let paths = entries.map(|entry| entry.expect("reads").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension() == Some("tar".as_ref())).collect();
    paths.sort_unstable();
    paths
}
