//! Chains of certificates: which are believed under which root, and which are not.

use data_encoding::HEXLOWER;
use scrip::crypto::sign::SecretKey;
use scrip::format::Object;
use scrip::format::certificate::{Certificate, Chain, Purpose, Role};
use scrip::trust::{Fingerprint, sign};
use scrip::units::Timestamp;

use super::file::Vector;
use super::world::{World, time};

/// Chains under the world's root.
pub(crate) fn vectors(world: &World) -> Vec<Vector> {
    let good = [
        ("store", Role::Store),
        ("settler", Role::Settler),
        ("rom-signer", Role::RomSigner),
        ("decider", Role::Decider),
        ("issuer", Role::Issuer),
    ];
    let mut all: Vec<_> = good.into_iter().map(|(name, role)| sound(world, name, role)).collect();
    let store = world.chain(Role::Store);
    let rootless = Chain(store.0[..2].to_vec());
    all.push(
        vector(world, "store-rootless", "the root is left out", &rootless, None)
            .with("gives", "store under the pinned root"),
    );
    let unpinned = vector(world, "store-unpinned", "no root is pinned", &store, None);
    let headers = unpinned.headers.into_iter().filter(|(name, _)| name != "root").collect();
    let root = Fingerprint::of(&world.root.public());
    all.push(
        Vector { headers, ..unpinned }.with("gives", format!("store under unpinned root {root}")),
    );
    all.extend(refused(world));
    all
}

fn sound(world: &World, name: &str, role: Role) -> Vector {
    let about = format!("a {}'s chain", role.word());
    vector(world, name, &about, &world.chain(role), None)
        .with("gives", format!("{} under the pinned root", role.word()))
}

fn vector(
    world: &World,
    name: &str,
    about: &str,
    chain: &Chain,
    refusal: Option<(&str, &str)>,
) -> Vector {
    let vector = Vector::new(format!("trust/{name}"), chain.encode())
        .with("about", about)
        .with("kind", "chain")
        .with("form", "trust")
        .with("root", HEXLOWER.encode(&world.certificate(Role::Root)));
    match refusal {
        None => vector.with("expect", "good"),
        Some((class, words)) => {
            vector.with("expect", format!("refused {class}")).with("words", words)
        }
    }
}

/// A store's chain with other claims in one of its certificates.
fn changed(world: &World, role: Role, change: impl FnOnce(&mut Certificate)) -> Chain {
    let mut claims = world.claims(role);
    change(&mut claims);
    let signer = if role == Role::Issuer { &world.root } else { &world.issuer };
    let new = sign(signer, &claims);
    let mut chain = world.chain(Role::Store);
    chain.0[usize::from(role == Role::Issuer)] = new;
    chain
}

fn refused(world: &World) -> Vec<Vector> {
    let store = world.chain(Role::Store).0;
    let by_store = sign(&world.store, &world.claims(Role::Settler));
    let two_roots = changed(world, Role::Issuer, |claims| claims.role = Role::Root);
    let foreign = SecretKey::from_seed([0x31; 32]);
    let foreign_store = Chain(vec![sign(&foreign, &world.claims(Role::Store)), store[1].clone()]);
    let granted = |claims: &mut Certificate| {
        claims.role = Role::Settler;
    };
    let cases = [
        ("store_empty", "no certificate at all", Chain(vec![]), "chain", "no pinned root"),
        ("store_only-root", "the root alone", Chain(store[2..].to_vec()), "chain", "expected an"),
        (
            "store_no-issuer",
            "the issuer is missing",
            Chain(vec![store[0].clone(), store[2].clone()]),
            "signer",
            "expected key",
        ),
        (
            "store_reversed",
            "the root first",
            Chain(store.iter().rev().cloned().collect()),
            "chain",
            "no pinned root",
        ),
        (
            "store_under-store",
            "certified by a store",
            Chain(vec![by_store, store[0].clone(), store[1].clone()]),
            "chain",
            "expected an issuer",
        ),
        ("store_second-root", "a root under a root", two_roots, "chain", "can't certify"),
        ("store_foreign-key", "signed by a stranger", foreign_store, "signer", "expected key"),
        (
            "store_live",
            "a live store under a test root",
            changed(world, Role::Store, |claims| claims.purpose = Purpose::Live),
            "purpose",
            "is for live use",
        ),
        (
            "store_granted-settler",
            "a settler with a grant",
            changed(world, Role::Store, granted),
            "chain",
            "a grant goes with stores alone",
        ),
        (
            "store_without-grant",
            "a store without a grant",
            changed(world, Role::Store, |claims| claims.grant = None),
            "chain",
            "a grant goes with stores alone",
        ),
    ];
    let mut all: Vec<_> = cases
        .into_iter()
        .map(|(name, about, chain, class, words)| {
            vector(world, name, about, &chain, Some((class, words)))
        })
        .collect();
    all.push(expired(world, time(1_950_000_000)));
    let refusal = Some(("test-root", "is a test root"));
    let test_root =
        vector(world, "store_test-root", "tests aside", &world.chain(Role::Store), refusal);
    all.push(test_root.with("test-roots", "refused"));
    all
}

fn expired(world: &World, floor: Timestamp) -> Vector {
    let chain = changed(world, Role::Store, |claims| claims.expires = floor);
    let words = "signed time has reached";
    vector(world, "store_expired", "ended at the floor", &chain, Some(("expired", words)))
        .with("floor", floor.seconds().to_string())
}
