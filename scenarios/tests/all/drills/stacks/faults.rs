//! Bad backups of stacks that nobody configured, each named by what it lost.

use std::path::Path;

use harness::Result;
use harness::drill::{Finished, Live, Moment};
use harness::model::check::Outcome;
use harness::model::divergence::DivergenceKind;
use harness::model::record::Verdict;
use scenarios::rehearsal::{Harm, broken, demand, rehearse, sabotaged, sql};
use scenarios::stacks::{self, Project};

async fn struck(project: &Project, moment: Moment, harm: Harm) -> Finished {
    let base = crate::reports();
    rehearse(&sabotaged(stacks::drill(project, base.path()).await, moment, harm)).await
}

/// Runs a line of shell on a volume, before anything runs on it.
async fn in_volume(live: &Live, volume: &str, script: &str) -> Result<()> {
    let volume = live.stack.volume(volume)?;
    let run = live.stack.beside(&volume, false, ["sh", "-euc", script]).run().await?;
    run.require(|| "cannot sabotage").map(drop)
}

/// Takes a member out of a volume's archive, whose manifest then says what it is.
fn cut_out(artefact: &Path, file: &str, member: &str) -> Result<()> {
    let path = artefact.join(file);
    let line = format!(
        "set -e; cd '{}'; zstd -dq '{file}' -o all.tar; tar --delete -f all.tar '{member}'; \
         zstd -qf all.tar -o '{file}'; rm all.tar",
        artefact.display()
    );
    let done = std::process::Command::new("sh").args(["-c", &line]).status().map_err(broken)?;
    assert!(done.success(), "{line}");
    let bytes = std::fs::read(&path).map_err(broken)?;
    let manifest = artefact.join("manifest.json");
    let mut said: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&manifest).map_err(broken)?).map_err(broken)?;
    for part in said["parts"].as_array_mut().expect("parts") {
        if part["file"] == file {
            part["size"] = bytes.len().into();
            part["blake3"] = blake3::hash(&bytes).to_hex().to_string().into();
        }
    }
    std::fs::write(&manifest, said.to_string()).map_err(broken)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_its_archive_lacks_is_named_before_anything_is_destroyed() {
    let project = stacks::project("files-sqlite");
    let finished = struck(&project, Moment::ArtefactTaken, |live| {
        Box::pin(async move { cut_out(&live.artefact, "volume-data.tar.zst", "./shop.db") })
    });
    let finished = finished.await;
    demand(&finished, Verdict::Failed, "artefact.volumes", Outcome::Failed, "shop.db");
    assert!(!finished.record.timings.phases.iter().any(|it| it.name.name() == "disaster"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_gone_changed_or_too_many_are_named() {
    let project = stacks::project("files-sqlite");
    let finished = struck(&project, Moment::FilesRestored, |live| {
        Box::pin(async move {
            in_volume(&live, "uploads", "echo new > made-after-the-backup.txt").await?;
            let one = "f=$(find . -type f ! -name '*.txt' | sort | head -1); printf x >> \"$f\"";
            in_volume(&live, "uploads", &format!("cd /store; {one}")).await?;
            in_volume(&live, "data", "cd /store; rm -f shop.db-wal shop.db-shm; : > shop.db").await
        })
    });
    let finished = finished.await;
    demand(&finished, Verdict::Failed, "compare.volumes", Outcome::Failed, "");
    demand(&finished, Verdict::Failed, "compare.sqlite", Outcome::Failed, "shop.db");
    let divergences = &finished.record.integrity.divergences;
    let of_files = divergences.iter().filter(|it| it.kind == DivergenceKind::Volume);
    let named = of_files.map(|it| it.subject.as_str()).collect::<Vec<_>>();
    assert!(named.iter().any(|it| it.starts_with("data/") && it.contains("shop.db")), "{named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_merges_is_named() {
    let project = stacks::project("files-sqlite");
    let finished = struck(&project, Moment::FilesRestored, |live| {
        Box::pin(async move {
            in_volume(&live, "uploads", "echo later > /store/made-after-the-backup.txt").await
        })
    });
    let finished = finished.await;
    let named = "uploads/made-after-the-backup.txt";
    demand(&finished, Verdict::Failed, "compare.volumes", Outcome::Failed, named);
    let divergence = finished.record.integrity.divergences.iter().find(|it| it.subject == named);
    let detail = &divergence.expect("it is listed").detail;
    assert!(detail.contains("merges"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_database_of_sqlite_lost_are_counted() {
    let project = stacks::project("files-sqlite");
    let finished = struck(&project, Moment::FilesRestored, |live| {
        Box::pin(async move {
            let root = live.stack.mountpoint(&live.stack.volume("data")?).await?;
            let file = root.expect("the tests see volumes of the engine").join("shop.db");
            let lose = "import sqlite3, sys; shop = sqlite3.connect(sys.argv[1]); \
                        shop.execute('delete from upload where item_id = 1'); \
                        shop.execute('delete from item where id = 1'); shop.commit()";
            let mut python = std::process::Command::new("python3");
            let ended = python.args(["-c", lose]).arg(file).status().map_err(broken)?;
            assert!(ended.success());
            Ok(())
        })
    });
    let finished = finished.await;
    demand(&finished, Verdict::Failed, "compare.sqlite", Outcome::Failed, "item");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_begins_anew_is_not_taken_for_one_that_is_back() {
    let project = stacks::project("init-job");
    let finished = struck(&project, Moment::ServiceGreen, |live| {
        Box::pin(async move { sql(&live, "truncate item, upload, administrator cascade").await })
    });
    let finished = finished.await;
    demand(&finished, Verdict::Failed, "service.alike", Outcome::Failed, "GET /");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_of_the_same_server_is_not_left_out_in_silence() {
    let project = stacks::project("init-job");
    let script = "create database accounts;\n\\connect accounts\ncreate table account (id int);\n";
    std::fs::write(project.folder.join("initdb/20-accounts.sql"), script).expect("written");
    let base = crate::reports();
    let finished = rehearse(&stacks::drill(&project, base.path()).await).await;
    let check = "method.covers";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "database \"accounts\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_connections_is_not_left_out_in_silence() {
    let project = stacks::project("init-job");
    let script = "create database archive2019;\n\\connect archive2019\ncreate table old (id int);\n\
                  \\connect postgres\nalter database archive2019 allow_connections false;\n";
    std::fs::write(project.folder.join("initdb/20-archive.sql"), script).expect("written");
    let base = crate::reports();
    let finished = rehearse(&stacks::drill(&project, base.path()).await).await;
    let check = "method.covers";
    demand(&finished, Verdict::Failed, check, Outcome::Failed, "database \"archive2019\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_application_clears_when_it_starts_are_missed() {
    let project = stacks::project("init-job");
    // Its job finds no mark of its own, takes the data for somebody else's, and clears it.
    let file = project.folder.join("docker-compose.yml");
    let text = std::fs::read_to_string(&file).expect("a compose file");
    let cleared = text.replace(
        "    entrypoint: [\"/bin/sh\", \"/start.sh\"]\n",
        "    entrypoint: [sh, -c, \"python3 -c \\\"import os, psycopg2; c = psycopg2.connect(os.environ['DATABASE_URL']); k = c.cursor(); k.execute('select count(*) from job'); n = k.fetchone()[0]; k.execute('delete from upload' if n else 'insert into job (said) values (1)'); c.commit()\\\"; exec /bin/sh /start.sh\"]\n",
    );
    assert_ne!(text, cleared);
    std::fs::write(&file, cleared).expect("written");
    let base = crate::reports();
    let finished = rehearse(&stacks::drill(&project, base.path()).await).await;
    demand(&finished, Verdict::Failed, "service.keeps-rows", Outcome::Failed, "public.upload");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_after_it_was_green_is_missed() {
    let project = stacks::project("anchors");
    let finished = struck(&project, Moment::ServiceGreen, |live| {
        Box::pin(async move {
            let worker = live.stack.container("sidekiq").await?;
            let killed = live.stack.engine().docker(["kill", &worker.id]).run().await?;
            killed.require(|| "cannot sabotage").map(drop)
        })
    });
    let finished = finished.await;
    demand(&finished, Verdict::Failed, "service.stays", Outcome::Failed, "sidekiq");
}
