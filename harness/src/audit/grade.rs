//! The Observatory's grade as findings: what costs points, and a grade below A.

use super::observatory::{Report, Ungraded};
use crate::model::finding::{Finding, Priority, Status};

/// Judges the grade of a site over TLS. Over plain HTTP alone no site gets a good one.
#[must_use]
pub fn judge(graded: &Result<Report, Ungraded>) -> Vec<Finding> {
    let found = |id: &str, priority, subject: String, detail: String| Finding {
        id: format!("observatory.{id}"),
        requirement: "FR-2".to_owned(),
        priority,
        status: Status::Open,
        title: "what the MDN HTTP Observatory marks down".to_owned(),
        subject,
        detail,
        place: None,
        remedy: "see the finding on the header itself, which names the line".to_owned(),
        patch: None,
        decision: None,
        evidence: Vec::new(),
    };
    match graded {
        Err(cause) => {
            vec![found("grade", Priority::P1, "the landing page".to_owned(), cause.to_string())]
        }
        Ok(report) => {
            let lost = report.tests.iter().filter(|test| test.modifier < 0);
            let lost = lost.map(|test| {
                let detail = format!("{} points: {}", test.modifier, test.result.meaning());
                found("test", Priority::P2, test.test.name().to_owned(), detail)
            });
            let low = !matches!(report.grade, "A+" | "A");
            let low = low.then(|| {
                let detail = format!("{} with {} points", report.grade, report.score);
                found("grade", Priority::P1, "the landing page".to_owned(), detail)
            });
            lost.chain(low).collect()
        }
    }
}
