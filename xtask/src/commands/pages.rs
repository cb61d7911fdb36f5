//! `pages`: shell completions, man pages and the documents, by the name that the program was called
//! with.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;
use harness::error::Attempt;
use harness::{Error, Result};

use crate::called;
use crate::ending::Ending;
use crate::flags::{Flags, PagesOptions};
use crate::reference;

/// The shells for which there are completions.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

/// Writes them into folders of their own.
pub(crate) fn run(options: &PagesOptions) -> Result<Ending> {
    if !called::is_alone() {
        return Err(Error::usage("no shell knows \"cargo xtask\" as a command")
            .hint("cargo xtask dist makes an executable, and the pages for it"));
    }
    let cannot = || format!("cannot write into {}", options.dir.display());
    let folder = |name: &str| -> Result<PathBuf> {
        let folder = options.dir.join(name);
        fs::create_dir_all(&folder).attempt(cannot)?;
        Ok(folder)
    };
    let completions = folder("completions")?;
    for shell in SHELLS {
        let mut commands = Flags::command();
        clap_complete::generate_to(shell, &mut commands, called::name(), &completions)
            .attempt(cannot)?;
    }
    clap_mangen::generate_to(Flags::command(), folder("man")?).attempt(cannot)?;
    reference::write_documents(&options.dir)?;
    Ok(Ending::done().report(Path::to_owned(&options.dir)))
}
