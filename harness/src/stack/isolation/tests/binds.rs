use super::*;

/// A folder with a stack's folder `app` in it, and what is in that.
fn stack(folders: &[&str], files: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let app = dir.path().canonicalize().expect("there").join("app");
    fs::create_dir(&app).expect("created");
    for folder in folders {
        fs::create_dir_all(app.join(folder)).expect("created");
    }
    for file in files {
        fs::write(app.join(file), "x").expect("written");
    }
    (dir, app)
}

fn mounts(sealed: &SealedStack, service: &str) -> Value {
    sealed.file["services"][service]["volumes"].clone()
}

fn volume(name: &str, target: &str) -> Value {
    json!({ "type": "volume", "source": name, "target": target, "volume": { "nocopy": true } })
}

#[test]
fn a_folder_that_is_written_to_becomes_a_volume_that_is_filled_from_it() {
    let (_dir, app) = stack(&["data"], &[]);
    let long = json!({ "type": "bind", "source": "./data", "target": "/t",
        "bind": { "create_host_path": true, "propagation": "rshared", "selinux": "z" } });
    for (mount, expected) in [
        (json!("./data:/t"), json!("bind-data:/t:nocopy")),
        (json!("./data:/t:rw,Z"), json!("bind-data:/t:nocopy")),
        (long, volume("bind-data", "/t")),
    ] {
        let config = with("volumes", &json!([mount]));
        let sealed = sealed(&config, &app);
        assert_eq!(mounts(&sealed, "s"), json!([expected]));
        assert_eq!(sealed.volumes["bind-data"], "p_bind-data");
        assert_eq!(sealed.file["volumes"]["bind-data"]["labels"]["dr-drill.run"], "r1");
        let fill =
            Fill { volume: "bind-data".to_owned(), from: app.join("data"), apart: Vec::new() };
        assert_eq!(sealed.fills, [fill]);
        let changes = allowed(&config, &app).expect("can be sealed").changes().to_vec();
        assert!(changes.iter().any(|it| it.key == "volumes" && it.reason.contains("filled")));
    }
}

#[test]
fn a_folder_is_one_volume_by_whatever_path_and_for_whoever_reads_it() {
    let (_dir, app) = stack(&["media"], &[]);
    symlink("media", app.join("link")).expect("linked");
    let mut config = with("volumes", &json!(["./media:/app/media"]));
    config["services"]["other"]["volumes"] = json!(["../app/link:/media:ro"]);
    let sealed = sealed(&config, &app);
    assert_eq!(mounts(&sealed, "s"), json!(["bind-media:/app/media:nocopy"]));
    assert_eq!(mounts(&sealed, "other"), json!(["bind-media:/media:ro,nocopy"]));
    assert_eq!(sealed.fills.len(), 1);
}

#[test]
fn a_folder_that_is_only_read_stays() {
    let (_dir, app) = stack(&["conf"], &[]);
    let sealed = sealed(&with("volumes", &json!(["./conf:/conf:ro"])), &app);
    assert_eq!(mounts(&sealed, "s"), json!(["./conf:/conf:ro"]));
    assert_eq!((sealed.fills, sealed.files), (Vec::new(), Vec::new()));
}

#[test]
fn a_folder_within_another_has_a_volume_that_is_seen_in_both() {
    let (_dir, app) = stack(&["data/db", "data/media"], &[]);
    let mut config = with("volumes", &json!([".:/code"]));
    config["services"]["other"]["volumes"] = json!(["./data/db:/var/lib/db"]);
    config["services"]["proxy"] = json!({ "image": "z", "volumes": ["./data/media:/media:ro"] });
    let sealed = sealed(&config, &app);
    assert_eq!(mounts(&sealed, "other"), json!(["bind-data-db:/var/lib/db:nocopy"]));
    // What is only read lies where another service writes.
    assert_eq!(mounts(&sealed, "proxy"), json!(["bind-data-media:/media:ro,nocopy"]));
    let expected = json!([
        "bind-stack:/code:nocopy",
        volume("bind-data-db", "/code/data/db"),
        volume("bind-data-media", "/code/data/media"),
    ]);
    assert_eq!(mounts(&sealed, "s"), expected);
    let whole = sealed.fills.iter().find(|fill| fill.volume == "bind-stack").expect("a fill");
    assert_eq!(whole.apart, [Path::new("data/db"), Path::new("data/media")]);
}

#[test]
fn a_folder_within_one_that_is_read_hides_the_original_there() {
    let (_dir, app) = stack(&["data"], &[]);
    let mut config = with("volumes", &json!([".:/code:ro", "./data:/code/data"]));
    config["services"]["other"]["volumes"] = json!([".:/src:ro"]);
    let sealed = sealed(&config, &app);
    assert_eq!(mounts(&sealed, "s"), json!([".:/code:ro", "bind-data:/code/data:nocopy"]));
    let mut inner = volume("bind-data", "/src/data");
    inner["read_only"] = json!(true);
    assert_eq!(mounts(&sealed, "other"), json!([".:/src:ro", inner]));
}

#[test]
fn a_folder_that_is_not_there_is_an_empty_volume() {
    let (_dir, app) = stack(&[], &[]);
    let sealed = sealed(&with("volumes", &json!(["./a/b:/t"])), &app);
    assert_eq!(mounts(&sealed, "s"), json!(["bind-a-b:/t:nocopy"]));
    assert_eq!(sealed.fills, []);
}

#[test]
fn names_of_volumes_differ_where_paths_read_alike() {
    let (dir, app) = stack(&["my data", "my-data"], &[]);
    let outside = dir.path().join("other");
    fs::create_dir(&outside).expect("created");
    let mut config = with("volumes", &json!(["./my data:/a", "./my-data:/b", "../other:/c"]));
    config["volumes"]["bind-my-data"] = Value::Null;
    let sealed = sealed(&config, &app);
    let volumes = sealed.volumes.keys().map(String::as_str).collect::<Vec<_>>();
    assert!(volumes.contains(&"bind-my-data-2") && volumes.contains(&"bind-my-data-3"));
    assert_eq!(volumes.len(), 5, "{volumes:?}");
    let whole = sealed.fills.iter().find(|fill| fill.from.ends_with("other")).expect("a fill");
    assert!(whole.volume.ends_with("-other") && whole.volume != "bind-other", "{whole:?}");
}

#[test]
fn what_opens_the_host_is_refused_though_it_would_be_copied() {
    let (_dir, app) = stack(&["data"], &[]);
    symlink("/var/run/docker.sock", app.join("engine")).expect("linked");
    symlink("nowhere", app.join("dangling")).expect("linked");
    let _socket = std::os::unix::net::UnixListener::bind(app.join("app.socket")).expect("bound");
    for source in ["/", "/var", "/sys/fs", "/dev/dri", "./engine", "./app.socket", "./dangling"] {
        let config = with("volumes", &json!([format!("{source}:/t")]));
        let error = allowed(&config, &app).expect_err(source);
        assert!(error.to_string().contains(&format!("volumes {source}")), "{error}");
        assert!(error.next_step().is_some_and(|hint| hint.contains("--without s")), "{error:?}");
    }
    // Nobody listens at the copy of a socket.
    let _inside = std::os::unix::net::UnixListener::bind(app.join("data/x")).expect("bound");
    assert!(allowed(&with("volumes", &json!(["./data:/t"])), &app).is_ok());
    assert!(allowed(&with("volumes", &json!(["./data:/t:ro"])), &app).is_err());
}

#[test]
fn a_file_is_copied_and_shared_and_known_to_be_written() {
    let (_dir, app) = stack(&[], &["a.db", "nginx.conf"]);
    let mut config = with("volumes", &json!(["./a.db:/a.db", "./nginx.conf:/n.conf:ro"]));
    config["services"]["other"]["volumes"] =
        json!([{ "type": "bind", "source": "a.db", "target": "/b", "read_only": true }]);
    let sealed = sealed(&config, &app);
    let copies = ["a.db", "nginx.conf"].map(|name| copy_of(&app.join(name)));
    let expected = json!([format!("{}:/a.db", copies[0]), format!("{}:/n.conf:ro", copies[1])]);
    assert_eq!(mounts(&sealed, "s"), expected);
    assert_eq!(mounts(&sealed, "other")[0]["source"], copies[0]);
    let written = sealed.files.iter().map(|file| (file.to.display().to_string(), file.is_written));
    let [database, conf] = copies;
    assert_eq!(written.collect::<BTreeMap<_, _>>(), [(database, true), (conf, false)].into());
    let changes = allowed(&config, &app).expect("can be sealed").changes().to_vec();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].reason.contains("a file of its own"), "{changes:?}");
}

#[test]
fn a_stack_without_volumes_can_be_sealed() {
    let sealed = sealed(&json!({ "services": { "s": { "image": "x" } } }), Path::new("/"));
    assert_eq!((sealed.volumes.len(), sealed.fills.len(), sealed.files.len()), (0, 0, 0));
    assert_eq!(sealed.file["volumes"], json!({}));
}
