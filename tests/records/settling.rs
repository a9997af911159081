//! Plans are posted once and wholly, from where their media stand, and sum to what changes.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use scrip::crypto::digest::sha256;
use scrip::crypto::sign::SecretKey;
use scrip::format::Object;
use scrip::format::checkpoint::{Bounded, CheckpointFile, OpenTransfer};
use scrip::format::store::{StoreEntry, StoreEvent};
use scrip::ledger::{Blame, Effect, Fork, Rekeyed};
use scrip::records::{
    Account, AtRisk, Differing, Owed, Place, Planned, PostError, Posting, Records, Row, Seller,
    StorageError, Voided,
};
use scrip::units::{ByteCount, CurrencyForm, MediumId, Sequence};
use scrip::voucher::{code_event, voucher_event, voucher_id};

use super::made::{amount, enrol, held_slot, id, reserve, sell, sheet, time, with_held, yen};
use super::rules::execute;
use super::settled::{burn, code, entry, import, next, post, post_as, signed, try_post, voucher};

const OWN: Effect = Effect::Own;

pub(super) fn stocked(place: &Place, media: u32) -> (Records, Vec<MediumId>) {
    let mut records = Records::create(place).unwrap();
    let store = enrol(&mut records, 1, 1000);
    let mut media = reserve(&mut records, store.id, media);
    media.sort_unstable();
    (records, media)
}

fn posting(records: &mut Records, medium: MediumId, events: &[(u8, i64, Effect)]) -> Posting {
    next(&records.known(medium).unwrap().unwrap(), events)
}

/// What every account has, which is nothing together.
pub(super) fn balances(records: &mut Records) -> Vec<(Account, i64)> {
    let all: Vec<_> = records.balances().unwrap();
    assert_eq!(all.iter().map(|balance| balance.minor).sum::<i64>(), 0);
    all.into_iter().map(|balance| (balance.account, balance.minor)).collect()
}

pub(super) fn sales_are_known(place: &Place) {
    let (mut records, medium) = with_held(place, &[held_slot(3, 100), held_slot(4, 100)]);
    let sold = entry(id(1), 1, StoreEvent::Sold, medium);
    let spent = entry(id(1), 2, StoreEvent::Spent, medium);
    let other = MediumId::from_serial(5);
    let entries = [
        StoreEntry { burn: Some(burn([7; 32])), ..entry(id(1), 0, StoreEvent::Burnt, medium) },
        StoreEntry { value: Some(code(20, 9, 1)), ..sold },
        StoreEntry { value: Some(code(30, 9, 2)), ..spent },
        StoreEntry {
            value: Some(voucher(40, 6)),
            ..entry(id(1), 3, StoreEvent::VoucherSold, medium)
        },
        StoreEntry {
            value: Some(voucher(50, 7)),
            ..entry(id(1), 4, StoreEvent::VoucherSold, other)
        },
        StoreEntry { voids: Some(3), ..entry(id(1), 5, StoreEvent::Voided, medium) },
    ];
    let empty = records.base().unwrap();
    import(&mut records, &entries);
    let imported = records.base().unwrap();
    sell(&mut records, medium, 100, 9).unwrap();
    let all = records.base().unwrap();
    assert_eq!(BTreeSet::from([empty, imported, all]).len(), 3);
    let known = records.known(medium).unwrap().unwrap();
    assert_eq!((known.store, known.row, known.account.hash), (id(1), Row::UNSETTLED, [7; 32]));
    let by = |seq| Seller::Store { store: id(1), seq };
    let voided = Some(Voided { seq: 5, at: time(50) });
    let told: Vec<_> =
        known.sold.iter().map(|sold| (sold.event, sold.amount, sold.by, sold.voided)).collect();
    let expected = [
        (code_event(medium, &[9; 16], 1), amount(20), by(1), None),
        (code_event(medium, &[9; 16], 2), amount(30), by(2), None),
        (voucher_event(medium, &voucher_id(id(1), 6)), amount(40), by(3), voided),
        (code_event(medium, &[1; 16], 3), amount(100), Seller::Issuer, None),
    ];
    assert_eq!(told, expected);
    assert_eq!((known.sales.len(), known.sales[0].seq, known.sales[0].at), (1, 1, time(10)));
    assert_eq!((known.burnt.len(), known.burnt[0].certificate), (1, [7; 32]));
    assert_eq!(records.known(other).unwrap(), None, "sold, and never given out");
    assert_eq!(records.media(None, 9).unwrap(), [medium]);
    assert_eq!(records.media(Some(medium), 9).unwrap(), []);
}

pub(super) fn posted_once(place: &Place) {
    let (mut records, media) = stocked(place, 2);
    let first = posting(&mut records, media[0], &[(1, 500, OWN), (2, -120, Effect::AtPartner)]);
    let second = posting(&mut records, media[1], &[(1, 70, OWN), (3, 6, Effect::Earned)]);
    let plan = [first, second];
    assert!(try_post(&mut records, 1, &plan).unwrap().new);
    assert_eq!(balances(&mut records), [], "a try books nothing");
    for new in [true, false, false] {
        let posted = post(&mut records, 1, &plan).unwrap();
        assert_eq!((posted.media, posted.at, posted.new), (2, time(77), new));
        let ann = Account::Revenue("Ann's Press".to_owned());
        let expected = [
            (Account::Outstanding(media[0]), 500),
            (Account::Outstanding(media[1]), 70),
            (Account::Settled(media[0]), -380),
            (Account::Settled(media[1]), -70),
            (Account::Provisional(media[1]), -6),
            (ann.clone(), -114),
        ];
        assert_eq!(balances(&mut records), expected);
        assert_eq!(records.account(&ann).unwrap(), -114);
    }
    let mut files = vec![];
    records
        .each_checkpoint(&[1; 32], |medium, number, file| -> Result<(), StorageError> {
            files.push((medium, number, file.to_vec()));
            Ok(())
        })
        .unwrap();
    assert_eq!(
        files.iter().map(|file| (file.0, file.1)).collect::<Vec<_>>(),
        [(media[0], 1), (media[1], 1)]
    );
    for (medium, number, file) in &files {
        assert_eq!(records.checkpoint(*medium, *number).unwrap().as_ref(), Some(file));
        let known = records.known(*medium).unwrap().unwrap();
        let file = CheckpointFile::decode(file).unwrap();
        assert_eq!(known.row.hash, sha256(&file.checkpoint.0));
        assert_eq!((known.row.number, known.row.seq), (1, Some(Sequence::from_number(10))));
        assert_eq!(known.findings[0].finding.id, [1; 16]);
        assert_eq!((known.findings[0].number, known.findings[0].at), (1, time(77)));
    }
    assert_eq!(records.checkpoint(media[0], 2).unwrap(), None);
}

/// What a posting brings is what is known afterwards, and the next one goes on from there.
pub(super) fn accounts_come_back(place: &Place) {
    let (mut records, media) = stocked(place, 1);
    let mut first = posting(&mut records, media[0], &[(1, 500, OWN), (2, -40, Effect::AtPartner)]);
    let open = |start: u8, reserved| OpenTransfer {
        transfer: [start; 16],
        start: [start; 32],
        reserved: amount(reserved),
        covered: ByteCount::from_bytes(7),
    };
    let (settled, reserved) = (Account::Settled(media[0]), Account::Reserved(media[0]));
    first.account.open = vec![open(4, 0), open(5, 90)];
    first.checkpoint.open = Bounded(first.account.open.clone());
    first.account.settled = amount(370);
    first.checkpoint.settled = amount(370);
    first.moves.push(scrip::records::Move {
        debit: settled.clone(),
        credit: reserved.clone(),
        amount: amount(90),
    });
    let key = SecretKey::from_seed([6; 32]).public();
    first.account.rekey = Some(Rekeyed { seq: Sequence::from_number(1), key });
    for (seq, by) in [(3, Blame::Nobody), (2, Blame::Store), (1, Blame::StoreKey)] {
        let fork = Fork { seq: Sequence::from_number(seq), records: [[1; 32], [2; 32]], by };
        first.account.forks.insert(fork);
    }
    post(&mut records, 1, &[first.clone()]).unwrap();
    let known = records.known(media[0]).unwrap().unwrap();
    let mut expected = first.account.clone();
    expected.hash = known.row.hash;
    assert_eq!(known.account, expected);
    // The transfer closes at less than it reserved, a known event grows, a new one comes.
    let mut second = next(&known, &[]);
    second.account.open = vec![];
    second.checkpoint.open = Bounded::default();
    let grown = scrip::ledger::Booked { amount: -60, effect: Effect::AtPartner, number: 2 };
    second.account.events.insert([2; 16], grown);
    second.account.settled = amount(440);
    second.checkpoint.settled = amount(440);
    let ann = Account::Revenue("Ann's Press".to_owned());
    let moved = |debit: &Account, credit: &Account, sum| scrip::records::Move {
        debit: debit.clone(),
        credit: credit.clone(),
        amount: amount(sum),
    };
    second.moves = vec![moved(&reserved, &settled, 90), moved(&settled, &ann, 20)];
    post(&mut records, 2, &[second.clone()]).unwrap();
    let after = records.known(media[0]).unwrap().unwrap();
    let mut expected = second.account;
    expected.hash = after.row.hash;
    expected.events.insert([1; 16], first.account.events[&[1; 16]]);
    assert_eq!(after.account, expected);
    assert_eq!(after.account.events.values().map(|booked| booked.amount).sum::<i64>(), 440);
}

type Fault = fn(&mut Posting);

pub(super) fn refused_wholly(place: &Place) {
    let (mut records, media) = stocked(place, 2);
    let [first, second] = [0, 1].map(|at| posting(&mut records, media[at], &[(1, 500, OWN)]));
    let cases: [(Fault, &str); 12] = [
        (|plan| plan.before.number = 1, "goes on from no checkpoint, the records hold no check"),
        (|plan| plan.account.number = 2, "the number of the checkpoint is 1, of the account 2"),
        (|plan| plan.checkpoint.settled = amount(4), "is settled of the checkpoint is 4, of the"),
        (|plan| plan.checkpoint.debt = amount(4), "the debt of the checkpoint is 4, of the acc"),
        (|plan| plan.moves.clear(), "settled changes by 0 by the moves, by -500 by the account"),
        (|plan| plan.moves.push(plan.moves[0].clone()), "by -1000 by the moves, by -500 by"),
        (|plan| plan.moves[0].debit = Account::Cash, "touches account Cash, which isn't its own"),
        (|plan| plan.moves[0].debit = Account::Store(id(1)), "touches account Store(StoreId("),
        (|plan| plan.account.events.clear(), "its events add 0, its account changes by 500"),
        (|plan| plan.settled_since.clear(), "doesn't name the settled events that go with it"),
        (|plan| plan.checkpoint.attachments = Bounded(vec![[5; 32]]), "file 05050505… is to go"),
        (
            |plan| plan.checkpoint.cleared = Bounded(vec![[0; 32]; 17]),
            "17 cleared exceptions are to be listed, a checkpoint takes 16",
        ),
    ];
    for (fault, words) in cases {
        let mut bad = second.clone();
        fault(&mut bad);
        let error = post(&mut records, 1, &[first.clone(), bad]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("medium {}: ", media[1])), "{error}");
        assert!(error.contains(words), "{error} lacks {words}");
        assert_eq!(balances(&mut records), [], "{error}");
        assert_eq!(records.known(media[0]).unwrap().unwrap().row, Row::UNSETTLED);
    }
    let error = post(&mut records, 1, &[second.clone(), first.clone()]).unwrap_err().to_string();
    assert_eq!(error, format!("medium {} comes behind medium {} in the plan", media[0], media[1]));
    let mut stranger = first.clone();
    stranger.medium = MediumId::from_serial(1);
    let error = post(&mut records, 1, &[stranger]).unwrap_err();
    assert!(matches!(error, PostError::UnknownMedium(_)), "{error}");
    let planned = Planned { hash: [1; 32], base: [3; 32] };
    let error =
        post_as(&mut records, &planned, std::slice::from_ref(&first)).unwrap_err().to_string();
    assert!(
        error.starts_with("the plan was made against records 03030303…, these are "),
        "{error}"
    );
    post(&mut records, 1, &[first, second]).unwrap();
}

/// Of the plans made against one state, one wins; the others are told where the medium stands.
pub(super) fn one_plan_wins(place: &Place) {
    const THREADS: u8 = 8;
    let (mut records, media) = stocked(place, 3);
    let plans: Vec<Vec<Posting>> = (1..=THREADS)
        .map(|thread| {
            let events = [(thread, 100 + i64::from(thread), OWN)];
            media.iter().map(|medium| posting(&mut records, *medium, &events)).collect()
        })
        .collect();
    let start = Barrier::new(THREADS.into());
    let won: Vec<u8> = thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS)
            .map(|thread| {
                let (plan, start) = (&plans[usize::from(thread) - 1], &start);
                scope.spawn(move || {
                    let mut records = Records::open(place).unwrap();
                    start.wait();
                    match post(&mut records, thread, plan) {
                        Ok(posted) => posted.new.then_some(thread),
                        Err(PostError::Moved { medium, .. }) => {
                            assert_eq!(medium, plan[0].medium);
                            None
                        }
                        Err(other) => panic!("{other}"),
                    }
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(won.len(), 1, "{won:?}");
    let sum = 100 + i64::from(won[0]);
    for medium in &media {
        assert_eq!(records.account(&Account::Settled(*medium)).unwrap(), -sum);
        assert_eq!(records.known(*medium).unwrap().unwrap().row.number, 1);
    }
    balances(&mut records);
    let loser = plans.iter().find(|plan| plan[0].account.events.keys().all(|e| e[0] != won[0]));
    let error = post(&mut records, 99, loser.unwrap()).unwrap_err().to_string();
    let expected =
        format!("medium {}: the plan goes on from no checkpoint, the records hold", media[0]);
    assert!(error.starts_with(&expected) && error.contains("checkpoint 1 ("), "{error}");
    // Made again against what stands there now, it goes through.
    let again: Vec<_> =
        media.iter().map(|medium| posting(&mut records, *medium, &[(50, 9, OWN)])).collect();
    assert!(post(&mut records, 100, &again).unwrap().new);
}

pub(super) fn audited(place: &Place) {
    let (mut records, media) = stocked(place, 2);
    let entries = [
        entry(id(1), 0, StoreEvent::Sold, media[0]),
        StoreEntry {
            value: Some(voucher(500, 6)),
            ..entry(id(1), 1, StoreEvent::VoucherSold, media[0])
        },
        StoreEntry {
            value: Some(voucher(90, 7)),
            ..entry(id(1), 2, StoreEvent::VoucherSold, media[1])
        },
    ];
    import(&mut records, &entries);
    records.record_payment(id(1), amount(520), time(20), "bank 1", time(20)).unwrap();
    let first = posting(&mut records, media[0], &[(1, 500, OWN), (2, -120, OWN)]);
    let second = posting(&mut records, media[1], &[(1, 100, OWN)]);
    post(&mut records, 1, &[first, second]).unwrap();
    let mut policy =
        scrip::issuer::default_policy(CurrencyForm::new(yen(), 0).unwrap(), 2, time(1));
    policy.offline_cap = amount(300);
    let day = |days| time(20).plus_days(days);
    let audit = records.audit(&policy, day(31)).unwrap();
    let kinds =
        [("cash", 520), ("outstanding", 10), ("revenue", -120), ("settled", -480), ("stores", 70)];
    assert_eq!(audit.kinds.clone().into_iter().collect::<Vec<_>>(), kinds);
    assert_eq!((audit.settled, audit.differing.len()), (2, 0));
    assert_eq!(audit.unsold, [(media[1], 10)]);
    assert_eq!(audit.spent, [], "the first was sold, the second spent nothing");
    assert_eq!((audit.quotas[0].sold, audit.quotas[0].quota), (590, amount(1000)));
    let risk = AtRisk { media: 2, worst: 300, all: 390 };
    assert_eq!(audit.exposure, risk, "380 but the cap, and 100 less 10 that nobody sold");
    let owed = |ages| vec![Owed { account: Account::Store(id(1)), ages }];
    assert_eq!(audit.owed, owed([0, 70, 0, 0]));
    for (days, ages) in [(30, [70, 0, 0, 0]), (91, [0, 0, 70, 0]), (366, [0, 0, 0, 70])] {
        assert_eq!(records.audit(&policy, day(days)).unwrap().owed, owed(ages), "{days}");
    }
    // A sale that is taken back, and an account that somebody changed.
    let void = StoreEntry { voids: Some(0), ..entry(id(1), 3, StoreEvent::Voided, media[0]) };
    import(&mut records, &[&entries[..], &[void]].concat());
    execute(
        place,
        "UPDATE accounts SET settled_minor = settled_minor + 7 WHERE settled_minor = 380",
    );
    let audit = records.audit(&policy, day(31)).unwrap();
    assert_eq!(audit.spent, [media[0]]);
    let account = Account::Settled(media[0]);
    assert_eq!(audit.differing, [Differing { account, by_moves: -380, by_account: -387 }]);
}

/// Files that go with a checkpoint are the medium's own sheets, or the issuer's.
pub(super) fn attached(place: &Place) {
    let (mut records, medium) = with_held(place, &[held_slot(0, 100)]);
    let sheet = sheet(1, medium, &[]).content;
    let mut plan = posting(&mut records, medium, &[(1, 5, OWN)]);
    let named = [sha256(b"a policy"), sha256(&sheet)];
    plan.checkpoint.attachments = Bounded(named.to_vec());
    post(&mut records, 1, &[plan]).unwrap();
    let file = records.checkpoint(medium, 1).unwrap().unwrap();
    let file = CheckpointFile::decode(&file).unwrap();
    let attached: Vec<_> = file.attachments.0.iter().map(|file| file.0.clone()).collect();
    assert_eq!(attached, [b"a policy".to_vec(), sheet]);
}

const STEPS: [&str; 2] = [
    include_str!("../../src/records/schema/1-issuing.sql"),
    include_str!("../../src/records/schema/2-books.sql"),
];

/// Records of the version before know what each entry was about once they are opened.
pub(super) fn brought_up(place: &Place) {
    let medium = MediumId::from_serial(5);
    let entries = signed(&[
        StoreEntry { burn: Some(burn([7; 32])), ..entry(id(1), 0, StoreEvent::Burnt, medium) },
        StoreEntry {
            value: Some(voucher(40, 6)),
            ..entry(id(1), 1, StoreEvent::VoucherSold, medium)
        },
        StoreEntry { voids: Some(1), ..entry(id(1), 2, StoreEvent::Voided, medium) },
    ]);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let (number, key) = (medium.number(), hex(&[1; 32]));
    let (open, close) = match place {
        Place::File(_) => ("x'", "'"),
        Place::Server(_) => ("'\\x", "'::bytea"),
    };
    let bytes = |text: &str| format!("{open}{text}{close}");
    let mut rows = vec![
        "CREATE TABLE scrip_schema (version BIGINT NOT NULL)".to_owned(),
        "INSERT INTO scrip_schema VALUES (2)".to_owned(),
        format!(
            "INSERT INTO stores VALUES (1, 'Kiosk', {}, {}, 'JPY', 1000, 10, 1, 10, 0, {}, 1, NULL)",
            bytes(&key),
            bytes(&key),
            bytes("00")
        ),
        format!("INSERT INTO media VALUES ({number}, 1)"),
        "INSERT INTO payments VALUES (1, 0, 'bank 1', 5)".to_owned(),
        "INSERT INTO moves VALUES (2, 1, 0, 6, 1000000000000, 2000000000001, 30)".to_owned(),
    ];
    for entry in &entries {
        let voids = entry.voids.map_or("NULL".to_owned(), |voids| voids.to_string());
        let content = bytes(&hex(entry.bytes()));
        rows.push(format!(
            "INSERT INTO store_entries VALUES (1, {}, {voids}, {content})",
            entry.seq
        ));
        let (owes, outstanding) = (2_000_000_000_001_u64, 3_000_000_000_000 + number);
        let sides = match entry.seq {
            1 => format!("{owes}, {outstanding}"),
            2 => format!("{outstanding}, {owes}"),
            _ => continue,
        };
        let row = format!("INSERT INTO moves VALUES (1, 1, {}, 10, {sides}, 40)", entry.seq);
        rows.push(row);
    }
    run(place, &[STEPS.concat(), rows.join(";\n")].concat());
    for _ in 0..2 {
        let mut records = Records::open(place).unwrap();
        let known = records.known(medium).unwrap().unwrap();
        assert_eq!(known.account.hash, [7; 32]);
        let voided = Some(Voided { seq: 2, at: time(20) });
        let event = voucher_event(medium, &voucher_id(id(1), 6));
        assert_eq!((known.sold[0].event, known.sold[0].voided), (event, voided));
        let expected =
            [(Account::Cash, 30), (Account::Store(id(1)), -30), (Account::Outstanding(medium), 0)];
        assert_eq!(balances(&mut records), expected);
        let contents: Vec<_> = entries.iter().map(|entry| entry.bytes().to_vec()).collect();
        assert_eq!(contents.len(), 3);
    }
    let mut records = Records::open(place).unwrap();
    let plan = posting(&mut records, medium, &[(1, 40, OWN)]);
    post(&mut records, 1, &[plan]).unwrap();
}

/// Run statements where no records are yet, in the words of the database.
fn run(place: &Place, sql: &str) {
    // As they were made before: a table in the order of arrival, and an index beside it.
    let sql = sql.replace("\n) KEYED;", "\n);");
    match place {
        Place::File(path) => {
            let sql = sql.replace("BIGINT", "INTEGER").replace("BYTES", "BLOB");
            rusqlite::Connection::open(path).unwrap().execute_batch(&sql).unwrap();
        }
        Place::Server(config) => {
            let sql = sql.replace("BYTES", "BYTEA");
            config.connect(postgres::NoTls).unwrap().batch_execute(&sql).unwrap();
        }
    }
}
