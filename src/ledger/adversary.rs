//! An adversary against the rules: he copies a medium as often as he likes, spends on each copy at
//! whom he likes, goes on with old images, and brings all of it in the end.
//!
//! What is lost is counted from what was delivered and what the books recovered; the bound comes
//! from the policy alone: for each copy beside the medium itself, the cap or its balance.

use std::collections::BTreeMap;

use super::fixture::{Purse, SETTLER, SHEET, World, bytes, host, key, medium, minor};
use super::funding::{Beside, Funded};
use super::next::{self, Package, Statement};
use super::{Account, Credits, Effect, Outcome, State, Step, offline_limits, settle};
use crate::crypto::digest::sha256;
use crate::crypto::{Random, SeededRandom};
use crate::format::record::EventId;
use crate::format::transfer::{Partner, Terms};
use crate::trust::{sign, verify};
use crate::units::Amount;

/// What is spent at a time: all that is free, the caps, and parts of them.
const PRICES: [u64; 5] = [1_500, 600, 400, 300, 150];
const SPENDS: usize = 4;
const RANDOM_RUNS: u64 = 10_000;

/// A copy of a medium, with a partner of its own.
fn copied<'w>(purse: &Purse<'w>) -> Purse<'w> {
    let (sheets, state) = (purse.sheets.clone(), purse.state.clone());
    let Purse { world, owner, .. } = *purse;
    Purse { world, sheets, state, key: key(owner), owner, records: vec![] }
}

/// Fetch something at this price from a partner; none where owner's or partner's rules refuse.
fn spend(purse: &mut Purse<'_>, price: u64, branch: u8) -> Option<u64> {
    let price = price.min(purse.state.free().minor()).max(1);
    let transfer = [u8::try_from(purse.state.next.number()).unwrap(); 16];
    let (price, length) = (minor(price), bytes(1_000));
    let terms = Terms { transfer, entry: [0; 32], price, length, share_ppm: 300_000 };
    let partner = Partner::Medium(medium(200 + u64::from(branch)));
    let package = Package { terms: &terms, item: "song", partner };
    let start = next::download_start(&purse.state, &host(), [branch; 16], &package).ok()?;
    let signed = purse.put(&start).ok()?;
    let start = verify(&signed, &purse.public()).unwrap();
    let (state, item) = (purse.state.clone(), "song".to_owned());
    let funded = Funded { medium: state.medium, state, start, terms, item, before: bytes(0) };
    funded.within(&purse.world.policy, Beside::default()).unwrap();
    let end = next::download_end(&purse.state, &host(), [branch; 16], transfer).unwrap();
    purse.put(&end).unwrap();
    Some(price.minor())
}

/// The most that one more copy of this state can cost, by the policy.
fn most(purse: &Purse<'_>) -> u64 {
    let cap = offline_limits(&purse.world.policy, &purse.state).0;
    cap.min(purse.state.free()).minor()
}

/// Take over what a settler states of this branch alone.
fn settled(purse: &mut Purse<'_>, account: &Account) -> Account {
    let branches = [&purse.state];
    let settlement = settle(&purse.world.policy, account, &branches).unwrap();
    let as_of = host().floor;
    let known = Credits { sheets: &[(SHEET, 5)], vouchers: &[], as_of, numbers: (1, 0) };
    let signed = sign(&key(SETTLER), &settlement.checkpoint(account, &branches, &known));
    let statement = Statement { checkpoint: &signed, certificate: &purse.world.settler };
    purse.put(&next::checkpoint(&purse.state, &host(), [7; 16], &statement)).unwrap();
    Account { hash: sha256(&signed), ..settlement.account }
}

/// What is lost when all of it comes to the records: what was delivered, less what the books charge,
/// and what they charge and nobody has.
fn lost(world: &World, account: &Account, branches: &[&State]) -> u64 {
    let steps = || branches.iter().flat_map(|state| &state.tail);
    let at_partner = |step: &&Step| step.effect == Effect::AtPartner;
    let delivered: i64 = steps().filter(at_partner).map(|step| -step.amount).sum();
    let new = |step: &Step| step.event.filter(|event| !account.events.contains_key(event));
    let moved: BTreeMap<EventId, &Step> =
        steps().filter_map(|step| Some((new(step)?, step))).collect();
    let charged: i64 = moved.values().copied().filter(at_partner).map(|step| -step.amount).sum();
    let before = signed(account.settled) - signed(account.debt);
    let free = before + moved.values().map(|step| step.amount).sum::<i64>();
    let settlement = settle(&world.policy, account, branches).unwrap();
    if settlement.outcome != Outcome::Frozen {
        let Account { settled, debt, store_loss, .. } = settlement.account;
        assert_eq!(signed(settled) - signed(debt) - signed(store_loss), free);
    }
    u64::try_from(delivered - charged + (-free).max(0)).unwrap()
}

fn signed(amount: Amount) -> i64 {
    i64::try_from(amount.minor()).unwrap()
}

/// Every way to spend at most so often on one copy, where the rules refuse nothing.
fn ways<'w>(purse: &Purse<'w>, branch: u8, spends: usize) -> Vec<Purse<'w>> {
    let mut all = vec![copied(purse)];
    if spends > 0 {
        for price in PRICES {
            let mut next = copied(purse);
            if spend(&mut next, price, branch).is_some() {
                all.extend(ways(&next, branch, spends - 1));
            }
        }
    }
    all
}

/// The medium itself, all of it spent in goods on its own read-only area, which no cap holds back.
fn emptied<'w>(purse: &Purse<'w>) -> Purse<'w> {
    let mut emptied = copied(purse);
    let free = emptied.state.free();
    let goods = ("film", "a studio");
    let record = next::purchase(&emptied.state, &host(), [9; 16], goods, free).unwrap();
    emptied.put(&record).unwrap();
    emptied
}

/// Losses in tenths of their bounds.
#[derive(Default)]
struct Losses {
    runs: u64,
    tenths: [u64; 11],
}

impl Losses {
    fn note(&mut self, lost: u64, bound: u64) {
        assert!(lost <= bound, "{lost} is lost, {bound} is the bound");
        self.runs += 1;
        self.tenths[usize::try_from((lost * 10).checked_div(bound).unwrap_or(0)).unwrap()] += 1;
    }

    fn tell(&self, what: &str) {
        println!("{what}: {} runs", self.runs);
        for (tenth, count) in self.tenths.iter().enumerate() {
            let stars = usize::try_from(count * 50 / self.runs).unwrap();
            println!("{:>4} % |{:<50}| {count}", tenth * 10, "*".repeat(stars));
        }
    }
}

/// Where copies part: what is settled, the medium itself, and what it is copied from.
fn partings(world: &World) -> Vec<(&'static str, Account, Purse<'_>, Purse<'_>)> {
    let fresh = world.purse(1, 2);
    let unsettled = Account::new(fresh.state.medium, [1; 32]);
    let mut purse = copied(&fresh);
    let first = settled(&mut purse, &unsettled);
    let old = copied(&purse);
    let mut later = copied(&purse);
    spend(&mut later, 300, 0).unwrap();
    let second = settled(&mut later, &first);
    let again = copied(&later);
    vec![
        ("before the first checkpoint", unsettled, copied(&fresh), fresh),
        ("behind a checkpoint", first, copied(&old), copied(&old)),
        ("from an image that is a checkpoint old", second, again, old),
    ]
}

#[test]
fn no_choice_of_three_branches_with_four_spends_costs_more_than_the_bound() {
    let world = World::new();
    for (what, account, own, image) in partings(&world) {
        let bound = most(&image);
        let [mut first, second, third] =
            [(&own, 1), (&image, 2), (&image, 3)].map(|(from, branch)| ways(from, branch, SPENDS));
        first.push(emptied(&own));
        let mut losses = Losses::default();
        for one in &first {
            losses.note(lost(&world, &account, &[&one.state]), 0);
            for (place, other) in second.iter().enumerate() {
                let two = [&one.state, &other.state];
                losses.note(lost(&world, &account, &two), bound);
                for last in &third[place..] {
                    let three = [&one.state, &other.state, &last.state];
                    losses.note(lost(&world, &account, &three), 2 * bound);
                }
            }
        }
        losses.tell(what);
        assert!(losses.tenths[9..].iter().sum::<u64>() > 0, "{what}: the bound is far off");
    }
}

/// Numbers from a seed.
struct Drawn(SeededRandom);

impl Drawn {
    fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % end
    }

    fn of<'a, T>(&mut self, row: &'a [T]) -> &'a T {
        &row[usize::try_from(self.below(row.len() as u64)).unwrap()]
    }

    /// A copy that spends whatever it likes, topped up by the same code now and then; with the most
    /// that it can cost.
    fn branch<'w>(&mut self, from: &Purse<'w>, number: u8) -> (Purse<'w>, u64) {
        let mut branch = copied(from);
        if self.below(3) == 0 && branch.state.balance.minor() <= 1_000 {
            branch.put(&branch.topup(2)).unwrap();
        }
        let most = most(&branch);
        for _ in 0..self.below(6) {
            spend(&mut branch, 1 + self.below(700), number);
        }
        (branch, most)
    }
}

#[test]
fn no_random_run_costs_more_than_the_bound() {
    let world = World::new();
    let mut drawn = Drawn(SeededRandom::new([61; 32]));
    let mut losses = Losses::default();
    for (_, account, own, image) in partings(&world) {
        let own: Vec<_> = (0..60).map(|_| drawn.branch(&own, 0)).collect();
        let copies: Vec<_> = (1..=200).map(|number| drawn.branch(&image, number)).collect();
        for _ in 0..RANDOM_RUNS {
            let mut branches = vec![drawn.of(&own)];
            for _ in 0..=drawn.below(6) {
                branches.push(drawn.of(&copies));
            }
            let bound = branches[1..].iter().map(|(_, most)| most).sum();
            let states: Vec<&State> = branches.iter().map(|(branch, _)| &branch.state).collect();
            losses.note(lost(&world, &account, &states), bound);
        }
    }
    losses.tell("random runs");
    assert_eq!(losses.runs, 3 * RANDOM_RUNS);
}
