//! SARIF against OASIS's own schema (`sarif-2.1/schema/sarif-schema-2.1.0.json` of
//! oasis-tcs/sarif-spec, unchanged in `schemas/`).

use boon::{Compiler, SchemaIndex, Schemas};
use harness::model::finding::{Decision, Finding, Place, Priority, Status};
use harness::report::sarif;
use serde_json::{Value, json};

fn schema() -> (Schemas, SchemaIndex) {
    let text = include_str!("schemas/sarif-2.1.0.json");
    let schema = serde_json::from_str::<Value>(text).expect("JSON");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("sarif.json", schema).expect("a schema");
    let index = compiler.compile("sarif.json", &mut schemas).expect("it compiles");
    (schemas, index)
}

fn decided() -> Finding {
    let place = Place { file: "drill.toml".to_owned(), line: Some(9) };
    let decision = Decision { until: Some("2027-01-31".to_owned()), place: Some(place) };
    Finding {
        decision: Some(decision),
        ..finding(Priority::P1, Status::Accepted("the old portal".to_owned()), None)
    }
}

fn finding(priority: Priority, status: Status, place: Option<Place>) -> Finding {
    Finding {
        id: "headers.missing".to_owned(),
        requirement: "FR-2.5".to_owned(),
        priority,
        status,
        title: "a security header is not there".to_owned(),
        subject: "X-Frame-Options on GET / → 200 (https)".to_owned(),
        detail: "neither nginx nor Django sends it".to_owned(),
        place,
        remedy: "send it".to_owned(),
        patch: None,
        decision: None,
        evidence: vec!["no X-Frame-Options".to_owned()],
    }
}

fn log() -> Value {
    let place = |file: &str, line| Some(Place { file: file.to_owned(), line });
    let accepted = Status::Accepted("kept by decision".to_owned());
    sarif::render(
        &[
            finding(Priority::P0, Status::Open, place("proxy/conf/site.conf", Some(7))),
            finding(Priority::P1, accepted, place("/run/nginx/hosts.conf", Some(1))),
            finding(Priority::P2, Status::Open, None),
            finding(Priority::P3, Status::Resolved("seen".to_owned()), place("a.py", None)),
            decided(),
        ],
        "compose/",
    )
}

#[test]
fn a_log_is_what_the_schema_asks_for() {
    let (schemas, index) = schema();
    schemas.validate(&log(), index).unwrap_or_else(|cause| panic!("{cause:#}"));
    schemas.validate(&sarif::render(&[], "compose"), index).expect("no findings are a log too");
    let mut broken = log();
    broken["runs"][0]["results"][0]["level"] = json!("fatal");
    assert!(schemas.validate(&broken, index).is_err(), "the schema lets anything pass");
}

#[test]
fn a_result_has_its_level_its_line_and_its_suppression() {
    let log = log();
    let results = &log["runs"][0]["results"];
    let levels = [0, 1, 2, 3].map(|at| results[at]["level"].as_str().expect("a level"));
    assert_eq!(levels, ["error", "error", "warning", "note"]);
    let at = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(at["artifactLocation"]["uri"], "compose/proxy/conf/site.conf");
    assert_eq!(at["region"]["startLine"], 7);
    assert_eq!(results[1]["suppressions"][0]["justification"], "kept by decision");
    assert_eq!(results[0]["suppressions"], Value::Null);
    let decision = &results[4]["suppressions"][0];
    assert_eq!(decision["justification"], "the old portal");
    assert_eq!(decision["properties"]["until"], "2027-01-31");
    assert_eq!(decision["location"]["physicalLocation"]["region"]["startLine"], 9);
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(1));
}
