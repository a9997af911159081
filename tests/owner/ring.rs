//! Item keys in an owner's ring: put there by the burn, added to, and never lost.

use scrip::crypto::{Secret, chunks};
use scrip::device::Device;
use scrip::device::simulated::{Bounds, Explored, Model, Procedure, Violation, Volatile, Witness};
use scrip::wallet::{Medium, Opened};

use super::{FIRST, OWN, SERIAL, Scratch, examined, medium, password, rng};
use crate::goods::{DEAR, plain, sample};
use crate::world::at;

const LOST: &str = "an item key that was kept is gone";
const OTHER: &str = "an item key is another one";
const UNUSABLE: &str = "the medium can't be opened any more";

/// Root and key that are added as number `number`.
fn added(number: u8) -> ([u8; 32], Secret<32>) {
    ([number; 32], Secret::new([number ^ 0xff; 32]))
}

#[test]
fn the_burn_puts_the_items_keys_where_every_password_opens_them() {
    let sample = sample(SERIAL);
    let device = sample.burnt();
    let dear = sample.sealed.items[2].root;
    let holds = |opened: &Opened<_>, unlocked: &scrip::wallet::Unlocked| {
        let key = opened.item_key(&unlocked.keys, &dear).unwrap().expect("burnt");
        let start = sample.sealed.layout.rom().start + sample.sealed.plan.locate(DEAR).unwrap();
        let mut chunk = vec![0; chunks::SEALED_BYTES];
        device.read_at(start, &mut chunk).unwrap();
        let open = chunks::open(&key, 0, chunks::Position::Inner, &chunk).unwrap();
        assert!(plain(DEAR).starts_with(open.expose()));
    };
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    holds(&opened, &first);
    let own = opened.rekey(&first, &password(OWN), at(1_000), &mut rng(2)).unwrap();
    holds(&opened, &own);
    let own = opened.change_password(own, &password("third"), &mut rng(3)).unwrap();
    holds(&opened, &own);
    assert!(opened.item_key(&own.keys, &[7; 32]).unwrap().is_none());
    assert!(opened.item_key(&own.keys, &sample.sealed.items[0].root).unwrap().is_none());
}

#[test]
fn an_added_key_is_there_from_then_on_and_once() {
    let device = sample(SERIAL).burnt();
    let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
    let first = opened.unlock(&password(FIRST)).unwrap();
    for number in 10..20 {
        let (root, key) = added(number);
        opened.keep_item_key(&first.keys, (&root, &key), &mut rng(number)).unwrap();
    }
    let before = device.snapshot();
    let (root, key) = added(15);
    opened.keep_item_key(&first.keys, (&root, &key), &mut rng(99)).unwrap();
    assert!(before == device.snapshot(), "what is there already was written again");
    let other = Secret::new([3; 32]);
    opened.keep_item_key(&first.keys, (&root, &other), &mut rng(98)).unwrap();
    let mut again = Opened::open(&device, medium(&device), &mut rng(2)).unwrap();
    let first = again.unlock(&password(FIRST)).unwrap();
    for number in 10..20 {
        let (root, key) = added(number);
        let found = again.item_key(&first.keys, &root).unwrap().expect("kept");
        assert!(found == if number == 15 { Secret::new([3; 32]) } else { key }, "{number}");
    }
}

#[test]
fn a_copy_of_the_ring_that_is_damaged_is_repaired_by_the_other() {
    let sample = sample(SERIAL);
    let device = sample.burnt();
    let roots = [1, 2].map(|place: usize| sample.sealed.items[place].root);
    for start in medium(&device).grounds().ring {
        device.write_at(start, &[0xff; 4096]).unwrap();
        let mut opened = Opened::open(&device, medium(&device), &mut rng(1)).unwrap();
        let first = opened.unlock(&password(FIRST)).unwrap();
        for root in &roots {
            assert!(opened.item_key(&first.keys, root).unwrap().is_some());
        }
    }
}

struct Script(Medium);

/// How many keys were added, and whether another one may have been.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Promise {
    added: u8,
    maybe: bool,
}

impl Script {
    fn open<D: Device>(&self, device: D) -> Result<Opened<D>, Violation> {
        let opened = Opened::open(device, self.0.clone(), &mut rng(7));
        opened.map_err(|error| Violation::new(UNUSABLE, error.to_string()))
    }
}

fn failed(error: impl std::fmt::Display) -> Violation {
    Violation::new(UNUSABLE, error.to_string())
}

impl Procedure for Script {
    type Promise = Promise;

    fn run(
        &self,
        device: &Volatile,
        _turn: usize,
        before: &Promise,
        witness: &mut Witness<'_, Promise>,
    ) -> Result<(), Violation> {
        let mut opened = self.open(device)?;
        let first = opened.unlock(&password(FIRST)).map_err(failed)?;
        witness.promise(Promise { added: before.added, maybe: true });
        let (root, key) = added(before.added);
        let mut rng = rng(100 + before.added);
        opened.keep_item_key(&first.keys, (&root, &key), &mut rng).map_err(failed)?;
        witness.promise(Promise { added: before.added + 1, maybe: false });
        Ok(())
    }

    fn judge(&self, device: &Volatile, promise: &Promise, model: Model) -> Result<(), Violation> {
        assert_eq!(model, Model::Within);
        let mut opened = self.open(Scratch::over(device))?;
        let first = opened.unlock(&password(FIRST)).map_err(failed)?;
        for number in 0..promise.added + u8::from(promise.maybe) {
            let (root, key) = added(number);
            match opened.item_key(&first.keys, &root).map_err(failed)? {
                Some(found) if found == key => {}
                Some(_) => return Err(Violation::new(OTHER, format!("{number}"))),
                None if number == promise.added => {}
                None => return Err(Violation::new(LOST, format!("{number} of {promise:?}"))),
            }
        }
        for item in &self.0.grounds().items {
            let kept = opened.item_key(&first.keys, &item.root).map_err(failed)?.is_some();
            if kept != item.content.is_some() {
                return Err(Violation::new(LOST, item.id.clone()));
            }
        }
        Ok(())
    }
}

#[test]
fn a_key_that_is_added_with_power_lost_anywhere_is_there_or_not_and_no_other_is_lost() {
    let device = sample(SERIAL).burnt();
    let mut checked = examined(&device);
    checked.grounds.as_mut().unwrap().journal.bytes = 2 * 32 * 512;
    let script = Script(Medium::of(checked).unwrap());
    let coarse = || Bounds { states_max: 4, torn_bytes: vec![130], ..Bounds::default() };
    let mut found = Explored::default();
    let promise = Promise { added: 0, maybe: false };
    found.explore(&script, &Volatile::new(device.snapshot()), &promise, &[coarse(), coarse()]);
    println!("{} distinct states, {} losses", found.within.len(), found.losses);
    let told: Vec<_> = found.violations.iter().take(3).collect();
    assert!(told.is_empty(), "{told:#?}");
    assert!(found.within.len() > 20, "{}", found.within.len());
}
