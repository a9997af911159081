//! A transfer stopped at every write and flush: both media at once, or one of them pulled out.

use scrip::units::MediumId;

use super::sides::{CHUNK, Fuse, LENGTH, PRICE, Scene, Settled, Stick};
use super::{charges, fee, segments, sent};

/// Whose storage stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stops {
    Both,
    Payer,
    Giver,
}

impl Stops {
    fn only(self, [payer, giver, _]: &[Stick; 3]) -> Option<MediumId> {
        match self {
            Self::Both => None,
            Self::Payer => Some(payer.id()),
            Self::Giver => Some(giver.id()),
        }
    }
}

/// What holds wherever it stopped, before anybody repairs anything.
fn holds_when_stopped(scene: &Scene, told: &str) {
    let [payer, giver, _] = &scene.sticks;
    let sent_bytes = scene.sent_bytes();
    let (closed, signed) =
        (segments(&payer.records(), giver.id()), Scene::signed_for(payer, giver));
    let recorded = closed.last().map_or(0, |(_, got, _)| *got);
    let unpaid = sent_bytes.saturating_sub(recorded.max(signed));
    assert!(unpaid <= CHUNK, "{told}: of {sent_bytes} bytes sent {unpaid} are unpaid");
    if let Some((_, got, _)) = closed.last() {
        assert!(signed <= *got, "{told}: {signed} bytes signed for, {got} recorded");
    }
    let (uploads, _) = sent(&giver.records());
    if let Some((_, got)) = uploads.last() {
        assert!(*got >= signed, "{told}: closed by {got} bytes, {signed} signed for");
    }
}

/// What holds once the rest came from elsewhere, and the first two met again.
fn holds_in_the_end(scene: &Scene, told: &str) {
    let [payer, first, second] = &scene.sticks;
    assert!(scene.has_all(payer), "{told}: other bytes");
    let own = payer.records();
    assert_eq!(charges(&own), PRICE, "{told}");
    assert_eq!(payer.balance(), 1_000 - PRICE, "{told}");
    let mut bytes = 0;
    for giver in [first, second] {
        let paid = segments(&own, giver.id());
        let (uploads, earned) = sent(&giver.records());
        let counted = |(_, got): &(u64, u64)| *got > 0;
        let paid_for: Vec<_> = paid.iter().map(|(before, got, _)| (*before, *got)).collect();
        let expected: Vec<_> = paid_for.iter().copied().filter(counted).collect();
        let found: Vec<_> = uploads.into_iter().filter(counted).collect();
        assert_eq!(found, expected, "{told}: the journals of {} and its payer", giver.id());
        let due: u64 = expected.iter().map(|(before, got)| fee(*before, *got)).sum();
        assert_eq!(earned, due, "{told}: the fee of {}", giver.id());
        assert_eq!(giver.balance(), 1_000 + due, "{told}");
        bytes += expected.iter().map(|(_, got)| got).sum::<u64>();
    }
    assert_eq!(bytes, LENGTH, "{told}");
}

fn stopped_everywhere(stops: Stops, settled: Settled) {
    let mut at = 1;
    loop {
        let scene = Scene::new(settled);
        let [payer, first, second] = &scene.sticks;
        let fuse = Fuse::after(at, stops.only(&scene.sticks));
        let told = format!("{stops:?} {settled:?} stopped at {at}");
        let taken = scene.take(payer, first, &fuse);
        holds_when_stopped(&scene, &told);
        if taken.is_ok() {
            assert!(fuse.asked() <= u64::try_from(at).unwrap(), "{told}");
            break;
        }
        // Elsewhere first, at every other place; then the two meet.
        let resumed = if at % 2 == 0 { second } else { first };
        match scene.take(payer, resumed, &Fuse::never()) {
            Ok(taken) => assert!(taken.complete, "{told}"),
            Err(refused) => assert!(refused.contains("yours already"), "{told}: {refused}"),
        }
        scene.meet(payer, first);
        holds_in_the_end(&scene, &told);
        at += 1;
    }
    println!("{stops:?}, {settled:?}: stopped at each of {} writes and flushes", at - 1);
    assert!(at > 14);
}

#[test]
fn both_stopped_at_every_write_and_flush() {
    stopped_everywhere(Stops::Both, Settled::Never);
    stopped_everywhere(Stops::Both, Settled::Before);
}

#[test]
fn the_payer_pulled_out_at_every_write_and_flush() {
    stopped_everywhere(Stops::Payer, Settled::Never);
}

#[test]
fn the_giver_pulled_out_at_every_write_and_flush() {
    stopped_everywhere(Stops::Giver, Settled::Never);
    stopped_everywhere(Stops::Giver, Settled::Before);
}

/// What a payer brings when two media meet again is kept before it closes an upload: wherever the
/// side that sent stops then, it earns by what it holds, and needs its payer no more.
#[test]
fn what_closes_an_upload_is_kept_before_it() {
    let mut cases = [0; 2];
    for first in 1.. {
        let mut whole = false;
        for at in 0.. {
            let scene = Scene::new(Settled::Never);
            let [payer, giver, _] = &scene.sticks;
            whole = scene.take(payer, giver, &Fuse::after(first, Some(giver.id()))).is_ok();
            let paid = segments(&payer.records(), giver.id()).last().map_or(0, |paid| paid.1);
            let closed = |giver: &Stick| sent(&giver.records()).0.last().map(|(_, got)| *got);
            let begun = !giver.medium().account().state.uploads.is_empty();
            if whole || !begun || closed(giver).is_some() || Scene::signed_for(payer, giver) >= paid
            {
                break;
            }
            let met = scene.meet_while(payer, giver, &Fuse::after(at, Some(giver.id())));
            let told = format!("stopped at {first}, then at {at}");
            if let Some(got) = closed(giver) {
                assert_eq!(got, paid, "{told}");
                cases[usize::from(sent(&giver.records()).1 > 0)] += 1;
                Scene::close_alone(payer, giver);
                assert_eq!(sent(&giver.records()).1, fee(0, paid), "{told}");
            }
            if met.is_ok() {
                break;
            }
        }
        if whole {
            break;
        }
    }
    println!("{} stops behind the close of an upload and before its fee", cases[0]);
    assert!(cases.iter().all(|count| *count > 0), "{cases:?}");
}

/// What is open then is carried over on one side, and waits for its fee on the other.
#[test]
fn settled_between_a_stop_and_the_rest_it_still_adds_up() {
    for at in 1.. {
        let scene = Scene::new(Settled::Never);
        let [payer, first, second] = &scene.sticks;
        let told = format!("stopped at {at}");
        if scene.take(payer, first, &Fuse::after(at, None)).is_ok() {
            assert!(at > 14, "{told}");
            break;
        }
        // What is complete is known by its record, which an archive would have to be asked for.
        if payer.takes() {
            payer.settle();
        }
        first.settle();
        let resumed = if at % 2 == 0 { second } else { first };
        match scene.take(payer, resumed, &Fuse::never()) {
            Ok(taken) => assert!(taken.complete, "{told}"),
            Err(refused) => assert!(refused.contains("yours already"), "{told}: {refused}"),
        }
        scene.meet(payer, first);
        assert!(scene.has_all(payer), "{told}: other bytes");
        assert_eq!(payer.balance(), 1_000 - PRICE, "{told}");
        let earned = first.balance() + second.balance() - 2_000;
        assert_eq!(earned, fee(0, LENGTH), "{told}");
    }
}
