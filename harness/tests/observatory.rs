//! Our grader against results observed from the MDN HTTP Observatory.
//!
//! Every case of `vectors/observatory.json` says what a site sends and what the
//! Observatory concludes. What a case leaves out is filled in as the Observatory's own
//! tests do it: `mozilla.org`, a good redirect, an empty page, trusted certificates.

use harness::audit::observatory::{
    Headers, Hop, Landing, Preflight, PreloadEntry, Site, Test, csp, evaluate,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

/// What a site sends, and what the Observatory concludes.
#[derive(Deserialize)]
struct Case {
    name: String,
    /// The test that `expect` speaks of; none if it speaks of the whole site.
    test: Option<String>,
    headers: Vec<(String, String)>,
    https: bool,
    #[serde(default = "mozilla")]
    site: String,
    #[serde(default = "success")]
    status: u16,
    #[serde(default)]
    body: String,
    #[serde(default = "good_redirect")]
    redirects: Vec<(String, u16)>,
    /// `null` if nothing listens on plain HTTP.
    #[serde(default = "present")]
    http_response: Value,
    #[serde(default = "trusted")]
    cert_verified: bool,
    request_origin: Option<String>,
    /// Lines of `host mode flag…`.
    #[serde(default)]
    preload_list: Vec<String>,
    expect: Map<String, Value>,
    /// Facts about the content security policy.
    policy: Option<Value>,
}

fn mozilla() -> String {
    "mozilla.org".to_owned()
}

fn success() -> u16 {
    200
}

fn good_redirect() -> Vec<(String, u16)> {
    let hop = |address: &str, status| (address.to_owned(), status);
    vec![
        hop("http://mozilla.org/", 301),
        hop("https://mozilla.org/", 301),
        hop("https://www.mozilla.org/", 200),
    ]
}

fn present() -> Value {
    Value::Bool(true)
}

fn trusted() -> bool {
    true
}

impl Case {
    fn site(&self) -> Site {
        let mut headers = self.headers.clone();
        if Headers::new(headers.clone()).value("content-type").is_none() {
            headers.push(("Content-Type".to_owned(), "text/html".to_owned()));
        }
        let headers = Headers::new(headers);
        let landing = |scheme: &str| Landing {
            url: Url::parse(&format!("{scheme}://{}/", self.site)).expect("a host"),
            status: self.status,
            headers: headers.clone(),
            body: self.body.clone(),
            verified: self.cert_verified,
            cookies_on_the_way: Vec::new(),
        };
        let hops = self.redirects.iter().map(|(url, status)| Hop {
            url: Url::parse(url).expect("an address"),
            status: *status,
        });
        Site {
            host: self.site.clone(),
            https: self.https.then(|| landing("https")),
            http: (!self.http_response.is_null()).then(|| landing("http")),
            http_route: hops.collect(),
            preflight: Some(Preflight {
                origin: self.request_origin.clone(),
                headers: headers.clone(),
            }),
            preload: self.preload_list.iter().map(|line| preload_entry(line)).collect(),
        }
    }

    /// What our grader concludes, under the names that cases use.
    fn got(&self) -> Map<String, Value> {
        let site = self.site();
        let mut got = Map::new();
        let test = Test::ALL.iter().find(|test| Some(test.name()) == self.test.as_deref());
        if let Some(test) = test {
            let result = test.judge(&site);
            got.insert("result".to_owned(), result.result.name().into());
            got.insert("pass".to_owned(), result.pass.into());
            got.insert("modifier".to_owned(), result.modifier.into());
        }
        if let Ok(report) = evaluate(&site) {
            got.insert("score".to_owned(), report.score.into());
            got.insert("grade".to_owned(), report.grade.into());
        }
        let facts = serde_json::to_value(csp::analyse(&site).facts).expect("facts serialise");
        got.insert("policy".to_owned(), facts);
        got
    }

    /// One line for each expectation that our grader does not meet.
    fn disagreements(&self) -> Vec<String> {
        let got = self.got();
        let policy = self.policy.iter().map(|policy| ("policy", policy));
        let expected: Vec<_> =
            self.expect.iter().map(|(key, value)| (key.as_str(), value)).chain(policy).collect();
        if expected.is_empty() {
            return vec![format!("{}: expects nothing", self.name)];
        }
        expected
            .into_iter()
            .filter(|(key, want)| got.get(*key) != Some(*want))
            .map(|(key, want)| {
                let got = got.get(key).map_or("nothing".to_owned(), Value::to_string);
                format!("{}: {key}: expected {want}, got {got}", self.name)
            })
            .collect()
    }
}

fn preload_entry(line: &str) -> PreloadEntry {
    let mut words = line.split_whitespace();
    PreloadEntry {
        name: words.next().expect("a host").to_owned(),
        force_https: words.next() == Some("force-https"),
        include_subdomains: words.any(|flag| flag == "includeSubDomains"),
    }
}

#[test]
fn observatory_vectors_all_agree() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/observatory.json");
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("the vectors parse");
    assert!(!cases.is_empty(), "{path} has no case");
    let disagreeing: Vec<_> =
        cases.iter().map(Case::disagreements).filter(|lines| !lines.is_empty()).collect();
    assert!(
        disagreeing.is_empty(),
        "{} of {} cases disagree:\n{}",
        disagreeing.len(),
        cases.len(),
        disagreeing.concat().join("\n")
    );
    println!("{0}/{0} cases agree", cases.len());
}
