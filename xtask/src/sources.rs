//! What a certificate is taken of, as options name it.

use std::path::PathBuf;

use clap::Args;
use harness::certificate::Sources;

/// A database, a directory, or both: named by options, or simply given.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct SourceOptions {
    /// A postgres://… or a directory, either or both.
    #[arg(value_name = "SOURCE", num_args = 1..=2)]
    pub(crate) sources: Vec<String>,
    /// The database, as `postgres://user@host:5432/name`, with `?sslmode=…` where it takes TLS; its
    /// password in PGPASSWORD.
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// The directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) media: Option<PathBuf>,
}

impl SourceOptions {
    /// Both, however they were named.
    pub(crate) fn sources(&self) -> harness::Result<Sources> {
        let mut sources = Sources::default();
        if let Some(address) = &self.database {
            sources.add_database(address)?;
        }
        if let Some(directory) = &self.media {
            sources.add_directory(directory)?;
        }
        self.sources.iter().try_for_each(|source| sources.add(source))?;
        Ok(sources)
    }
}
