//! What a plan is made of: its head, an entry with a posting, its tail.

use scrip::crypto::digest::sha256;
use scrip::format::Object;
use scrip::format::decision::Verdict;
use scrip::format::field::Bytes;
use scrip::format::plan::{
    AccountKind, Class, ClassSum, Decided, Finding, PlanAccount, PlanBlame, PlanEffect, PlanEntry,
    PlanEvent, PlanFork, PlanHead, PlanHeld, PlanMove, PlanPosting, PlanRow, PlanTail, Side,
};
use scrip::ledger::State;
use scrip::units::Sequence;

use super::samples::{Form, Sample};
use super::wallet::plain;
use super::world::{World, amount, medium, store_id, time, yen};

/// A fork that is settled, as a plan has it.
pub(crate) fn plan(world: &World) -> Vec<Sample<'_>> {
    let head =
        PlanHead { version: 1, as_of: time(1_803_000_000), currency: yen(), base: [0xba; 32] };
    let entry = entry(world);
    let tail = PlanTail {
        entries: 1,
        postings: 1,
        classes: vec![ClassSum { class: Class::Fork, count: 1, amount: -300 }],
        moved: 700,
        digest: sha256(&[head.encode(), entry.encode()].concat()),
    };
    vec![
        Sample::of("plan-head", "plain", "how a plan begins", Form::Plain, &head),
        Sample::of("plan-entry", "fork", "a fork that is settled", Form::Plain, &entry),
        Sample::of("plan-tail", "plain", "what those two add up to", Form::Plain, &tail),
    ]
}

fn entry(world: &World) -> PlanEntry {
    let mut state = State::blank(medium(), [0xce; 32], world.holder.public());
    (state.next, state.head) = (Sequence::from_number(6), [0x1a; 32]);
    let checkpoint = plain(&state, [0xce; 32]);
    let of = |kind| PlanAccount { kind, number: Some(medium().number()), name: None };
    let name = Some("Example label".to_owned());
    let revenue = PlanAccount { kind: AccountKind::Revenue, number: None, name };
    let posting = PlanPosting {
        checkpoint,
        store_loss: amount(0),
        events: vec![PlanEvent { event: [0xe1; 16], amount: -700, effect: PlanEffect::Own }],
        rekey: Some(Sequence::from_number(1)),
        key: Some(world.owner.public()),
        first: Some(Sequence::from_number(3)),
        held: vec![PlanHeld { seq: Sequence::from_number(5), hash: [0x1a; 32] }],
        forks: vec![PlanFork {
            seq: Sequence::from_number(5),
            one: [0x1a; 32],
            other: [0x1b; 32],
            by: PlanBlame::Nobody,
        }],
        moves: vec![PlanMove {
            debit: of(AccountKind::Settled),
            credit: revenue,
            amount: amount(700),
        }],
        settled_since: vec![[0xe1; 16]],
    };
    let side = |hash, bytes| Side { what: "record 5".to_owned(), hash, bytes };
    let finding = Finding {
        id: [0xf1; 16],
        class: Class::Fork,
        medium: Some(medium()),
        store: Some(store_id(7)),
        seq: Some(Sequence::from_number(5)),
        amount: -300,
        sides: vec![side([0x1a; 32], Some(Bytes(vec![1, 2, 3]))), side([0x1b; 32], None)],
        rule: "each event counts once".to_owned(),
        owner: "Both were put together.".to_owned(),
        stake: Some(amount(400)),
        decided: Some(Decided {
            verdict: Verdict::Settle,
            at: time(1_803_000_900),
            text: "seen with its owner".to_owned(),
            by: vec!["Example clerk".to_owned()],
        }),
    };
    let row = PlanRow { number: 0, hash: [0; 32], seq: None, head: [0; 32] };
    PlanEntry {
        medium: Some(medium()),
        before: Some(row),
        findings: vec![finding],
        posting: Some(Box::new(posting)),
    }
}
