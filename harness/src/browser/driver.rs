//! The few commands of `WebDriver` (W3C, level 2) that a visit takes, and two of chromedriver: one
//! gives the console's lines, one has a script run in every document.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::error::{Attempt, Error, Result};
use crate::model::observed::Complaint;

/// One command: chromedriver answers when a page has been loaded.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(90);
/// From the container's start to a driver that is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Name under which an element's reference is given (W3C `WebDriver`, 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser's session.
#[derive(Debug)]
pub(super) struct Driver {
    client: Client,
    session: String,
}

impl Driver {
    /// Begins a session when the driver at an address is ready.
    pub(super) async fn begin(address: &str, arguments: &[String]) -> Result<Self> {
        // Not through a proxy of this host: the address is the sandbox's.
        let client = Client::builder().no_proxy().timeout(COMMAND_TIMEOUT).build();
        let client = client.attempt(|| "cannot set up a client")?;
        let started = Instant::now();
        loop {
            let asked = client.get(format!("{address}/status")).send().await;
            let ready = match asked {
                Ok(answer) => {
                    answer.json::<Value>().await.is_ok_and(|it| it["value"]["ready"] == true)
                }
                Err(_) => false,
            };
            if ready {
                break;
            }
            if started.elapsed() > READY_TIMEOUT {
                return Err(Error::undecided(format!(
                    "the browser's driver is not ready within {} s",
                    READY_TIMEOUT.as_secs()
                )));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let mut driver = Self { client, session: format!("{address}/session") };
        let begun = driver.send(Method::POST, "", &wanted).await?;
        let id = begun["sessionId"].as_str().unwrap_or_default();
        driver.session = format!("{address}/session/{id}");
        Ok(driver)
    }

    /// Has a script run in every document from now on, before those of the page.
    pub(super) async fn inject(&self, script: &str) -> Result<()> {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        let body = json!({ "cmd": command, "params": { "source": script } });
        self.send(Method::POST, "/goog/cdp/execute", &body).await.map(drop)
    }

    pub(super) async fn open(&self, url: &str) -> Result<()> {
        self.send(Method::POST, "/url", &json!({ "url": url })).await.map(drop)
    }

    pub(super) async fn url(&self) -> Result<String> {
        let url = self.send(Method::GET, "/url", &Value::Null).await?;
        Ok(url.as_str().unwrap_or_default().to_owned())
    }

    pub(super) async fn click(&self, selector: &str) -> Result<()> {
        let element = self.element(selector).await?;
        self.send(Method::POST, &format!("{element}/click"), &json!({})).await.map(drop)
    }

    /// Types into a field, or names the file of one that takes files.
    pub(super) async fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.element(selector).await?;
        let text = json!({ "text": text });
        self.send(Method::POST, &format!("{element}/value"), &text).await.map(drop)
    }

    /// The text of an element that is displayed; nothing if none is.
    pub(super) async fn displayed(&self, selector: &str) -> Result<Option<String>> {
        let Ok(element) = self.element(selector).await else { return Ok(None) };
        // An element may go with its page between the questions.
        let shown = self.send(Method::GET, &format!("{element}/displayed"), &Value::Null).await;
        if !shown.is_ok_and(|shown| shown == true) {
            return Ok(None);
        }
        let text = self.send(Method::GET, &format!("{element}/text"), &Value::Null).await;
        Ok(text.ok().map(|text| text.as_str().unwrap_or_default().to_owned()))
    }

    /// The page as it is seen, as PNG.
    pub(super) async fn screenshot(&self) -> Result<Vec<u8>> {
        let shot = self.send(Method::GET, "/screenshot", &Value::Null).await?;
        let shot = STANDARD.decode(shot.as_str().unwrap_or_default());
        shot.attempt(|| "cannot read the browser's screenshot")
    }

    /// What the console said since it was asked last.
    pub(super) async fn console(&self) -> Result<Vec<Complaint>> {
        let lines = self.send(Method::POST, "/se/log", &json!({ "type": "browser" })).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let lines = lines.as_array().into_iter().flatten().map(|line| Complaint {
            level: text(&line["level"]),
            source: text(&line["source"]),
            text: text(&line["message"]),
        });
        Ok(lines.collect())
    }

    async fn element(&self, selector: &str) -> Result<String> {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.send(Method::POST, "/element", &wanted).await?;
        Ok(format!("/element/{}", found[ELEMENT].as_str().unwrap_or_default()))
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let what = || format!("the browser did not do {method} {path}");
        let request = self.client.request(method.clone(), format!("{}{path}", self.session));
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await.attempt(what)?;
        let succeeded = answer.status().is_success();
        let mut answer = answer.json::<Value>().await.attempt(what)?;
        if succeeded {
            return Ok(answer["value"].take());
        }
        let cause = answer["value"]["message"].as_str().unwrap_or("it gave no reason");
        Err(Error::undecided(what()).because(cause.lines().next().unwrap_or_default().to_owned()))
    }
}
