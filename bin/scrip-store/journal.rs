//! `journal`: verify the store's journal, write it out for the issuer.

use std::path::Path;

use scrip::shop::log::Log;
use scrip::tool::{Exit, Failure, Output};
use serde_json::json;

use crate::cli::Common;
use crate::session::{open, told, write_new};

/// Opening the folder has verified the newest signature and every link; here comes the rest.
pub(crate) fn verify(common: &Common, output: &Output) -> Result<Exit, Failure> {
    let shop = open(common, output)?;
    shop.verify_journal().map_err(told)?;
    let log = shop.log().map_err(told)?;
    let head = log.head().map(|head| data_encoding::HEXLOWER.encode(&head));
    let newest = head.as_deref().map_or_else(String::new, |head| format!(", head {head}"));
    output.line(format!("{} entries, every signature and link is sound{newest}", log.next_seq()));
    if log.torn_bytes() > 0 {
        let torn = log.torn_bytes();
        output.warn(format!("{torn} bytes of an entry that was cut off are left out"));
    }
    let (entries, torn_bytes) = (log.next_seq(), log.torn_bytes());
    let fields = json!({ "entries": entries, "head": head, "torn_bytes": torn_bytes });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

pub(crate) fn export(common: &Common, file: &Path, output: &Output) -> Result<Exit, Failure> {
    let shop = open(common, output)?;
    let bytes = shop.export().map_err(told)?;
    write_new(common, file, &bytes)?;
    let entries = shop.log().map_or(0, Log::next_seq);
    output.line(format!("wrote {entries} entries to {}", file.display()));
    output.result(Exit::Done, &json!({ "entries": entries, "file": file, "bytes": bytes.len() }));
    Ok(Exit::Done)
}
