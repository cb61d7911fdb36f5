//! Backups that want to do something else: none of it is done. Files beside and a port that listens
//! would show it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use scenarios::turn::Fixture;

use super::{Source, run, text};

/// Everything that a script can try. `PORT` and `CANARY` are filled in.
const SCRIPT: &str = r"--
-- PostgreSQL database dump
--

-- Dumped from database version 15.8

\! touch CANARY-shell
CREATE TABLE public.t (id int, v text);
COPY public.t FROM PROGRAM 'touch CANARY-program; echo 1';
COPY public.t TO PROGRAM 'cat > CANARY-to-program';
\copy public.t from program 'touch CANARY-copy'
SELECT 1 \g |touch CANARY-g
\o |touch CANARY-o
CREATE FUNCTION public.on_event() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch CANARY-event'; END $$;
CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION public.on_event();
CREATE EXTENSION dblink SCHEMA public;
SELECT public.dblink_connect('host=GATEWAY port=PORT connect_timeout=2 password=x user=x');
CREATE FUNCTION public.later() RETURNS int VOLATILE LANGUAGE plpgsql AS
    $$ BEGIN COPY (SELECT 1) TO PROGRAM 'touch CANARY-index'; RETURN 1;
       EXCEPTION WHEN OTHERS THEN RETURN 0; END $$;
CREATE FUNCTION public.pure(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    $$ BEGIN PERFORM public.later(); RETURN 1; END $$;
INSERT INTO public.t VALUES (1, 'a');
CREATE INDEX i ON public.t ((id + public.pure(1)));
ALTER TABLE public.t ADD CHECK (public.pure(id) = 1) NOT VALID;
SELECT pg_read_file('/etc/passwd');
SELECT lo_import('/etc/passwd');
SET ROLE dr_drill;
GRANT SELECT ON public.t TO dr_drill;
GRANT SELECT ON public.t TO pg_execute_server_program;
SET ROLE pg_execute_server_program;
COPY public.t FROM PROGRAM 'touch CANARY-granted; echo 1';
ALTER TABLE public.t OWNER TO dr_drill;
ALTER ROLE dr_drill_restore SUPERUSER -- OWNER TO app;
;

--
-- PostgreSQL database dump complete
--

";

#[test]
fn a_script_that_wants_to_run_programs_runs_none() {
    let source = Source::new();
    // In a folder that everybody may write to, on this host and in the sandbox.
    let canaries = tempfile::Builder::new().prefix("canary").tempdir_in("/tmp").expect("made");
    run("chmod", &["1777", text(canaries.path())]);
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let port = listener.local_addr().expect("bound").port().to_string();
    let canary = canaries.path().join("c");
    let script = SCRIPT.replace("CANARY", text(&canary)).replace("PORT", &port);
    let hostile = source.path("hostile.sql");
    fs::write(&hostile, script.replace("GATEWAY", "172.17.0.1")).expect("written");
    let named = source.verify(1, &[&hostile, &source.globals()], &[]);
    named.names(&["the script has a command of psql's own", "the backup tries to run a program"]);
    assert!(fs::read_dir(canaries.path()).expect("there").next().is_none(), "a canary is there");
    assert!(listener.accept().is_err(), "somebody connected");
}

#[test]
fn an_archive_that_leaves_its_root_is_refused_and_nothing_is_unpacked() {
    let _turn = scenarios::turn::take(Fixture::Host);
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, member, kind) in [
        ("up.tar", "../escaped", tar::EntryType::Regular),
        ("absolute.tar", "/tmp/escaped", tar::EntryType::Regular),
        ("device.tar", "null", tar::EntryType::Char),
        ("link.tar", "out", tar::EntryType::Symlink),
    ] {
        let path = folder.path().join(name);
        write(&path, member, kind);
        let runs = folder.path().join("runs");
        let args = ["verify", text(&path), "--report", text(&runs), "--format", "json"];
        let named = scenarios::xtask::answer(scenarios::xtask::xtask(&args), 1);
        named.names(&["backup.whole", name]);
    }
    assert!(!Path::new("/tmp/escaped").exists());
    assert!(!folder.path().join("../escaped").exists());
}

/// An archive with one member whose name no library would write.
fn write(path: &Path, member: &str, kind: tar::EntryType) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(if kind == tar::EntryType::Regular { 4 } else { 0 });
    header.set_mode(0o644);
    if kind == tar::EntryType::Symlink {
        header.set_link_name("../../etc/passwd").expect("a link");
    }
    let name = &mut header.as_old_mut().name;
    name[..member.len()].copy_from_slice(member.as_bytes());
    header.set_cksum();
    let file = fs::File::create(path).expect("made");
    let mut archive = tar::Builder::new(file);
    let content: &[u8] = if kind == tar::EntryType::Regular { b"acts" } else { b"" };
    archive.append(&header, content).expect("written");
    archive.finish().expect("ended");
}
