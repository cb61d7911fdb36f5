//! What the entry answers without being asked anything in particular: the same requests before the
//! backup and after the restore, where nobody said which ones prove the service's health.

use std::time::Duration;

use super::Rehearsal;
use crate::drill::journal::first_of;
use crate::error::{Error, Result};
use crate::model::check::{Outcome, id};
use crate::model::not_proved::{Gap, NotProved};
use crate::visit::{self, Answering, Page, Round, Target, Walked};

/// Pause between two looks whether all services still run.
const LOOK: Duration = Duration::from_secs(2);

/// Pause between two attempts to connect.
const POLL: Duration = Duration::from_millis(200);

/// Differences that are named.
const NAMED: &str = "evidence/answers-before.json and answers.json have all";

impl Rehearsal<'_> {
    /// Waits until the entry answers, and takes down what it does. Nothing where it does not speak
    /// HTTP: then it is only seen to accept connections.
    ///
    /// # Errors
    /// Undecided when what it answers could not tell a service that works from one that does not.
    pub(super) async fn ask_before(&mut self) -> Result<Option<Round>> {
        let target = self.entry().await?;
        let answering = self.until_answering(&target, self.ready_limit());
        if let Answering::NotHttp(seen) = self.waiting(answering).await? {
            self.unasked(&seen);
            return Ok(None);
        }
        let rounds = async {
            let first = visit::walk(&target, visit::LIMIT).await?;
            let Walked::Round(first) = first else { return Ok(None) };
            let second = visit::again(&target, &first).await?;
            let Walked::Round(second) = second else { return Ok(None) };
            Ok::<_, Error>(Some(Round::settled(&first, &second)))
        };
        let Some(round) = self.waiting(rounds).await? else {
            self.unasked("it answered one request by HTTP, and another not");
            return Ok(None);
        };
        self.folder.write_json("evidence/answers-before.json", &round)?;
        round.proves().map_err(|why| {
            let entry = self.drill.config.service.entry.as_deref().unwrap_or_default();
            Error::undecided(format!("what {entry:?} answers before the backup proves nothing"))
                .because(why)
                .hint("name the host that it expects in drill.toml, [service] host, or requests as [[probe]]")
        })?;
        if !round.pages.values().any(Page::is_content) {
            let why = "every answer is a redirect or a refusal: what is behind was not seen";
            self.found.not_proved.push(NotProved::new(Gap::Answers, "", why));
        } else if round.pages.len() == 1 {
            let why = "a single address is all that the entry led to";
            self.found.not_proved.push(NotProved::new(Gap::Answers, "", why));
        }
        let pages = round.pages.len();
        self.journal.events.note(format!("asked the entry for {pages} addresses"));
        Ok(Some(round))
    }

    /// Waits until the entry answers again.
    pub(super) async fn answers_again(&self) -> Result<String> {
        let target = self.entry().await?;
        match self.waiting(self.until_answering(&target, super::GREEN_LIMIT)).await? {
            Answering::Http(status) => Ok(format!("GET / is answered, with {status}")),
            Answering::NotHttp(seen) => Ok(format!("it accepts connections ({seen})")),
        }
    }

    /// Waits until an entry that does not speak HTTP accepts connections again.
    pub(super) async fn opens_again(&self) -> Result<()> {
        let service = &self.drill.config.service;
        let entry = service.entry()?;
        let address = self.sandbox.stack.address(entry).await?;
        let connecting = async {
            while !address.is_open(service.port).await? {
                tokio::time::sleep(POLL).await;
            }
            Ok(())
        };
        let connected = tokio::time::timeout(super::GREEN_LIMIT, connecting);
        self.waiting(connected).await.unwrap_or_else(|_| {
            let (limit_s, port) = (super::GREEN_LIMIT.as_secs(), service.port);
            let what = format!("{entry:?} accepts no connection at port {port} within {limit_s} s");
            Err(Error::undecided(what))
        })
    }

    /// Asks again for what was asked for before, and judges what differs.
    pub(super) async fn ask_after(&mut self, before: Option<&Round>) -> Result<()> {
        let Some(before) = before else {
            if self.drill.is_adopted() {
                return self.ask_first().await;
            }
            for check in [id::ALIKE, id::NOT_EMPTY] {
                self.journal.report(check, Outcome::Skipped, "it does not speak HTTP");
            }
            return Ok(());
        };
        let target = self.entry().await?;
        let after = match self.waiting(visit::again(&target, before)).await {
            Ok(Walked::Round(after)) => after,
            Ok(Walked::NotHttp(seen)) => {
                let seen = format!("it answered by HTTP before, and does not now: {seen}");
                self.journal.judge(id::ALIKE, "", &[seen]);
                return Ok(());
            }
            Err(cause) => {
                self.journal.judge(id::ALIKE, "", &[cause.chain()]);
                return Ok(());
            }
        };
        self.folder.write_json("evidence/answers.json", &after)?;
        let differs = visit::compare(before, &after);
        let differs = differs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let pages = before.pages.len();
        let seen = format!("{pages} addresses are answered as before; {NAMED}");
        self.journal.judge(id::ALIKE, seen, &differs);
        self.hold_content(before, &after);
        Ok(())
    }

    /// Asks a service that nobody asked before the backup, which somebody else took.
    async fn ask_first(&mut self) -> Result<()> {
        let why = "nobody asked it before the backup: what it answers is held to nothing";
        self.journal.report(id::ALIKE, Outcome::Skipped, why);
        self.found.not_proved.push(NotProved::new(Gap::Answers, "", why));
        let target = self.entry().await?;
        let Walked::Round(round) = self.waiting(visit::walk(&target, visit::LIMIT)).await? else {
            self.journal.report(id::NOT_EMPTY, Outcome::Skipped, "it does not speak HTTP");
            return Ok(());
        };
        self.folder.write_json("evidence/answers.json", &round)?;
        let (outcome, detail) = match (round.proves(), visit::looks_empty(&round)) {
            (_, Some(empty)) => (Outcome::Failed, format!("it begins anew: {empty}")),
            (Err(why), None) => (Outcome::Undecided, why),
            (Ok(()), None) => {
                (Outcome::Passed, "no page of a service that is set up anew".to_owned())
            }
        };
        self.journal.report(id::NOT_EMPTY, outcome, detail);
        Ok(())
    }

    /// Tells a service with its content from one that begins anew.
    fn hold_content(&mut self, before: &Round, after: &Round) {
        if let Some(emptied) = visit::emptied(before, after) {
            self.journal.judge(id::NOT_EMPTY, "", &[emptied]);
        } else if let Some(empty) = visit::looks_empty(before) {
            let why = format!("it looked empty before the backup, too: {empty}");
            self.journal.report(id::NOT_EMPTY, Outcome::Skipped, &why);
            self.found.not_proved.push(NotProved::new(Gap::Answers, "", why));
        } else {
            self.journal.report(
                id::NOT_EMPTY,
                Outcome::Passed,
                "no page of a service that is set up anew",
            );
        }
    }

    /// Waits until the entry answers, or a service has ended: then nobody is waited for in vain.
    async fn until_answering(&self, target: &Target, limit: Duration) -> Result<Answering> {
        let ended = async {
            loop {
                tokio::time::sleep(LOOK).await;
                if let Some(ended) = self.sandbox.stack.ended().await? {
                    return Err::<Answering, _>(ended.into_error());
                }
            }
        };
        tokio::select! {
            answering = visit::until_answering(target, limit) => answering,
            ended = ended => ended,
        }
    }

    fn unasked(&mut self, seen: &str) {
        let why =
            format!("the entry does not speak HTTP ({seen}): it is seen to accept connections");
        self.found.not_proved.push(NotProved::new(Gap::Answers, "", first_of(&[why])));
    }

    async fn entry(&self) -> Result<Target> {
        let service = &self.drill.config.service;
        let address = self.sandbox.stack.address(service.entry()?).await?;
        let address = address.at(service.port).await?;
        Ok(Target { address, host: service.host.clone(), tls: false })
    }
}
