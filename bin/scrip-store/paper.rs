//! What is handed over beside the text of a receipt: a voucher's file, a QR code, a page.

use std::path::{Path, PathBuf};

use scrip::device::check_new_file;
use scrip::format::Object;
use scrip::qr::{Drawing, QrFile, Strength};
use scrip::shop::{Receipt, receipt_page};
use scrip::tool::{Exit, Explain, Failure, Output};

use crate::cli::{Common, Paper};
use crate::session::{told, write_new};

impl Paper {
    /// Could all of it be written?
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if let Some(file) = &self.qr {
            QrFile::of(file).or_exit(Exit::Usage)?;
        }
        let mut files: Vec<&Path> = self.files().collect();
        files.iter().try_for_each(|file| check_new_file(file).map_err(told))?;
        files.sort_unstable();
        match files.windows(2).find(|two| two[0] == two[1]) {
            Some(two) => {
                let message = format!("{} is asked for twice", two[0].display());
                Err(Failure::new(Exit::Usage, message))
            }
            None => Ok(()),
        }
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.voucher, &self.qr, &self.page].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Write it; the files' names come back.
    pub(crate) fn write(
        &self,
        common: &Common,
        receipt: &Receipt,
        output: &Output,
    ) -> Result<Vec<PathBuf>, Failure> {
        if common.dry_run {
            return Ok(vec![]);
        }
        if let Some(by) = receipt.voided_by.filter(|_| self.voucher.is_some() || self.qr.is_some())
        {
            let number = receipt.number;
            let message = format!("receipt {number} was taken back by receipt {by}");
            return Err(Failure::new(Exit::Refusal, message)
                .hint("nothing of it is handed out again; its text still says what was sold"));
        }
        if let Some(file) = &self.voucher {
            let voucher = receipt.voucher.as_ref().ok_or_else(|| lacks(receipt, "voucher"))?;
            write_new(common, file, &voucher.encode())?;
        }
        if let Some(file) = &self.qr {
            write_new(common, file, &picture(receipt, QrFile::of(file).or_exit(Exit::Usage)?)?)?;
        }
        if let Some(file) = &self.page {
            write_new(common, file, receipt_page(receipt).as_bytes())?;
            output.note(format!("wrote {}: print it at 100 %", file.display()));
        }
        Ok(self.files().map(Path::to_path_buf).collect())
    }
}

fn picture(receipt: &Receipt, form: QrFile) -> Result<Vec<u8>, Failure> {
    let text = receipt.qr_text().ok_or_else(|| lacks(receipt, "code or voucher"))?;
    let strength = if receipt.code.is_some() { Strength::High } else { Strength::Low };
    let drawing = Drawing::new(&text, strength).or_exit(Exit::Refusal)?;
    Ok(drawing.file(form))
}

fn lacks(receipt: &Receipt, what: &str) -> Failure {
    let (number, event) = (receipt.number, receipt.event);
    Failure::new(Exit::Refusal, format!("receipt {number}, \"{event}\", has no {what}"))
}
