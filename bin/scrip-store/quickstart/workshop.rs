//! Where quickstart makes things before they get their names, so that none is ever there in part.

use std::path::{Path, PathBuf};

use scrip::device::{Folder, FolderLock};
use scrip::tool::{Classed, Exit, Explain, Failure};

/// Its name beside the target.
const NAME: &str = ".new-quickstart";

/// A folder that is removed at the end, and emptied first of what a killed run left.
pub(super) struct Workshop {
    folder: PathBuf,
    _lock: FolderLock,
}

impl Workshop {
    /// Open it in this folder, which is made if there is none; for one run at a time.
    pub(super) fn open(beside: &Path) -> Result<Self, Failure> {
        let folder = beside.join(NAME);
        std::fs::create_dir_all(beside).or_exit_while(Exit::Failure, beside.display())?;
        let lock = Folder::open_or_create(&folder).or_fail()?;
        let lock = lock.lock("scrip-store quickstart").or_fail()?;
        let workshop = Self { folder, _lock: lock };
        let made = workshop.path("");
        if made.exists() {
            let doing = format!("removing {}", made.display());
            std::fs::remove_dir_all(&made).or_exit_while(Exit::Failure, doing)?;
        }
        std::fs::create_dir(&made).or_exit_while(Exit::Failure, made.display())?;
        Ok(workshop)
    }

    /// Where something of this name is made.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join("made").join(name)
    }

    /// Give what was made its place: from now on it is whole.
    pub(super) fn hand_out(&self, name: &str, to: &Path) -> Result<(), Failure> {
        let doing = format!("making {}", to.display());
        std::fs::rename(self.path(name), to).or_exit_while(Exit::Failure, doing)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What stays is removed by the next run.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
