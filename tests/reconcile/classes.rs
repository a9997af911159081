//! Each class of finding, from evidence that implies it, against real records.

use scrip::format::Object;
use scrip::format::checkpoint::CheckpointFile;
use scrip::format::plan::Class;
use scrip::format::policy::Revocation;
use scrip::format::sheet::{Sheet, Voucher};
use scrip::journal::first_frames;
use scrip::ledger::next::{self, Slip, Statement};
use scrip::reconcile::shown_id;
use scrip::records::Account;
use scrip::trust::sign;
use scrip::units::{Amount, MediumId, StoreId};

use super::made::{Ground, Stick, host};
use super::office::{Office, only, told};
use crate::world::{World, at, minor, policy};

#[test]
fn an_honest_medium_is_ahead_then_answered_and_the_books_have_its_money() {
    let mut office = Office::new();
    let mut stick = office.owned(0, 2);
    stick.buy(&office.ground, "film", 300);
    let files = [stick.export(&office.ground)];
    let plan = office.settles(&files);
    assert_eq!(told(&plan), [(Class::MediumAhead, 700)]);
    let id = stick.id();
    assert_eq!(office.owed(&Account::Settled(id)), 700);
    assert_eq!(office.owed(&Account::Outstanding(id)), 0);
    assert_eq!(office.owed(&Account::Revenue("a singer".to_owned())), 300);
    let again = office.plan(&files);
    let matched = only(&again, Class::Matched);
    assert_eq!(matched.sides[0].what, "answered by checkpoint 1");
    assert!(shown_id(&matched.id).starts_with("F-"));
    stick.play(&office.ground, "film");
    stick.code(&office.ground, 2);
    office.sell_code(id, 2);
    let plan = office.settles(&[stick.export(&office.ground)]);
    assert_eq!(told(&plan), [(Class::MediumAhead, 500)]);
    assert_eq!(office.owed(&Account::Settled(id)), 1_200);
}

#[test]
fn an_older_medium_is_behind_the_records_and_behind_what_others_show() {
    let mut office = Office::new();
    let mut stick = office.owned(0, 2);
    let old = stick.export(&office.ground);
    stick.code(&office.ground, 2);
    office.sell_code(stick.id(), 2);
    let giver = office.media[1];
    let by_others = {
        let mut later = stick.clone();
        later.start(&office.ground, 1, giver);
        later.funding(&office.ground)
    };
    let plan = office.plan(&[old.clone(), by_others]);
    assert_eq!(told(&plan), [(Class::MediumAhead, 1_500), (Class::MediumBehind, 500)]);
    office.settles(&[stick.export(&office.ground)]);
    let behind = office.plan(std::slice::from_ref(&old));
    assert_eq!(told(&behind), [(Class::MediumBehind, 500)]);
    assert_eq!(only(&behind, Class::MediumBehind).seq.unwrap().number(), 4);
    let both = office.plan(&[old, stick.export(&office.ground)]);
    assert_eq!(told(&both), told(&behind), "an older export beside the newer");
    assert_eq!(only(&both, Class::MediumBehind).id, only(&behind, Class::MediumBehind).id);
}

#[test]
fn a_fork_is_merged_owes_or_is_frozen_by_its_sum_alone() {
    // Policy 1: a debt of 10,000 goes on; this one lets 600 go on.
    let strict = scrip::format::policy::Policy {
        offline_cap: minor(500),
        starter_cap: minor(100),
        debt_cap: minor(600),
        ..policy()
    };
    for (spent, class, posted) in [(400_i64, Class::Fork, 1), (900, Class::Fork, 0)] {
        let mut office = Office::of(Ground::of(World::new().under(&strict)));
        let mut stick = office.owned(0, 2);
        office.settles(&[stick.export(&office.ground)]);
        stick.play(&office.ground, "film");
        let mut copy = stick.clone();
        stick.buy(&office.ground, "film", spent.unsigned_abs());
        copy.buy(&office.ground, "song", spent.unsigned_abs());
        let files = [stick.export(&office.ground), copy.export(&office.ground)];
        let plan = office.plan(&files);
        assert_eq!(plan.tail.postings, posted, "{:?}", told(&plan));
        let fork = only(&plan, class);
        assert_eq!((fork.amount, fork.seq.unwrap().number()), (-spent, 5));
        assert_eq!(fork.sides.len(), 2);
        if posted > 0 {
            office.settles(&files);
            let settled = 1_000 - 2 * spent;
            assert_eq!(office.owed(&Account::Settled(stick.id())), settled);
        }
    }
    let mut office = Office::new();
    let mut stick = office.owned(0, 2);
    office.settles(&[stick.export(&office.ground)]);
    let mut copy = stick.clone();
    stick.buy(&office.ground, "film", 900);
    copy.buy(&office.ground, "song", 900);
    let plan = office.settles(&[stick.export(&office.ground), copy.export(&office.ground)]);
    assert_eq!(only(&plan, Class::Fork).amount, -900);
    assert!(
        only(&plan, Class::Fork).rule.ends_with("what is lacking is taken from the next top-ups")
    );
    let id = stick.id();
    assert_eq!((office.owed(&Account::Settled(id)), office.owed(&Account::Debt(id))), (0, -800));
}

/// A copy that merges what was settled is the same history; one that spends behind it as well isn't.
#[test]
fn a_merge_is_a_fork_once_both_copies_go_on() {
    let mut office = Office::new();
    let mut stick = office.owned(0, 3);
    let mut copy = stick.clone();
    stick.buy(&office.ground, "film", 400);
    office.settles(&[stick.export(&office.ground)]);
    let file = office.records.checkpoint(stick.id(), 1).unwrap().unwrap();
    let file = CheckpointFile::decode(&file).unwrap();
    let (checkpoint, certificate) = (&file.checkpoint.0, &file.chain.0[0]);
    let statement = Statement { checkpoint, certificate };
    let since = file.settled_since.unwrap().0;
    let record = next::checkpoint(&stick.state, &host(), [6; 16], &statement);
    stick.put(&office.ground, &record);
    let record = next::merge(&copy.state, &host(), [6; 16], &statement, &since);
    copy.put(&office.ground, &record);
    copy.buy(&office.ground, "song", 300);
    let found = |office: &mut Office, stick: &Stick, copy: &Stick| {
        let files = [stick.export(&office.ground), copy.export(&office.ground)];
        let plan = office.plan(&files);
        let told = told(&plan).into_iter();
        told.filter(|(class, _)| *class == Class::Fork).count()
    };
    assert_eq!(found(&mut office, &stick, &copy), 0);
    stick.buy(&office.ground, "opera", 200);
    assert_eq!(found(&mut office, &stick, &copy), 1);
}

#[test]
fn rival_rekeys_prove_nothing_against_anyone() {
    let mut office = Office::new();
    let mut one = office.ground.burnt(office.media[0]);
    office.burn(&one);
    office.sell(one.id());
    let mut other = one.clone();
    one.rekey(&office.ground, 1);
    other.rekey(&office.ground, 2);
    let plan = office.plan(&[one.export(&office.ground), other.export(&office.ground)]);
    let contested = only(&plan, Class::ContestedActivation);
    assert_eq!((contested.seq.unwrap().number(), contested.sides.len()), (1, 2));
    assert!(contested.rule.contains("a person decides"));
}

#[test]
fn lost_forged_and_damaged_records_are_told_apart_and_what_is_before_them_is_settled() {
    let mut office = Office::new();
    let mut stick = office.owned(0, 2);
    stick.buy(&office.ground, "film", 100);
    stick.buy(&office.ground, "song", 200);
    let slots = stick.slots(&office.ground, None);
    let frames = |records: &[Vec<u8>]| [slots.clone(), first_frames(records).unwrap()].concat();
    let all = stick.bytes();
    let mut lost = all.clone();
    lost.remove(4);
    let plan = office.plan(&[frames(&lost)]);
    assert_eq!(told(&plan), [(Class::MediumAhead, 1_000), (Class::Gap, 0)]);
    assert_eq!(only(&plan, Class::Gap).seq.unwrap().number(), 5);
    let mut forged = all.clone();
    *forged[5].last_mut().unwrap() ^= 1;
    let plan = office.plan(&[frames(&forged)]);
    assert_eq!(told(&plan), [(Class::MediumAhead, 900), (Class::BadSignature, -200)]);
    let cut = frames(&all);
    let plan = office.plan(&[cut[..cut.len() - 300].to_vec()]);
    assert_eq!(told(&plan), [(Class::MediumAhead, 900), (Class::Damaged, 0)]);
    assert_eq!(only(&plan, Class::Damaged).sides.len(), 2);
    office.settles(&[cut]);
}

#[test]
fn media_that_nobody_gave_out_or_another_store_has_are_not_settled() {
    let mut office = Office::new();
    let unknown = office.ground.owned(MediumId::from_serial(4_711), 1);
    let plan = office.plan(&[unknown.export(&office.ground)]);
    assert_eq!((told(&plan)[0].0, plan.tail.postings), (Class::UnknownMedium, 0));
    // The journal has another certificate than the one that came.
    let stick = office.ground.burnt_under(office.media[0], 1);
    office.burn(&office.ground.burnt(office.media[0]));
    let plan = office.plan(&[stick.export(&office.ground)]);
    assert_eq!(only(&plan, Class::WrongStore).sides.len(), 2);
    assert_eq!(plan.tail.postings, 0);
    // A number that another store was given.
    let other = StoreId::from_number(3).unwrap();
    let rng = &mut scrip::crypto::SeededRandom::new([6; 32]);
    let foreign = office.records.reserve_media(other, 1, rng).unwrap()[0];
    let plan = office.plan(&[office.ground.owned(foreign, 1).export(&office.ground)]);
    assert_eq!((told(&plan)[0].0, plan.tail.postings), (Class::WrongStore, 0));
    // Records in another currency.
    let stick = office.owned(2, 1);
    let heap = office.heap(&[stick.export(&office.ground)]);
    let terms = scrip::reconcile::Terms { currency: "EUR".parse().unwrap(), ..office.terms() };
    let plan = scrip::reconcile::reconcile(&heap, &mut office.records, &terms).unwrap();
    assert_eq!((only(&plan, Class::Currency).amount, plan.tail.postings), (0, 0));
}

#[test]
fn codes_are_held_against_their_sales() {
    let mut office = Office::new();
    let mut stick = office.owned(0, 1);
    let id = stick.id();
    stick.code(&office.ground, 1);
    stick.code(&office.ground, 2);
    stick.code(&office.ground, 3);
    let voided = office.sell_code(id, 2);
    office.void(voided);
    office.sell_code(id, 3);
    office.sell_code(id, 3);
    let plan = office.settles(&[stick.export(&office.ground)]);
    let expected = [
        (Class::MediumAhead, 2_000),
        (Class::SoldTwice, 500),
        (Class::RedeemedNeverSold, 500),
        (Class::RedeemedAfterVoid, 500),
    ];
    assert_eq!(told(&plan), expected);
    assert_eq!(office.owed(&Account::Settled(id)), 2_000, "the owner holds good codes");
    assert_eq!(office.owed(&Account::Outstanding(id)), -500, "two were not sold, one was twice");
}

#[test]
fn a_voucher_is_held_against_its_sale_and_its_twin() {
    let mut office = Office::new();
    let (mut one, mut other) = (office.owned(0, 0), office.owned(1, 0));
    for (stick, amount) in [(&mut one, 300), (&mut other, 400)] {
        let voucher = office.ground.signed_voucher(stick.id(), 9, amount);
        stick.voucher(&office.ground, &voucher);
    }
    office.sell_voucher(one.id(), 9, 250);
    office.sell_voucher(other.id(), 9, 400);
    let plan = office.settles(&[one.export(&office.ground), other.export(&office.ground)]);
    let twins = [(Class::DuplicateCodeOrVid, 300), (Class::DuplicateCodeOrVid, 400)];
    let all = told(&plan);
    assert_eq!(
        all[..3],
        [(Class::MediumAhead, 300), (Class::MediumAhead, 400), (Class::AmountDiffers, 50)]
    );
    assert_eq!(all[3..], twins);
}

#[test]
fn what_was_spent_from_a_medium_that_nobody_sold_is_told() {
    let mut office = Office::new();
    let mut stick = office.ground.owned(office.media[0], 1);
    office.burn(&stick);
    office.sell_code(stick.id(), 0);
    stick.buy(&office.ground, "film", 120);
    let files = [stick.export(&office.ground)];
    let plan = office.settles(&files);
    assert_eq!(told(&plan), [(Class::MediumAhead, 380), (Class::SpentNeverSold, -120)]);
    office.sell(stick.id());
    office.sell(stick.id());
    let twice = office.plan(&files);
    assert_eq!(only(&twice, Class::SoldTwice).sides.len(), 2);
}

#[test]
fn records_that_a_changed_player_signs_are_not_settled() {
    let mut office = Office::new();
    let stick = office.owned(0, 1);
    let ahead = (Class::MediumAhead, 500);
    let mut plan_of = |record: &scrip::format::record::Record| {
        let mut stick = stick.clone();
        stick.force(record);
        told(&office.plan(&[stick.export(&office.ground)]))
    };
    let ground = Ground::new();
    // More than there is.
    let mut rich = stick.state.clone();
    rich.balance = minor(5_000);
    let goods = ("film", "a singer");
    let over = next::purchase(&rich, &host(), [4; 16], goods, minor(900)).unwrap();
    assert_eq!(plan_of(&over), [ahead, (Class::Overdraft, -900)]);
    // A claim that the sums don't bear out.
    let mut claim = next::purchase(&stick.state, &host(), [4; 16], goods, minor(100)).unwrap();
    claim.accounting.as_mut().unwrap().balance_after = minor(450);
    assert_eq!(plan_of(&claim), [ahead, (Class::AmountDiffers, 50)]);
    // A code once more.
    let code = ground.world.code(stick.id(), 0);
    let again = next::topup(&stick.state, &host(), &code, [3; 16], "owner").unwrap();
    assert_eq!(plan_of(&again), [ahead, (Class::DuplicateCodeOrVid, 500)]);
    // A voucher beyond what its store may sell.
    let voucher = Voucher {
        id: scrip::voucher::voucher_id(StoreId::from_number(7).unwrap(), 9),
        medium: stick.id(),
        amount: minor(1_001),
        currency: crate::world::yen(),
        store: StoreId::from_number(7).unwrap(),
        serial: 9,
        issued: at(200),
        expires: at(200).plus_days(9),
    };
    let voucher = ground.store.open(&sign(&ground.world.store, &voucher)).unwrap();
    let slip = Slip { voucher: &voucher, certificate: None };
    let large = next::topup_voucher(&stick.state, &host(), &slip, [3; 16]).unwrap();
    assert_eq!(plan_of(&large), [ahead, (Class::OverQuota, 1_001)]);
    // A guessed code.
    let mut guessed = ground.world.code(stick.id(), 5);
    guessed.secret = scrip::format::sheet::SecretDigits::from_ascii(*b"0000000000000000").unwrap();
    let guess = next::topup(&stick.state, &host(), &guessed, [3; 16], "owner").unwrap();
    assert_eq!(plan_of(&guess), [ahead, (Class::BadSignature, 500)]);
}

#[test]
fn what_is_revoked_waits_for_a_person() {
    let mut office = Office::new();
    let (stick, blocked) = (office.owned(0, 1), office.owned(1, 1));
    let list = Revocation {
        number: 3,
        issued: at(50_000),
        media: vec![blocked.id()],
        sheets: vec![[4; 16]],
        stores: vec![],
    };
    let listed = stick.slots(&office.ground, Some(&list));
    let listed = [listed, first_frames(&stick.bytes()).unwrap()].concat();
    let plan = office.plan(&[listed, blocked.export(&office.ground)]);
    assert_eq!(plan.tail.postings, 0);
    let revoked: Vec<_> = told(&plan).into_iter().filter(|one| one.0 == Class::Revoked).collect();
    assert_eq!(revoked, [(Class::Revoked, 0), (Class::Revoked, 500), (Class::Revoked, 500)]);
}

#[test]
fn odd_clocks_decide_nothing_and_are_told() {
    let mut office = Office::new();
    let mut stick = office.owned(0, 1);
    let mut late = host();
    late.at = at(0).plus_days(400);
    let played = next::play(&stick.state, &late, [5; 16], "film", "test");
    stick.put(&office.ground, &played);
    stick.play(&office.ground, "film");
    let files = [stick.export(&office.ground)];
    let heap = office.heap(&files);
    let terms = scrip::reconcile::Terms { as_of: Some(at(5_000)), ..office.terms() };
    let plan = scrip::reconcile::reconcile(&heap, &mut office.records, &terms).unwrap();
    let odd: Vec<_> = told(&plan).into_iter().filter(|one| one.0 == Class::ClockOddity).collect();
    assert_eq!((odd.len(), plan.tail.postings, plan.head.as_of), (2, 1, at(5_000)));
    let plan = office.settles(&files);
    assert_eq!(told(&plan), [(Class::MediumAhead, 500), (Class::ClockOddity, 0)]);
}

#[test]
fn what_can_not_be_looked_at_is_said_and_never_agrees() {
    let mut office = Office::new();
    let stick = office.owned(0, 1);
    // Records alone, without the certificate that they rest on.
    let frames = first_frames(&stick.bytes()).unwrap();
    let plan = office.plan(std::slice::from_ref(&frames));
    assert_eq!((told(&plan)[0].0, plan.tail.postings), (Class::NotChecked, 0));
    // Records that are older than what a settler signed.
    let files = [stick.export(&office.ground)];
    let mut restored = Office::new();
    restored.owned(0, 1);
    let plan = office.settles(&files);
    let number = plan.entries[0].posting.as_ref().unwrap().checkpoint.number;
    let checkpoint = office.records.checkpoint(stick.id(), number).unwrap().unwrap();
    let told_of = restored.plan(&[files[0].clone(), checkpoint]);
    let newer = only(&told_of, Class::NotChecked);
    assert!(newer.rule.contains("these records are older"), "{}", newer.rule);
    assert_eq!(told_of.tail.postings, 0);
    let sheet: Sheet = Sheet::decode(&stick.sheet.encode()).unwrap();
    assert_eq!(Amount::from_minor(500).unwrap(), sheet.runs[0].amount);
}
