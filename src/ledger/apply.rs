//! One record against one state.

use super::event::{placed_event, segment_event};
use super::facts::{Entry, Facts};
use super::planted::{Fault, planted};
use super::refusal::{Reason, Refusal, broken};
use super::rules::Rules;
use super::state::{Effect, KeyLife, State, Step};
use super::{moves, settled, transfers};
use crate::crypto::sign::KeyId;
use crate::format::policy::Policy;
use crate::format::record::{Body, EventId, Record, RecordKind};
use crate::format::text::TextView;
use crate::format::transfer::{Partner, TransferId};
use crate::trust::{Claimed, Verified};
use crate::units::{Amount, MediumId, Sequence, Timestamp};

/// Exceptions, downloads and uploads that may be open at once: a checkpoint has to list them.
pub const OPEN_MAX: usize = 16;

/// The state after one more record, or why it does not follow.
pub fn apply(
    rules: &Rules<'_>,
    state: &State,
    record: &Verified<Record>,
) -> Result<State, Refusal> {
    let mut next = state.clone();
    advance(rules, &mut next, record)?;
    Ok(next)
}

/// [`apply`] in place; a state that the record does not follow stays as it was.
pub fn advance(
    rules: &Rules<'_>,
    state: &mut State,
    record: &Verified<Record>,
) -> Result<(), Refusal> {
    step(rules, state, (Facts::of(record, &record.body), record.hash(), record.signer()))
}

/// The state after a record that the holder of this key has not signed yet, as it would be; only
/// its head isn't the one that it will have.
pub fn foresee(
    rules: &Rules<'_>,
    state: &State,
    record: &Record,
    signer: KeyId,
) -> Result<State, Refusal> {
    let mut next = state.clone();
    step(rules, &mut next, (Facts::of(record, &record.body), [0; 32], signer))?;
    Ok(next)
}

/// [`advance`] for what nobody has verified yet: the caller verifies it before it believes the state.
pub(super) fn advance_claimed(
    rules: &Rules<'_>,
    state: &mut State,
    record: &Claimed<'_, Record>,
) -> Result<(), Refusal> {
    step(rules, state, (Facts::of(record, &record.body), record.hash(), record.signer()))
}

pub(super) fn step(
    rules: &Rules<'_>,
    state: &mut State,
    (record, hash, signer): (Facts<'_>, [u8; 32], KeyId),
) -> Result<(), Refusal> {
    let due = refusal(state);
    let policy = rules.binding(state.policy).map_err(&due)?;
    Case { rules, policy, record, hash, signer }.advance(state).map_err(due)
}

pub(super) fn refusal(state: &State) -> impl Fn(Reason) -> Refusal + use<> {
    let (medium, seq) = (state.medium, state.next);
    move |reason| Refusal { medium, seq, reason }
}

/// One record and what it is held against.
pub(super) struct Case<'a> {
    pub(super) rules: &'a Rules<'a>,
    pub(super) policy: &'a Policy,
    pub(super) record: Facts<'a>,
    /// SHA-256 over the signed record.
    pub(super) hash: [u8; 32],
    /// The key that signs it.
    pub(super) signer: KeyId,
}

/// What a record did: how it counts, and its accounting event.
pub(super) type Done = (Effect, Option<EventId>);

impl Case<'_> {
    fn advance(&self, state: &mut State) -> Result<(), Reason> {
        self.follows(state)?;
        let next = state.next.next().ok_or(Reason::Sequence(self.record.seq))?;
        let (effect, event) = self.act(state)?;
        let hash = self.hash;
        let amount = self.record.accounting.as_ref().map_or(0, |entry| entry.amount);
        state.tail.push(Step { hash, event, amount, effect });
        state.head = hash;
        state.next = next;
        state.floor = Some(self.record.floor);
        Ok(())
    }

    /// Is this record the one that is due, by a key that may sign it?
    fn follows(&self, state: &State) -> Result<(), Reason> {
        due(&self.record, (state.medium, state.next), &state.head, state.floor)?;
        self.key_life(state)
    }

    /// May the key that signs sign this?
    fn key_life(&self, state: &State) -> Result<(), Reason> {
        let kind = self.record.kind;
        let own_word = matches!(kind, RecordKind::Checkpoint | RecordKind::Merge);
        let retired = self.signer != state.signer;
        if retired && !own_word && !planted(Fault::RetiredKey) {
            let (found, expected) = (self.signer.to_string(), state.signer.to_string());
            return Err(Reason::Holder { found, expected });
        }
        let first = state.next == Sequence::FIRST;
        let second = state.next.number() == 1;
        match (state.life, kind) {
            (_, RecordKind::Genesis) if !first => self.shape("stands first alone"),
            (_, kind) if first && kind != RecordKind::Genesis => self.shape("can't stand first"),
            (KeyLife::StoreMade, RecordKind::Genesis | RecordKind::Rekey) => Ok(()),
            (KeyLife::StoreMade, RecordKind::Topup) if second => Ok(()),
            (KeyLife::StoreMade, _) if planted(Fault::StoreKeySpends) => Ok(()),
            (KeyLife::StoreMade, kind) => Err(Reason::StoreMade(kind)),
            (KeyLife::Owners, RecordKind::Rekey) if !planted(Fault::RekeyAgain) => {
                Err(Reason::Rekeyed)
            }
            (KeyLife::Owners, _) => Ok(()),
        }
    }

    fn act(&self, state: &mut State) -> Result<Done, Reason> {
        match self.record.body {
            Body::Genesis { certificate } => {
                self.moves_nothing(None)?;
                if *certificate != state.head {
                    return Err(broken(certificate, &state.head));
                }
                Ok((Effect::Nothing, None))
            }
            Body::TopupCode { sheet, slot, secret } => {
                moves::by_code(self, state, (sheet, *slot, secret))
            }
            Body::TopupVoucher { voucher, certificate }
            | Body::Refund { voucher, certificate, .. } => {
                moves::by_voucher(self, state, voucher, certificate.as_ref())
            }
            Body::Purchase {} => moves::purchase(self, state),
            Body::Play {} => self.content().and(self.moves_nothing(None)),
            Body::Sale { .. } | Body::Connect { .. } => self.moves_nothing(None),
            Body::Rekey { key, proof } => moves::rekey(self, state, **key, *proof),
            Body::Policy { number, hash } => moves::policy(self, state, *number, hash),
            Body::Exception { .. } => moves::exception(self, state),
            Body::DownloadStart { terms, partner, before } => {
                transfers::start(self, state, terms, *partner, *before)
            }
            Body::DownloadInterrupted { transfer, got } => {
                transfers::close(self, state, transfer, *got, transfers::Close::Interrupted)
            }
            Body::DownloadEnd { transfer, got } => {
                transfers::close(self, state, transfer, *got, transfers::Close::Complete)
            }
            Body::UploadStart { terms, partner, before, key, .. } => {
                transfers::upload(self, state, terms, *partner, *before, **key)
            }
            Body::UploadInterrupted { transfer, got } | Body::UploadEnd { transfer, got } => {
                transfers::uploaded(self, state, transfer, *got)
            }
            Body::Earn { receipt } => transfers::earn(self, state, receipt),
            Body::Checkpoint { checkpoint, certificate } => {
                settled::take_over(self, state, checkpoint, certificate)
            }
            Body::Merge { checkpoint, certificate, settled_since } => {
                settled::merge(self, state, checkpoint, certificate, settled_since)
            }
        }
    }

    pub(super) fn shape<T>(&self, fault: &'static str) -> Result<T, Reason> {
        Err(Reason::Shape { kind: self.record.kind, fault })
    }

    /// It has no accounting entry, and links this event.
    pub(super) fn moves_nothing(&self, link: Option<EventId>) -> Result<Done, Reason> {
        if self.record.accounting.is_some() {
            return self.shape("moves no money");
        }
        if self.record.link != link {
            return self.shape("links another accounting event than its own");
        }
        Ok((Effect::Nothing, None))
    }

    /// Its accounting entry, which its history links.
    pub(super) fn entry(&self) -> Result<&Entry, Reason> {
        let entry = self.record.accounting.as_ref();
        if self.record.link != entry.map(|entry| entry.event) {
            return self.shape("links another accounting event than its own");
        }
        entry.map_or_else(|| self.shape("lacks its accounting entry"), Ok)
    }

    /// The item that it names.
    pub(super) fn content(&self) -> Result<TextView<'_>, Reason> {
        let content = self.record.content;
        content.map_or_else(|| self.shape("names no content"), Ok)
    }

    /// The event of a purchase at this place in the chain.
    pub(super) fn placed(&self, price: Amount) -> Result<EventId, Reason> {
        let (record, content) = (&self.record, self.content()?);
        Ok(placed_event(record.medium, record.prev, price.minor(), content.as_bytes()))
    }

    /// The event of the segment that begins here.
    pub(super) fn segment(
        &self,
        reserved: Amount,
        whose: (&TransferId, Partner),
    ) -> Result<EventId, Reason> {
        let (record, content) = (&self.record, self.content()?);
        let reserved = reserved.minor();
        Ok(segment_event(record.medium, record.prev, reserved, whose, content.as_bytes()))
    }

    /// A transfer's id in hand of its map: refuses what was not begun.
    pub(super) fn begun<'m, T>(
        map: &'m std::collections::BTreeMap<TransferId, T>,
        transfer: &TransferId,
    ) -> Result<&'m T, Reason> {
        map.get(transfer).ok_or(Reason::Transfer("was not begun"))
    }
}

/// Is this record the one that is due behind this head?
pub(super) fn due(
    record: &Facts<'_>,
    (medium, seq): (MediumId, Sequence),
    head: &[u8; 32],
    floor: Option<Timestamp>,
) -> Result<(), Reason> {
    if record.medium != medium {
        return Err(Reason::Medium(record.medium));
    }
    if record.seq != seq {
        return Err(Reason::Sequence(record.seq));
    }
    if record.prev != head {
        return Err(broken(record.prev, head));
    }
    if let Some(floor) = floor.filter(|floor| record.floor < *floor) {
        return Err(Reason::Floor { found: record.floor, floor });
    }
    let kind = record.kind;
    if record.body.kind() != kind {
        return Err(Reason::Shape { kind, fault: "carries another kind's body" });
    }
    Ok(())
}

/// Hold the claim about the balance against the sum.
pub(super) fn claim(claimed: Amount, sum: Amount) -> Result<(), Reason> {
    if claimed != sum {
        let (found, expected) = (claimed.minor(), sum.minor());
        return Err(Reason::Claim { found, expected });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::record::{Accounting, Cause};
    use crate::format::sheet::SecretDigits;
    use crate::ledger::fixture::{Purse, SHEET, World, at, host, key, medium, minor};
    use crate::ledger::next;

    #[test]
    fn codes_add_up_and_each_counts_once() {
        let world = World::new();
        let mut purse = world.purse(1, 0);
        for (slot, balance) in [(0, 500), (3, 1000), (1, 1500)] {
            purse.put(&purse.topup(slot)).unwrap();
            assert_eq!(purse.state.balance.minor(), balance);
        }
        let again = purse.refused(&purse.topup(3));
        assert!(again.ends_with("was credited before"), "{again}");
        let over = purse.refused(&purse.topup(2));
        assert!(over.ends_with("the balance would be 2000, policy 1 allows 1500 minor units"));
        assert_eq!(purse.state.loaded.minor(), 1500);
    }

    #[test]
    fn each_wrong_topup_is_refused_for_its_own_reason() {
        let world = World::new();
        let purse = world.purse(1, 0);
        let good = purse.topup(0);
        let entry = good.accounting.clone().unwrap();
        let with = |change: &dyn Fn(&mut Record)| {
            let mut record = good.clone();
            change(&mut record);
            purse.refused(&record)
        };
        let accounting = |change: &dyn Fn(&mut Accounting)| {
            let mut entry = entry.clone();
            change(&mut entry);
            with(&|record| {
                record.history.link = Some(entry.event);
                record.accounting = Some(entry.clone());
            })
        };
        let wrong = SecretDigits::from_ascii(*b"0000000000000000").unwrap();
        let code = |sheet, slot| Body::TopupCode { sheet, slot, secret: wrong.clone() };
        let other = |r: &mut Record| {
            r.body = code([4; 16], 0);
            let event = crate::voucher::code_event(r.medium, &[4; 16], 0);
            r.history.link = Some(event);
            r.accounting.as_mut().unwrap().event = event;
        };
        let cases = [
            (with(&|r| r.medium = medium(78)), "it is medium 000000007858's"),
            (with(&|r| r.seq = Sequence::from_number(5)), "it says it is record 5"),
            (with(&|r| r.prev = [7; 32]), "it continues 0707070707070707"),
            (with(&|r| r.floor = at(1)), "its time floor"),
            (with(&other), "a sheet that is not on this medium"),
            (with(&|r| r.body = code(SHEET, 0)), "its code:"),
            (with(&|r| r.history.kind = RecordKind::Refund), "another kind's body"),
            (with(&|r| r.accounting = None), "links another accounting event"),
            (accounting(&|a| a.amount = 501), "it adds 501, its code or voucher gives 500"),
            (accounting(&|a| a.amount = -500), "it adds -500"),
            (accounting(&|a| a.event = [0; 16]), "not the one that its code"),
            (accounting(&|a| a.balance_after = minor(499)), "claims a balance of 499"),
        ];
        for (message, words) in cases {
            assert!(message.contains(words), "{message} lacks {words}");
        }
        let large = purse.refused(&purse.topup(4));
        assert!(large.contains("a top-up of 2500, policy 1 allows 2000"), "{large}");
    }

    #[test]
    fn genesis_stands_first_and_only_there() {
        let world = World::new();
        let mut purse = Purse::blank(&world, 1);
        let first = purse.refused(&purse.topup(0));
        assert!(first.contains("a topup record can't stand first"), "{first}");
        let genesis = next::genesis(&purse.state, &host(), [1; 16]);
        purse.put(&genesis).unwrap();
        let mut second = genesis;
        (second.seq, second.prev) = (purse.state.next, purse.state.head);
        let refused = purse.refused(&second);
        assert!(refused.contains("stands first"), "{refused}");
    }

    #[test]
    fn a_store_made_key_signs_genesis_one_topup_and_one_rekey() {
        let world = World::new();
        let mut purse = Purse::blank(&world, 1);
        purse.put(&next::genesis(&purse.state, &host(), [1; 16])).unwrap();
        let early = [
            purse.refused(&next::play(&purse.state, &host(), [2; 16], "song", "cat")),
            purse.refused(&next::exception(&purse.state, &host(), [2; 16], Cause::Diverged, None)),
        ];
        purse.put(&purse.topup(0)).unwrap();
        let late = [purse.refused(&purse.topup(1)), purse.refused(&purse.purchase("song", 300))];
        for refused in early.iter().chain(&late) {
            assert!(refused.contains("the store-made key may not sign it"), "{refused}");
        }
        let owner = key(9);
        let rekey = next::rekey(&purse.state, &host(), [3; 16], &owner);
        let mut stolen = rekey.clone();
        stolen.body = Body::Rekey { key: key(8).public().into(), proof: [0; 64] };
        assert!(purse.refused(&stolen).contains("has not signed for it"));
        purse.put(&rekey).unwrap();
        assert_eq!((purse.state.life, purse.state.holder), (KeyLife::Owners, owner.public()));
        let old = purse.refused(&purse.topup(1));
        assert!(old.contains("the holder's is"), "{old}");
        purse.key = owner;
        purse.put(&purse.topup(1)).unwrap();
        purse.put(&purse.purchase("song", 300)).unwrap();
        assert_eq!(purse.state.balance.minor(), 700);
    }

    #[test]
    fn a_purchase_takes_what_is_there() {
        let world = World::new();
        let mut purse = world.purse(1, 1);
        let good = purse.purchase("song", 300);
        let with = |change: &dyn Fn(&mut Record)| {
            let mut record = good.clone();
            change(&mut record);
            purse.refused(&record)
        };
        let entry = |record: &mut Record, amount, balance| {
            let entry = record.accounting.as_mut().unwrap();
            (entry.amount, entry.balance_after) = (amount, minor(balance));
        };
        let cases = [
            (with(&|r| entry(r, -501, 0)), "it takes 501, 500 minor units may be spent"),
            (with(&|r| entry(r, 300, 800)), "takes nothing"),
            (with(&|r| entry(r, i64::MIN, 0)), "takes nothing"),
            (with(&|r| entry(r, -200, 300)), "not the one that its place"),
            (with(&|r| entry(r, -300, 201)), "claims a balance of 201"),
            (with(&|r| r.history.content = None), "names no content"),
            (with(&|r| r.history.content = Some("film".to_owned())), "its place in the chain"),
        ];
        for (message, words) in cases {
            assert!(message.contains(words), "{message} lacks {words}");
        }
        purse.put(&good).unwrap();
        let play = next::play(&purse.state, &host(), [5; 16], "song", "cat");
        purse.put(&play).unwrap();
        assert_eq!(purse.state.balance.minor(), 200);
    }
}
