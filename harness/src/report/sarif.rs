//! Findings as SARIF 2.1.0 (OASIS), for tools that show them beside the code.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::finding::{Finding, Place, Priority, Status};

/// The log of one run of the audit. Paths are below `folder`, the stack's, as the repository
/// has it; what has no place is put at the stack's compose file, since a result needs one. The address of
/// a service may stand for the folder: then that is the place.
#[must_use]
pub fn render(findings: &[Finding], folder: &str) -> Value {
    let mut rules = BTreeMap::new();
    for finding in findings {
        rules.entry(finding.id.as_str()).or_insert(finding);
    }
    let rules = rules.into_values().map(rule).collect::<Vec<_>>();
    let results = findings.iter().map(|finding| result(finding, folder)).collect::<Vec<_>>();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dr-drill audit",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "shortDescription": { "text": finding.title },
        "help": { "text": finding.remedy },
        "properties": { "requirement": finding.requirement },
    })
}

fn result(finding: &Finding, folder: &str) -> Value {
    let level = match finding.priority {
        Priority::P0 | Priority::P1 => "error",
        Priority::P2 => "warning",
        Priority::P3 => "note",
    };
    let mut result = json!({
        "ruleId": finding.id,
        "level": level,
        "message": { "text": format!("{}: {}. {}", finding.subject, finding.detail, finding.remedy) },
        "locations": [location(finding.place.as_ref(), folder)],
        "partialFingerprints": { "subject/v1": format!("{} {}", finding.id, finding.subject) },
        "properties": {
            "priority": finding.priority,
            "requirement": finding.requirement,
            "evidence": finding.evidence,
        },
    });
    if let Status::Resolved(reason) | Status::Accepted(reason) = &finding.status {
        let mut by = json!({ "kind": "external", "status": "accepted", "justification": reason });
        if let Some(decision) = &finding.decision {
            by["properties"] = json!({ "until": decision.until });
            if decision.place.is_some() {
                by["location"] = location(decision.place.as_ref(), folder);
            }
        }
        result["suppressions"] = json!([by]);
    }
    result
}

fn location(place: Option<&Place>, folder: &str) -> Value {
    let folder = folder.trim_end_matches('/');
    let (file, line) = match place {
        Some(place) if place.file.starts_with('/') => {
            let uri = format!("file://{}", place.file);
            return physical(&uri, place.line);
        }
        Some(place) => (place.file.as_str(), place.line),
        None if folder.contains("://") => return physical(folder, None),
        None => ("compose.yaml", None),
    };
    physical(&format!("{folder}/{file}"), line)
}

fn physical(uri: &str, line: Option<u32>) -> Value {
    let mut location = json!({ "physicalLocation": { "artifactLocation": { "uri": uri } } });
    if let Some(line) = line {
        location["physicalLocation"]["region"] = json!({ "startLine": line });
    }
    location
}
