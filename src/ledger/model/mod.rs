//! Media, a cheat, a store, a partner and the settler, in every order, over the very [`super::apply`]
//! and [`super::settle()`]: what has to hold, and the faults of design that break it.

mod facts;
mod table;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::Outcome;
use super::planted::{Fault, plant};
use facts::Wrong;
use table::{FIRST, Hand, Id, PARTNER, Step, Table};

/// The owner's stick, or a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Copy {
    Stick,
    Clone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    /// A record is put on a copy and committed.
    Put(Copy, Step),
    /// The stick is copied.
    Cloned,
    /// The stick is what the copy was.
    Rewound,
    /// The last record of the stick is lost: a flush lied, or a commit was torn.
    Lost,
    /// The computer that saw it puts it back.
    Replayed,
    /// The store makes its own owner of the medium, by the key that it made.
    Rival,
    /// What the store does with that.
    RivalPuts(Step),
    /// What the partner does.
    Partner(Step),
    /// A journal reaches the records.
    Brought(Which),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
    Copy(Copy),
    Outbox,
    Rival,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    stick: Id,
    clone: Option<Id>,
    /// What the owner's computer last saw on the stick.
    seen: Id,
    /// The branch that it kept when the stick went on without it.
    outbox: Option<Id>,
    rival: Option<Id>,
    partner: Id,
    /// All journals that reached the records.
    brought: Vec<Id>,
    account: Id,
    /// The newest statements of the settler.
    statements: [Option<Id>; 2],
    /// The rekey that was recorded first, by its journal.
    first: Option<Id>,
    /// Nobody copied or rewound the stick.
    honest: bool,
    frozen: bool,
    proofs: usize,
}

#[derive(Clone)]
struct Ledger {
    table: Arc<Table>,
    fault: Option<Fault>,
    /// The one property that is looked at; all of them without it.
    only: Option<&'static str>,
}

impl Ledger {
    fn new(fault: Option<Fault>, only: Option<&'static str>) -> Self {
        plant(fault);
        Self { table: Arc::new(Table::new()), fault, only }
    }

    fn steps(world: &World) -> Vec<Step> {
        let mut steps = vec![
            Step::Rekey(Hand::Owner),
            Step::Code(0),
            Step::Code(1),
            Step::Voucher,
            Step::Stolen,
            Step::Buy,
            Step::Start,
            Step::Broken,
            Step::End,
            Step::StoreBuys,
        ];
        steps.extend(world.statements.iter().flatten().map(|id| Step::Take(*id)));
        steps
    }

    fn put(&self, world: &mut World, copy: Copy, step: Step) -> Option<()> {
        match copy {
            Copy::Clone => world.clone = Some(self.table.extend(world.clone?, step)?),
            Copy::Stick => {
                let next = self.table.extend(world.stick, step)?;
                if world.seen != world.stick {
                    world.outbox = Some(world.seen);
                }
                (world.stick, world.seen) = (next, next);
            }
        }
        Some(())
    }

    fn bring(&self, world: &mut World, which: Which) -> Option<()> {
        let id = match which {
            Which::Copy(Copy::Stick) => world.stick,
            Which::Copy(Copy::Clone) => world.clone?,
            Which::Outbox => world.outbox?,
            Which::Rival => world.rival?,
        };
        if world.brought.iter().any(|known| self.table.continues(*known, id)) {
            return None;
        }
        let under = |id| self.table.see(id, |node| node.facts.rekey);
        let (key, stands) = (under(id), world.first.and_then(under));
        let contested = key.is_some() && stands.is_some() && key != stands;
        let replaced =
            |known: Id| self.table.continues(id, known) && (!contested || under(known) == key);
        world.brought.retain(|known| !replaced(*known));
        world.brought.push(id);
        world.brought.sort_unstable();
        let rekeyed = self.table.see(id, |node| node.facts.rekey.is_some());
        world.first = world.first.or(rekeyed.then_some(id));
        let ruled = self.table.rule(world.account, &world.brought);
        world.account = ruled.account;
        world.proofs = world.proofs.max(ruled.proofs);
        world.frozen |= ruled.outcome == Outcome::Frozen;
        if let Some(statement) = ruled.statement {
            world.statements = [Some(statement), world.statements[0]];
        }
        Some(())
    }

    fn act(&self, world: &mut World, act: Act) -> Option<()> {
        match act {
            Act::Put(copy, step) => self.put(world, copy, step)?,
            Act::Cloned => {
                world.clone = Some(world.stick);
                world.honest = false;
            }
            Act::Rewound => {
                let clone = world.clone.filter(|clone| *clone != world.stick)?;
                (world.stick, world.seen, world.honest) = (clone, clone, false);
            }
            Act::Lost => world.stick = self.table.see(world.stick, |node| node.parent)?,
            Act::Replayed => {
                let lost = world.seen != world.stick;
                let back = lost && self.table.continues(world.seen, world.stick);
                world.stick = back.then_some(world.seen)?;
            }
            Act::Rival => world.rival = self.table.extend(FIRST, Step::Rekey(Hand::Store)),
            Act::RivalPuts(step) => world.rival = Some(self.table.extend(world.rival?, step)?),
            Act::Partner(step) => world.partner = self.table.extend(world.partner, step)?,
            Act::Brought(which) => self.bring(world, which)?,
        }
        Some(())
    }

    /// All journals that exist.
    fn journals(world: &World) -> impl Iterator<Item = Id> {
        let own = [Some(world.stick), Some(world.seen), world.clone, world.outbox, world.rival];
        own.into_iter().flatten().chain([world.partner])
    }

    fn each(&self, world: &World, holds: impl Fn(&table::Node) -> bool) -> bool {
        self.table.all(Self::journals(world), holds)
    }

    /// What journals come to by their own records, each thing once; those under another rekey than
    /// the one recorded first are left out. What a copy closed that was brought closed otherwise is
    /// charged when that copy is brought.
    fn due(&self, world: &World, journals: &[Id], copy: Option<Id>) -> i64 {
        let stands = world.first.and_then(|id| self.table.see(id, |node| node.facts.rekey));
        let (mut credits, mut spent) = (BTreeMap::new(), BTreeMap::new());
        for id in journals.iter().copied().chain(copy) {
            self.table.see(id, |node| {
                if node.facts.rekey.is_some() && node.facts.rekey != stands {
                    return;
                }
                let own = node.facts.credits.iter();
                credits.extend(own.map(|(name, (amount, _))| (name.clone(), *amount)));
                for (start, amount) in &node.facts.spent {
                    let known = spent.entry(*start).or_insert(*amount);
                    *known = if Some(id) == copy { *known } else { (*known).max(*amount) };
                }
            });
        }
        credits.values().sum::<i64>() - spent.values().sum::<i64>()
    }

    /// (what was brought comes to, what the account holds).
    fn values(&self, world: &World) -> (i64, i64) {
        let held = self.table.account(world.account, |account| {
            let open: u64 = account.open.iter().map(|open| open.reserved.minor()).sum();
            let lacking = account.debt.minor() + account.store_loss.minor();
            let held = account.settled.minor() + account.provisional.minor() + open;
            i64::try_from(held).unwrap() - i64::try_from(lacking).unwrap()
        });
        (self.due(world, &world.brought, None), held)
    }

    /// A copy under the newest statement holds what was brought and what it did itself.
    fn agrees(&self, world: &World, id: Id) -> bool {
        let (number, loss) =
            self.table.account(world.account, |known| (known.number, known.store_loss.minor()));
        let (taken, held) = self.table.see(id, |node| {
            let held = node.state.balance.minor().cast_signed();
            let taken = node.state.checkpoint.map_or(0, |known| known.number);
            (taken, held - node.state.debt.minor().cast_signed())
        });
        taken == 0
            || taken < number
            || held == self.due(world, &world.brought, Some(id)) + loss.cast_signed()
    }
}

const NO_VALUE_CREATED: &str = "no value created";
const ALL_ACCOUNTED: &str = "all value accounted";
const SUFFICIENT_FUNDS: &str = "sufficient funds";
const CREDITED_ONCE: &str = "each credited once, on its own medium";
const NOBODY_FROZEN: &str = "no honest owner frozen";
const PROVEN_OR_MERGED: &str = "every double spend proven or merged";
const BOUNDED: &str = "loss within the printed bound per branch";
const KEYS: &str = "each key signs what it may";
const FORWARD: &str = "settled states go forward";
const COPIES_AGREE: &str = "a copy under a statement holds it and its own records";
const STORE_BEARS: &str = "before the first checkpoint the store bears what forks cost";
const REVOKED: &str = "nothing above the cut counts where the list has arrived";
const FIRST_STANDS: &str = "the rekey recorded first stands";

impl Model for Ledger {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            stick: FIRST,
            clone: None,
            seen: FIRST,
            outbox: None,
            rival: None,
            partner: PARTNER,
            brought: vec![],
            account: 0,
            statements: [None; 2],
            first: None,
            honest: true,
            frozen: false,
            proofs: 0,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Act>) {
        for step in Self::steps(world) {
            actions.push(Act::Put(Copy::Stick, step));
            if world.clone.is_some() {
                actions.push(Act::Put(Copy::Clone, step));
            }
        }
        actions.extend([Act::Cloned, Act::Rewound, Act::Lost, Act::Replayed]);
        let rival = [Step::Code(0), Step::Buy, Step::Start, Step::Rekey(Hand::Owner)];
        match world.rival {
            None => actions.push(Act::Rival),
            Some(_) => actions.extend(rival.map(Act::RivalPuts)),
        }
        let earned = [Some(world.stick), world.clone].into_iter().flatten().map(Step::Earn);
        actions.extend([Step::Voucher, Step::Buy].into_iter().chain(earned).map(Act::Partner));
        let all = [Which::Copy(Copy::Stick), Which::Copy(Copy::Clone), Which::Outbox, Which::Rival];
        actions.extend(all.map(Act::Brought));
    }

    fn next_state(&self, world: &World, act: Act) -> Option<World> {
        plant(self.fault);
        let mut next = world.clone();
        self.act(&mut next, act)?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::always(NO_VALUE_CREATED, |model: &Self, world: &World| {
                let (due, held) = model.values(world);
                world.frozen || held <= due
            }),
            Property::always(ALL_ACCOUNTED, |model: &Self, world: &World| {
                let (due, held) = model.values(world);
                world.frozen || held >= due
            }),
            Property::always(SUFFICIENT_FUNDS, |model: &Self, world: &World| {
                model.each(world, |node| {
                    let reserved = node.state.reserved().minor();
                    let open = node.state.transfers.values().filter(|known| known.open.is_some());
                    let kept = open.count() == 0 || reserved > 0;
                    let bound = reserved + node.state.provisional.minor();
                    kept && bound <= node.state.balance.minor()
                })
            }),
            Property::always(CREDITED_ONCE, |model: &Self, world: &World| {
                model.each(world, |node| {
                    let once = node.facts.credits.values().all(|(_, count)| *count == 1);
                    once && node.facts.without(Wrong::Foreign)
                })
            }),
            Property::always(NOBODY_FROZEN, |_: &Self, world: &World| {
                !world.honest || !world.frozen
            }),
            Property::always(PROVEN_OR_MERGED, |_: &Self, world: &World| {
                world.brought.len() < 2 || world.proofs > 0
            }),
            Property::always(BOUNDED, |model: &Self, world: &World| {
                model.each(world, |node| node.facts.without(Wrong::AboveCap))
            }),
            Property::always(KEYS, |model: &Self, world: &World| {
                model.each(world, |node| node.facts.without(Wrong::Key))
            }),
            Property::always(FORWARD, |model: &Self, world: &World| {
                model.each(world, |node| node.facts.without(Wrong::Back))
            }),
            Property::always(REVOKED, |model: &Self, world: &World| {
                model.each(world, |node| node.facts.without(Wrong::Revoked))
            }),
            Property::always(COPIES_AGREE, |model: &Self, world: &World| {
                let copies = [Some(world.stick), world.clone];
                world.frozen || copies.into_iter().flatten().all(|id| model.agrees(world, id))
            }),
            Property::always(STORE_BEARS, |model: &Self, world: &World| {
                let account = |held: &super::Account| {
                    let late = held.forks.iter().any(|fork| fork.by == super::Blame::Nobody);
                    late || held.debt.is_zero()
                };
                model.table.account(world.account, account)
            }),
            Property::always(FIRST_STANDS, |model: &Self, world: &World| {
                let stands = world.first.and_then(|id| model.table.see(id, |n| n.facts.rekey));
                let settled = model.table.account(world.account, |account| {
                    account.rekey.map(|rekey| *rekey.key.as_bytes())
                });
                settled.is_none() || settled == stands
            }),
        ];
        all.retain(|property| self.only.is_none_or(|only| only == property.name));
        all
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, NonZeroUsize::get)
}

#[test]
fn a_million_states_hold() {
    let least = if cfg!(feature = "thorough") { 1_000_000 } else { 50_000 };
    let begin = std::time::Instant::now();
    let model = Ledger::new(None, None);
    let table = Arc::clone(&model.table);
    let checker = model.checker().threads(threads()).target_state_count(least * 9 / 5);
    let checker = checker.spawn_bfs().join();
    let unique = checker.unique_state_count();
    let broken = checker.discoveries().into_iter();
    let broken: Vec<_> = broken.map(|(name, path)| (name, path.into_actions())).collect();
    assert!(broken.is_empty(), "after {unique} states: {broken:?}");
    let records = table.records();
    println!("{unique} unique states, {records} records, {:?}", begin.elapsed());
    assert!(unique >= least, "{unique} unique states");
}

/// A planted fault breaks this property.
fn found(fault: Fault, expected: &'static str) {
    let model = Ledger::new(Some(fault), Some(expected));
    let checker = model.checker().threads(threads()).target_state_count(4_000_000);
    let checker = checker.finish_when(HasDiscoveries::Any).spawn_bfs().join();
    plant(None);
    let path = checker.discovery(expected).unwrap_or_else(|| panic!("{fault:?} is not found"));
    println!("{fault:?} breaks \"{expected}\": {:?}", path.into_actions());
}

macro_rules! faults {
    ($( $name:ident: $fault:ident breaks $property:ident; )*) => { $(
        #[test]
        fn $name() {
            found(Fault::$fault, $property);
        }
    )* };
}

faults! {
    a_code_credited_again_is_found: CreditAgain breaks CREDITED_ONCE;
    a_missing_reserve_is_found: NoReserve breaks SUFFICIENT_FUNDS;
    fees_spent_at_once_are_found: FeesAtOnce breaks SUFFICIENT_FUNDS;
    a_missing_cap_is_found: NoCap breaks BOUNDED;
    a_missing_starter_cap_is_found: NoStarterCap breaks BOUNDED;
    a_store_key_that_spends_is_found: StoreKeySpends breaks KEYS;
    a_second_rekey_is_found: RekeyAgain breaks KEYS;
    a_retired_key_is_found: RetiredKey breaks KEYS;
    loose_events_are_found: LooseEvents breaks NO_VALUE_CREATED;
    a_sum_of_branches_is_found: SumOfBranches breaks NO_VALUE_CREATED;
    freezing_every_fork_is_found: FreezeForks breaks NOBODY_FROZEN;
    a_list_that_binds_nobody_is_found: RevokedCounts breaks REVOKED;
    a_later_rekey_that_stands_is_found: LatestRekey breaks FIRST_STANDS;
}

// Found after seconds each.
#[cfg(feature = "thorough")]
faults! {
    a_forgotten_list_of_codes_is_found: ForgetUsed breaks COPIES_AGREE;
    an_older_checkpoint_is_found: OldCheckpoint breaks FORWARD;
    a_settlement_of_the_longest_branch_is_found: LongestBranch breaks NO_VALUE_CREATED;
    a_merge_that_forgets_is_found: MergeForgets breaks COPIES_AGREE;
    a_merge_that_repeats_is_found: MergeRepeats breaks COPIES_AGREE;
    starter_forks_held_against_owners_are_found: StarterDebt breaks STORE_BEARS;
}
