//! Both sides speaking: what broke off is closed first, then a segment runs to its end.

use std::ops::Range;

use super::giver::{Giver, GiverError};
use super::goods::Goods;
use super::leaves::{AtHand, Leaves};
use super::payer::{Payer, plan};
use super::segment::{Receiving, Sending};
use super::shelf::{BESIDE_BYTES, Content, Shelf, ShelfError};
use super::{Hand, TakeError, TakeRefusal, Taken};
use crate::device::Device;
use crate::format::Object;
use crate::format::item::Package;
use crate::format::transfer::{Receipt, TransferId};
use crate::image::leaves::Watch;
use crate::ledger::charge::segment;
use crate::trust::verify;
use crate::units::{Amount, ByteCount};

/// An item's file where it is taken from.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// Its bytes.
    pub content: &'a dyn Content,
    /// The leaves over them, which have the root that was signed.
    pub leaves: &'a Leaves,
    /// What proves the item to whoever takes it on.
    pub package: &'a Package,
}

/// Copied in one piece where nobody signs for it.
const FETCH_BYTES: u64 = 1 << 20;

/// Close what an earlier run left open: the payer's segment of these goods, with whomever it was,
/// by what lies at hand or the greatest receipt, whichever is more; and every segment that the other
/// side waits to be paid for. Gives what was charged.
pub fn resume<D: Device>(
    payer: &mut Payer<'_, D>,
    giver: &mut dyn Giver,
    goods: &Goods,
    leaves: &Leaves,
    hand: &mut Hand<'_>,
) -> Result<Amount, TakeError> {
    let mut charged = Amount::ZERO;
    if let Some(known) = payer.under_way(goods)
        && let Some(open) = &known.open
    {
        let (transfer, covered) = (known.terms.transfer, known.covered.bytes());
        let (with, start) = (open.partner, open.start);
        let at_hand = payer.at_hand(goods, leaves).map_err(TakeError::Storage)?.good;
        let mut got = at_hand.saturating_sub(covered);
        if with == giver.partner()
            && let Some(bytes) = giver.held(&transfer)?
            && let Ok(held) = verify::<Receipt>(&bytes, &payer.keys.key.public())
            && (held.start, held.before.bytes(), held.transfer) == (start, covered, transfer)
        {
            got = got.max(held.got.bytes());
        }
        let got = ByteCount::from_bytes(got);
        charged = segment(&known.terms, known.covered, got).map_err(TakeRefusal::Terms)?.charge;
        payer.close(&transfer, got, hand)?;
    }
    settle(payer, giver, goods, hand)?;
    Ok(charged)
}

/// Fetch the key of goods that are all here, and have the other side close, and earn, what this
/// chain or a checkpoint of it has closed.
pub fn settle<D: Device>(
    payer: &mut Payer<'_, D>,
    giver: &mut dyn Giver,
    goods: &Goods,
    hand: &mut Hand<'_>,
) -> Result<(), TakeError> {
    if payer.owned(goods).is_some() {
        fetch_key(payer, giver, goods, hand)?;
    }
    let (medium, partner) = (payer.opened.medium().id(), giver.partner());
    for (transfer, before) in giver.waiting(medium) {
        if let Some(receipt) = payer.last_receipt(partner, &transfer, before) {
            giver.close(&transfer, Some(&receipt), hand)?;
        } else if !payer.is_open(partner, &transfer, before) {
            // A checkpoint closed the payer's segment, or it never began: what the other side holds
            // counts. Where its storage fails, it waits.
            match giver.close(&transfer, None, hand) {
                Err(GiverError::Shelf(_)) => {}
                done => done?,
            }
        }
    }
    Ok(())
}

/// The item's key goes from ring to ring once all is here, before the other side has earned: until
/// then that waits, and the same command is done with both.
fn fetch_key<D: Device>(
    payer: &mut Payer<'_, D>,
    giver: &dyn Giver,
    goods: &Goods,
    hand: &mut Hand<'_>,
) -> Result<(), TakeError> {
    if !payer.lacks_key(goods) {
        return Ok(());
    }
    match giver.key(&goods.root)? {
        Some(key) => Ok(payer.opened.keep_item_key(payer.keys, (&goods.root, &key), hand.rng)?),
        None => Ok(()),
    }
}

/// Take goods from another side: until all is there, or it breaks off.
///
/// However it ends, both sides close what they began, as far as their storage lets them. The error
/// is the first thing that went wrong; being asked to stop is none.
pub fn take<D: Device>(
    payer: &mut Payer<'_, D>,
    giver: &mut dyn Giver,
    goods: &Goods,
    File { content, leaves, package }: File<'_>,
    hand: &mut Hand<'_>,
) -> Result<Taken, TakeError> {
    if let Some(record) = payer.owned(goods) {
        return Err(TakeRefusal::Owned(record).into());
    }
    let earlier = resume(payer, giver, goods, leaves, hand)?;
    if payer.owned(goods).is_some() {
        // All had come, and the run was cut off before it said so.
        let (got, none) = (ByteCount::from_bytes(0), Amount::ZERO);
        let covered = goods.length;
        return Ok(Taken { covered, got, charge: none, fee: none, earlier, complete: true });
    }
    let own = payer.opened.medium().policy();
    plan(&payer.opened.medium().account().state, goods, [own, giver.policy().unwrap_or(own)])?;
    if payer.lacks_key(goods) && giver.key(&goods.root)?.is_none() {
        return Err(TakeRefusal::NoKey.into());
    }
    let at_hand = payer.at_hand(goods, leaves).map_err(TakeError::Storage)?;
    check_space(payer.shelf, goods, at_hand.stored)?;
    giver.ready(payer.opened.medium().id(), hand)?;
    put_package(payer.shelf, goods, package)?;
    let transfer = payer.begin(goods, giver.partner(), hand)?;
    let known = payer.under_way(goods).expect("it was begun");
    let (terms, before) = (known.terms.clone(), known.covered);
    let mut receiving = Receiving::new(leaves, before, at_hand);
    let accepted = accept(payer, giver, goods, hand);
    let sent = accepted.map(|mut sending| {
        let mut exchange = Exchange { payer, giver, goods, content, transfer };
        let run = exchange.run(&mut sending, &mut receiving, hand);
        (run, receiving.got())
    });
    // To a side that does not send, nothing is due.
    let got = sent.as_ref().map_or(ByteCount::from_bytes(0), |(_, got)| *got);
    let closed = close(payer, giver, goods, (&transfer, got), hand);
    sent?.0?;
    closed?;
    let covered = ByteCount::from_bytes(before.bytes() + got.bytes());
    let paid = segment(&terms, before, got).map_err(TakeRefusal::Terms)?;
    let complete = covered == terms.length;
    Ok(Taken { covered, got, charge: paid.charge, fee: paid.fee, earlier, complete })
}

/// Is there room on a shelf for goods of whose file so many bytes are stored?
pub fn check_space(shelf: &dyn Shelf, goods: &Goods, stored: u64) -> Result<(), TakeError> {
    let free = shelf.free_bytes().map_err(TakeError::Storage)?;
    let needs = goods.length.bytes().saturating_sub(stored).saturating_add(BESIDE_BYTES.bytes());
    if needs > free {
        return Err(TakeRefusal::Space { needs, free }.into());
    }
    Ok(())
}

fn accept<D: Device>(
    payer: &Payer<'_, D>,
    giver: &mut dyn Giver,
    goods: &Goods,
    hand: &mut Hand<'_>,
) -> Result<Sending, TakeError> {
    let funding = payer.funding()?;
    Ok(giver.accept(&funding, goods, hand)?)
}

/// Copy once more what is paid for and lies here no more: nothing is written but the file. Gives how
/// many bytes came; fewer than were missing if it was asked to stop.
pub fn fetch(
    shelf: &dyn Shelf,
    goods: &Goods,
    File { content, leaves, package }: File<'_>,
    watch: &dyn Watch,
) -> Result<u64, TakeError> {
    let name = goods.names().data();
    let mut at_hand = leaves.at_hand(shelf, &name).map_err(TakeError::Storage)?;
    check_space(shelf, goods, at_hand.stored)?;
    put_package(shelf, goods, package)?;
    let total = goods.length.bytes();
    if at_hand.stored > total {
        shelf.remove(&name).map_err(TakeError::Storage)?;
        at_hand = AtHand { good: 0, stored: 0 };
    }
    let first = at_hand.good;
    let mut receiving = Receiving::new(leaves, ByteCount::from_bytes(0), at_hand);
    while let Some(at) = receiving.wants() {
        watch.progress(at, total);
        if watch.stopped() {
            break;
        }
        let piece = read(content, at..total.min(at + FETCH_BYTES))?;
        store((shelf, &name), &mut receiving, at, &piece)?;
    }
    Ok(receiving.got().bytes().saturating_sub(first))
}

/// The payer first: from then on its chain says what the other side is due.
fn close<D: Device>(
    payer: &mut Payer<'_, D>,
    giver: &mut dyn Giver,
    goods: &Goods,
    (transfer, got): (&TransferId, ByteCount),
    hand: &mut Hand<'_>,
) -> Result<(), TakeError> {
    let receipt = payer.receipt(transfer, got);
    let paid = payer.close(transfer, got, hand);
    if payer.owned(goods).is_some() {
        fetch_key(payer, giver, goods, hand)?;
    }
    // The other side closes by what it was given, whatever became of the payer's storage.
    let receipt = receipt.filter(|_| paid.is_ok());
    let earned = giver.close(transfer, receipt.as_deref(), hand);
    paid?;
    Ok(earned?)
}

/// The chunks and receipts of one segment.
struct Exchange<'a, 'p, D> {
    payer: &'a mut Payer<'p, D>,
    giver: &'a mut dyn Giver,
    goods: &'a Goods,
    content: &'a dyn Content,
    transfer: TransferId,
}

impl<D: Device> Exchange<'_, '_, D> {
    fn run(
        &mut self,
        sending: &mut Sending,
        receiving: &mut Receiving<'_>,
        hand: &Hand<'_>,
    ) -> Result<(), TakeError> {
        let total = self.goods.length.bytes();
        while let Some(at) = receiving.wants() {
            hand.watch.progress(at, total);
            if hand.watch.stopped() {
                return Ok(());
            }
            let Some(range) = sending.grant(at)? else { return Ok(()) };
            let (at, name) = (range.start, self.goods.names().data());
            let piece = read(self.content, range)?;
            store((self.payer.shelf, &name), receiving, at, &piece)?;
            self.sign(sending, receiving)?;
        }
        hand.watch.progress(total, total);
        Ok(())
    }

    /// Sign for all that the segment brought, if that is more than before.
    fn sign(&mut self, sending: &mut Sending, receiving: &Receiving<'_>) -> Result<(), TakeError> {
        let got = receiving.got();
        if got <= sending.signed() {
            return Ok(());
        }
        let receipt = self.payer.receipt(&self.transfer, got).expect("its segment is open");
        let receipt = sending.take(&receipt).map_err(GiverError::from)?;
        Ok(self.giver.keep(receipt)?)
    }
}

/// Put what proves goods beside where their file goes.
fn put_package(shelf: &dyn Shelf, goods: &Goods, package: &Package) -> Result<(), TakeError> {
    let (name, bytes) = (goods.names().package(), package.encode());
    let stored = shelf.size(&name).map_err(TakeError::Storage)?;
    let same = stored == Some(bytes.len() as u64)
        && shelf.read(&name, bytes.len() as u64).is_ok_and(|found| found == bytes);
    if !same {
        shelf.write(&name, &bytes).map_err(TakeError::Storage)?;
    }
    Ok(())
}

fn read(content: &dyn Content, range: Range<u64>) -> Result<Vec<u8>, TakeError> {
    let count = usize::try_from(range.end - range.start).expect("a chunk fits memory");
    let mut piece = vec![0; count];
    content.read_at(range.start, &mut piece).map_err(TakeError::Content)?;
    Ok(piece)
}

/// Store what is verified; flushed, so that what is signed for next can't be lost.
fn store(
    (shelf, name): (&dyn Shelf, &str),
    receiving: &mut Receiving<'_>,
    at: u64,
    piece: &[u8],
) -> Result<(), TakeError> {
    receiving.judge(at, piece)?;
    let tail = receiving.tail();
    let torn = usize::try_from(tail).unwrap_or(usize::MAX);
    let mut stored = vec![0; torn.min(piece.len())];
    let read = if tail > 0 { shelf.read_at(name, at, &mut stored) } else { Ok(()) };
    let fits = torn <= piece.len() && stored == piece[..torn];
    let added = read.and_then(|()| match piece.get(torn..) {
        Some(rest) if fits && !rest.is_empty() => shelf.append(name, at + tail, rest),
        _ => Ok(()),
    });
    match added {
        Ok(()) if fits => receiving.stored(piece.len() as u64),
        // What lies behind the good bytes is no part of the file, or damaged: it begins anew.
        Ok(()) | Err(ShelfError::Damaged(_)) => {
            shelf.remove(name).map_err(TakeError::Storage)?;
            receiving.lost();
        }
        Err(failed) => return Err(TakeError::Storage(failed)),
    }
    Ok(())
}
