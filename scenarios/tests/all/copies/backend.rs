//! The backend's own tests, run where it runs: in its image, against the copy's database server.

use harness::model::mode::Mode;
use scenarios::standing::Copy;

#[tokio::test(flavor = "multi_thread")]
async fn the_backends_own_tests_pass_in_its_container() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let copy = Copy::up(base.path(), Mode::Http).await;
    let stack = &copy.standing.sandbox.stack;
    let command = ["python", "manage.py", "test", "--noinput", "grading"];
    let command = stack.exec("backend", None, command).await.expect("a container");
    let output = command.timeout(std::time::Duration::from_secs(300)).run().await;
    let output = output.expect("it runs");
    assert!(output.succeeded(), "{}{}", output.text(), output.stderr);
    // That none was found is no success.
    assert!(!output.stderr.contains("Ran 0 tests"), "{}", output.stderr);
    copy.remove().await;
}
