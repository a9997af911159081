//! A medium that is lost, replaced by another one, and found again.

use super::hands::Hands;

#[test]
fn a_lost_medium_is_replaced_and_what_it_spent_since_is_its_debt() {
    let mut hands = Hands::new(None, 2);
    for (name, amount) in [("lost", "3000"), ("heir", "1000")] {
        hands.burn(name, "fair");
        hands.store(&["sell", hands.number(name), "--price", "1500"]).done();
        let (code, _) = hands.sell_code(name, amount);
        hands.enter(name, &code);
    }
    hands.buy("lost", "poem");
    hands.store(&["journal", "export", "shop.journal"]).done();
    hands.server(&["import", "shop.journal"]).done();
    for name in ["lost", "heir"] {
        hands.export(name, &format!("evidence/{name}"));
    }
    hands.reconcile(&["evidence"], &["--plan", "one"]).ended(1, &["2 media to be settled"]);
    assert_eq!(hands.settle_and_apply("one", 1), ["heir", "lost"]);
    // Spent after the last export: nobody knows of it when the medium is gone.
    hands.buy("lost", "story");
    let [lost, heir] = ["lost", "heir"].map(|name| hands.number(name).to_owned());
    let replace = ["replace", &lost, "--with", &heir, "--hold-days", "0", "--out", "checkpoints"];
    for _ in 0..2 {
        hands.server(&replace).ended(0, &["¥2,950 went to medium ", "by its checkpoint 2"]);
    }
    hands.apply("home", "heir", "heir", 2);
    assert_eq!(hands.balance("heir"), 1_000 + 3_000 - 50);
    hands.buy("heir", "poem");
    hands.server(&["statement", &heir]).ended(0, &["in place of, medium ", "¥2,950"]);
    hands.server(&["statement", &lost]).ended(0, &["replaced by, medium "]);
    for name in ["lost", "heir"] {
        hands.export(name, &format!("found/{name}"));
    }
    hands.reconcile(&["found"], &["--plan", "two"]).ended(1, &["overdraft"]);
    hands.server(&["settle", "two", "--out", "checkpoints", "--yes"]).done();
    hands.server(&["statement", &lost]).ended(0, &["debt: ¥400"]);
    hands.apply("home", "heir", "heir", 3);
    assert_eq!(hands.balance("heir"), 3_900);
    hands.export("heir", "found/heir-after");
    // The list came to the other medium with its checkpoint: the lost one is told as revoked.
    let told = ["revoked: medium ", "nothing is to be settled"];
    hands.reconcile(&["found"], &[]).ended(1, &told);
    hands.server(&["audit"]).ended(0, &["is replaced by"]);
}
