//! Samples of a proof: two histories of a medium, by its rekey and by a settler's word.

use scrip::crypto::digest::sha256;
use scrip::format::Object;
use scrip::format::certificate::{Chain as Certificates, Role};
use scrip::format::field::Bytes;
use scrip::format::proof::{ForkProof, NamedHolder};
use scrip::ledger::{Hand, State, check_proof, next};
use scrip::trust::{Root, TestRoots, Trust, sign};
use scrip::units::Sequence;

use super::funding::Chain;
use super::medium::medium_certificate;
use super::samples::{Form, Sample};
use super::wallet::{Court, event, host, plain};
use super::world::{World, amount, medium};

/// Two purchases behind one rekey.
pub(crate) fn proofs(world: &World) -> Vec<Sample<'_>> {
    let court = Court::new(world);
    let certificate = sign(&world.store, &medium_certificate(world));
    let state = State::blank(medium(), sha256(&certificate), world.holder.public());
    let mut chain = Chain::new(&court, state);
    chain.load(world);
    let rekey = chain.records[2].bytes().to_vec();
    let bought = |item, minor| {
        let goods = (item, "Example label");
        let record = next::purchase(&chain.state, &host(), event(0xd7), goods, amount(minor));
        Bytes(sign(&world.owner, &record.unwrap()))
    };
    let by_rekey = ForkProof {
        chain: world.chain(Role::Store),
        certificate: Some(Bytes(certificate.clone())),
        rekey: Some(Bytes(rekey)),
        holder: None,
        one: bought("film", 700),
        other: bought("song", 300),
    };
    let checkpoint = Bytes(sign(&world.settler, &plain(&chain.state, sha256(&certificate))));
    let settler = Bytes(world.certificate(Role::Settler));
    let holder = Some(NamedHolder { checkpoint, certificate: settler });
    let mut above = world.chain(Role::Store).0;
    above.pop();
    let chain = Certificates(above);
    let by_word = ForkProof { chain, rekey: None, holder, ..by_rekey.clone() };
    let of = |subject, about, proof: &ForkProof| {
        Sample::of("fork-proof", subject, about, Form::Plain, proof)
            .note("seq", "3")
            .note("medium", medium().to_string())
    };
    vec![
        of("rekeyed", "two purchases at one sequence, by the rekeyed holder", &by_rekey),
        of("settled", "the same by a settler's word, without the root", &by_word),
    ]
}

#[test]
fn they_hold_under_their_root() {
    let world = World::new();
    let roots = vec![Root::read(&world.certificate(Role::Root)).unwrap()];
    let trust = Trust::new(roots, TestRoots::Allowed);
    let by = proofs(&world).into_iter().map(|sample| {
        let proven = check_proof(&sample.payload, &trust).unwrap();
        assert_eq!((proven.medium, proven.seq.number()), (Some(medium()), 3));
        assert!(proven.root.is_pinned() && proven.key == world.owner.public());
        assert_eq!(ForkProof::decode(&sample.payload).unwrap().encode(), sample.payload);
        proven.by
    });
    let expected = [Hand::Rekeyed(Sequence::from_number(2)), Hand::Settled(1)];
    assert_eq!(by.collect::<Vec<_>>(), expected);
}
