//! A service like the one under drill, in small: session login with CSRF, an upload whose
//! pages are counted later, and one document that only its owner may read.

use std::sync::atomic::{AtomicU32, Ordering};

use super::server::{Reply, Request, Server, json, text};

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const DOCUMENT: &[u8] = b"%PDF-1.4 the restored document";
pub(crate) const SESSION: &str = "s3ss10n-0f-the-teacher";
pub(crate) const TOKEN: &str = "csrf-t0ken-0f-the-teacher";

/// Starts it. The pages of an upload are counted at the third look.
pub(crate) async fn start() -> Server {
    let looks = AtomicU32::new(0);
    Server::start(move |request| answer(request, &looks)).await
}

fn answer(request: &Request, looks: &AtomicU32) -> Reply {
    let cookies = request.header("cookie");
    let logged_in = cookies.contains(&format!("sessionid={SESSION}"));
    let forged = request.header("x-csrftoken") != TOKEN
        || !cookies.contains(&format!("csrftoken={TOKEN}"))
        || request.header("origin") != "http://service.test";
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/csrf/") => {
            let cookie = format!("csrftoken={TOKEN}; Path=/; SameSite=Lax");
            Reply::Answer(204, vec![("Set-Cookie", cookie)], Vec::new())
        }
        ("POST", _) if forged => json(403, r#"{"detail":"CSRF failed"}"#),
        ("POST", "/login/") if request.text().contains(PASSWORD) => {
            let cookie = format!("sessionid={SESSION}; Path=/; HttpOnly");
            let headers =
                vec![("Set-Cookie", cookie), ("Content-Type", "application/json".to_owned())];
            Reply::Answer(200, headers, br#"{"username":"mme.curie"}"#.to_vec())
        }
        ("POST", "/login/") => {
            json(400, &format!(r#"{{"detail":"no","got":{:?}}}"#, request.text()))
        }
        _ if !logged_in => json(403, r#"{"detail":"log in"}"#),
        ("GET", "/me/") => json(200, r#"{"id":7,"username":"mme.curie","token":"never shown"}"#),
        ("GET", "/copies/17/file/") => {
            let headers = vec![("Content-Type", "application/pdf".to_owned())];
            Reply::Answer(200, headers, DOCUMENT.to_vec())
        }
        ("POST", "/copies/") => json(201, r#"{"id":18,"page_count":null}"#),
        ("GET", "/copies/18/") if looks.fetch_add(1, Ordering::Relaxed) < 2 => {
            json(200, r#"{"id":18,"page_count":null}"#)
        }
        ("GET", "/copies/18/") => json(200, r#"{"id":18,"page_count":2}"#),
        _ => text(404, "nothing here"),
    }
}
