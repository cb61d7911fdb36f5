//! What of a stack its method does not bring back, found out before anything is destroyed: volumes,
//! other databases of the same server, files beside a database's own, what containers keep.

use super::Rehearsal;
use crate::backup::{Artefact, Method};
use crate::config::VolumeClass;
use crate::drill::journal::first_of;
use crate::error::{Attempt, Result};
use crate::model::check::id;
use crate::model::not_proved::{Gap, NotProved};
use crate::stack::database::ask;
use crate::volumes;

impl Rehearsal<'_> {
    /// Whether every critical volume is one that the method brings back (FR-4.4). An artefact that
    /// was taken earlier may have no archive of a volume that the stack has now.
    pub(super) fn check_cover(&mut self, artefact: &Artefact) -> bool {
        let promises = self.drill.request.method.promises();
        let archived = self.sandbox.cold.iter().map(|volume| volume.name.clone());
        let archived = archived.filter(|name| artefact.manifest.volume(name).is_some());
        let archived = archived.collect::<Vec<_>>();
        let names = self.sandbox.stack.volumes().map(|volume| volume.name).collect::<Vec<_>>();
        let volumes = volumes::classified(&names, &self.drill.config);
        let uncovered = volumes.iter().filter_map(|volume| volume.uncovered(&promises, &archived));
        let mut uncovered = uncovered.collect::<Vec<_>>();
        uncovered.extend(self.left_out.iter().cloned());
        let is_spared = |name: &str| !archived.iter().any(|known| known == name);
        let spared = volumes.iter().filter(|it| it.store.is_none() && is_spared(it.name));
        let spared = spared.map(|volume| format!("{} is {}", volume.name, volume.class.name()));
        let stores = promises.iter().map(|store| store.name().to_owned());
        let files = archived.iter().map(|name| format!("volume {name}"));
        let seen = stores.chain(files).chain(spared).collect::<Vec<_>>().join(", ");
        self.journal.judge(id::COVERED, seen, &uncovered)
    }

    /// Looks, while the source is there, for what no volume holds and no dump has.
    pub(super) async fn look_outside(&mut self) -> Result<()> {
        let mut left_out = self.outside_of_volumes().await?;
        if matches!(self.drill.request.method, Method::PgDump) {
            left_out.extend(self.other_databases().await?.into_iter().map(|(name, what)| {
                format!(
                    "database {name:?} of the same server would be lost {what}: pg_dump takes one; \
                     --method cold takes all"
                )
            }));
            left_out.extend(self.shared_with_database());
            self.undumped_settings().await?;
        } else if self.sandbox.running.is_some() && self.sandbox.database.is_some() {
            let others = self.other_databases().await?.into_iter();
            let others = others.map(|(name, what)| {
                let why = format!("another database of the running server, {what}: not copied");
                NotProved::new(Gap::Rows, name, why)
            });
            self.found.not_proved.extend(others);
        }
        for unnamed in self.sandbox.stack.unnamed().await? {
            let said = self.drill.config.volumes.iter().find(|it| it.name == unnamed);
            if let Some(said) = said.filter(|it| it.class != VolumeClass::Critical) {
                let why = format!("it counts as {}", said.class.name());
                self.found.not_proved.push(NotProved::new(Gap::Volume, unnamed, why));
                continue;
            }
            left_out.push(format!(
                "volume {unnamed} would be lost: it has no name, and goes with its container"
            ));
        }
        self.left_out = left_out;
        Ok(())
    }

    /// Services that have the database's volume, too: a dump has nothing of theirs.
    fn shared_with_database(&self) -> Vec<String> {
        let Some(database) = &self.sandbox.database else { return Vec::new() };
        let Some(volume) = &database.volume else { return Vec::new() };
        let others = self.sandbox.stack.users_of(volume).into_iter();
        let others = others.filter(|service| *service != database.service);
        let others = others.map(|service| {
            format!(
                "service {service} writes to volume {volume}, the database's: a dump has nothing \
                 of what it keeps there; --method cold takes all"
            )
        });
        others.collect()
    }

    /// Databases that services keep in their own containers. Other files there are said to be not
    /// proved: some are of no worth, and nobody has said which.
    async fn outside_of_volumes(&mut self) -> Result<Vec<String>> {
        let mut lost = Vec::new();
        let mut layers = self.sandbox.stack.layers().await?;
        if let Some(running) = &self.sandbox.running {
            // Its containers have had time to write; none of it came into the copy.
            let services = self.sandbox.stack.services();
            let of_project = running.layers().await?.into_iter();
            layers.extend(of_project.filter(|(service, _)| services.contains(service)));
        }
        for (service, layer) in layers {
            lost.extend(layer.databases.iter().map(|path| {
                format!("service {service} keeps {path} in its container: no volume holds it")
            }));
            if !layer.others.is_empty() {
                let why = format!("it wrote outside of every volume: {}", first_of(&layer.others));
                self.found.not_proved.push(NotProved::new(Gap::Container, service, why));
            }
        }
        Ok(lost)
    }

    /// The server that counts: the running project's, of which the copy has one database.
    async fn server(&self) -> Result<postgres::Config> {
        match &self.sandbox.running {
            Some(running) => {
                running.connection(&self.sandbox.stack, self.sandbox.database()?).await
            }
            None => self.sandbox.connection().await,
        }
    }

    /// Databases of the same server that hold something and that `pg_dump` of another leaves out,
    /// with what is in them.
    async fn other_databases(&self) -> Result<Vec<(String, String)>> {
        let connection = self.server().await?;
        let others = self.waiting(ask(connection.clone(), |client| {
            let rows =
                client.query(OTHERS, &[]).attempt(|| "cannot list the server's databases")?;
            let others = rows.iter().map(|row| (row.get(0), row.get(1)));
            Ok(others.collect::<Vec<(String, bool)>>())
        }));
        let mut found = Vec::new();
        for (name, takes_connections) in others.await? {
            let what = if takes_connections {
                let mut connection = connection.clone();
                connection.dbname(&name);
                let held = self.waiting(ask(connection, |client| {
                    let row = client.query_one(HELD, &[]).attempt(|| "cannot look into it")?;
                    Ok(row.get::<_, i64>(0))
                }));
                match held.await? {
                    0 => continue,
                    held => format!("with {held} tables, functions and large objects"),
                }
            } else {
                "with whatever is in it: it takes no connections".to_owned()
            };
            found.push((name, what));
        }
        Ok(found)
    }

    /// Says which settings of the server lie in its own files: no dump has them.
    async fn undumped_settings(&mut self) -> Result<()> {
        let connection = self.server().await?;
        let set = self.waiting(ask(connection, |client| {
            let rows =
                client.query(SETTINGS, &[]).attempt(|| "cannot list the server's settings")?;
            Ok(rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>())
        }));
        let set = set.await?;
        if !set.is_empty() {
            let why = format!("no dump has what ALTER SYSTEM set: {}", first_of(&set));
            self.found.not_proved.push(NotProved::new(Gap::Settings, "", why));
        }
        Ok(())
    }
}

/// The databases that a dump of the current one leaves out, and whether one can look into them.
const OTHERS: &str = "\
    select datname::text, datallowconn from pg_database \
    where datname <> current_database() and datname <> 'template0' order by 1";

/// How much of its own a database holds. Objects of the system have numbers below this one.
const HELD: &str = "\
    select (select count(*) from pg_class where oid >= 16384 and relkind in ('r', 'p', 'm', 'S', 'v', 'f')) \
         + (select count(*) from pg_proc where oid >= 16384) \
         + (select count(*) from pg_largeobject_metadata)";

/// Settings that were made by `ALTER SYSTEM`.
const SETTINGS: &str = "\
    select distinct name from pg_file_settings \
    where sourcefile like '%postgresql.auto.conf' order by 1";
