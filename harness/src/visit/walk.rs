//! Rounds of requests: the first finds what to ask, every later one asks the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::fetch::{Answer, Unanswered, Visitor};
use super::harmless::is_harmless;
use super::{Page, Round, Target, first_run};
use crate::error::{Error, Result};

/// Requests of one round, unless another number is asked for.
pub const LIMIT: usize = 40;

/// Redirects of one request that are asked for in a later round, which finds no links.
const HOPS_MAX: usize = 5;

/// A round that takes longer asks for no more; what is left counts as unanswered.
const ROUND_TIMEOUT: Duration = Duration::from_secs(120);

/// What came of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Walked {
    /// The entry speaks HTTP.
    Round(Round),
    /// It accepts connections and speaks something else: what was seen.
    NotHttp(String),
}

/// What a look at a service saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// It speaks HTTP.
    Answers {
        /// The round.
        round: Round,
        /// Each answer with its lines, in the order in which they came.
        answers: Vec<Answered>,
        /// Addresses that it leads to and nobody asked for.
        left: usize,
    },
    /// It accepts connections and speaks something else: what was seen.
    NotHttp(String),
}

/// An answer, for whoever looks at its header lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Path and query.
    pub path: String,
    /// Status.
    pub status: u16,
    /// Name and value of each header line; lines of one name in their order.
    pub lines: Vec<(String, String)>,
}

struct Walk {
    visitor: Visitor,
    round: Round,
    answers: Vec<Answered>,
    seen: BTreeSet<String>,
    pages: VecDeque<String>,
    assets: VecDeque<String>,
    /// Where redirects on the same host lead to, with their queries.
    leads: BTreeMap<String, String>,
    deadline: Instant,
}

/// Asks for `/` and, breadth first, for what is linked on the same host: at most `limit` requests,
/// all of them GET, none that its words call a deed. The order is the pages' own.
///
/// # Errors
///
/// If the host is no name, or `/` has no answer.
pub async fn walk(target: &Target, limit: usize) -> Result<Walked> {
    let mut walk = match start(target, "/", false, true).await? {
        Ok(walk) => walk,
        Err(seen) => return Ok(Walked::NotHttp(seen)),
    };
    walk.explore(limit).await;
    walk.tells().await;
    Ok(Walked::Round(walk.round))
}

/// The same from any address on, with the header lines of every answer. A service that insists on
/// HTTPS is told that a proxy was asked over it only where that is `sealed` off from clients.
///
/// # Errors
///
/// If the host is no name, or the first address has no answer.
pub async fn look(target: &Target, first: &str, limit: usize, sealed: bool) -> Result<Looked> {
    let mut walk = match start(target, first, false, sealed).await? {
        Ok(walk) => walk,
        Err(seen) => return Ok(Looked::NotHttp(seen)),
    };
    walk.explore(limit).await;
    let left = walk.pages.len() + walk.assets.len();
    Ok(Looked::Answers { round: walk.round, answers: walk.answers, left })
}

/// Asks for what `before` was asked for, and for what redirects now lead to.
///
/// # Errors
///
/// If the host is no name, or `/` has no answer.
pub async fn again(target: &Target, before: &Round) -> Result<Walked> {
    let mut walk = match start(target, "/", before.forwarded, !before.forwarded).await? {
        Ok(walk) => walk,
        Err(seen) => return Ok(Walked::NotHttp(seen)),
    };
    for path in before.pages.keys().chain(before.unanswered.keys()) {
        walk.follow(path.clone()).await;
    }
    walk.follow("/".to_owned()).await;
    // A service that was emptied may be asked what the full one was not.
    walk.tells().await;
    Ok(Walked::Round(walk.round))
}

/// Asks for the first address, the one request that must be answered. Whoever may `upgrade` tells a
/// service that insists on HTTPS that it was asked over it. The inner error is what was seen of a
/// service that does not speak HTTP.
async fn start(
    target: &Target,
    first: &str,
    forwarded: bool,
    upgrade: bool,
) -> Result<Result<Walk, String>> {
    let mut visitor = Visitor::new(target)?;
    visitor.forwarded = forwarded;
    let mut answer = visitor.get(first).await;
    if let Ok(Answer { here, location: Some(location), .. }) = &answer
        && here.is_upgrade(location)
        && upgrade
    {
        visitor.forwarded = true;
        answer = match visitor.get(first).await {
            Ok(again) if !again.location.as_ref().is_some_and(|it| here.is_upgrade(it)) => {
                Ok(again)
            }
            _ => {
                visitor.forwarded = false;
                answer
            }
        };
    }
    let answer = match answer {
        Ok(answer) => answer,
        Err(Unanswered::NotHttp(seen) | Unanswered::Closed(seen)) => return Ok(Err(seen)),
        Err(other) => {
            let message = format!("{} does not answer GET {first}", target.shown());
            return Err(Error::undecided(message)
                .because(other.reason())
                .hint("the log of the service says whether it is still starting"));
        }
    };
    let round = Round { forwarded: visitor.forwarded, ..Round::default() };
    let mut walk = Walk {
        visitor,
        round,
        answers: Vec::new(),
        seen: [first.to_owned()].into(),
        pages: VecDeque::new(),
        assets: VecDeque::new(),
        leads: BTreeMap::new(),
        deadline: Instant::now() + ROUND_TIMEOUT,
    };
    walk.note(first, &answer);
    Ok(Ok(walk))
}

impl Walk {
    /// Asks for what is linked, until as many requests were made.
    async fn explore(&mut self, limit: usize) {
        while self.round.pages.len() + self.round.unanswered.len() < limit {
            // Pages and assets in turn: a page with many scripts must not hide what it links to.
            let asked = self.round.pages.len() + self.round.unanswered.len();
            let next = if asked.is_multiple_of(2) {
                self.assets.pop_front().or_else(|| self.pages.pop_front())
            } else {
                self.pages.pop_front().or_else(|| self.assets.pop_front())
            };
            let Some(path) = next else { break };
            self.ask(path).await;
        }
    }

    /// One request, and what its answer leads to.
    async fn ask(&mut self, path: String) {
        if Instant::now() >= self.deadline {
            let seconds = ROUND_TIMEOUT.as_secs();
            let reason = format!("the round had taken {seconds} s already");
            self.round.unanswered.insert(path, reason);
            return;
        }
        match self.visitor.get(&path).await {
            Ok(answer) => self.note(&path, &answer),
            Err(unanswered) => {
                self.round.unanswered.insert(path, unanswered.reason().to_owned());
            }
        }
    }

    fn note(&mut self, path: &str, answer: &Answer) {
        let (status, lines) = (answer.status, answer.lines.clone());
        self.answers.push(Answered { path: path.to_owned(), status, lines });
        let (page, markup) = Page::of(answer);
        let location = answer.location.as_ref().filter(|to| !answer.here.is_upgrade(to));
        if let Some(to) = location.and_then(|to| answer.here.local(to)) {
            self.leads.insert(path.to_owned(), to.clone());
            // At the front: what a page leads to belongs to it.
            if is_harmless(&to) && self.seen.insert(to.clone()) {
                self.pages.push_front(to);
            }
        }
        for link in markup.links {
            if is_harmless(&link) && self.seen.insert(link.clone()) {
                self.pages.push_back(link);
            }
        }
        for source in markup.sources {
            if is_harmless(&source) && self.seen.insert(source.clone()) {
                self.assets.push_back(source);
            }
        }
        self.round.pages.insert(path.to_owned(), page);
    }

    /// One request and its redirects, as far as they were not made yet.
    async fn follow(&mut self, mut path: String) {
        for _ in 0..HOPS_MAX {
            let round = &self.round;
            if !round.pages.contains_key(&path) && !round.unanswered.contains_key(&path) {
                self.ask(path.clone()).await;
            }
            let Some(to) = self.leads.get(&path).filter(|to| is_harmless(to)) else { return };
            path.clone_from(to);
        }
    }

    /// Asks services of a known make whether they were ever set up.
    async fn tells(&mut self) {
        let titles: Vec<_> =
            self.round.pages.values().filter_map(|page| page.title.clone()).collect();
        for tell in titles.iter().flat_map(|title| first_run::tells(Some(title))) {
            if Instant::now() >= self.deadline {
                return;
            }
            if let Ok(answer) = self.visitor.get(tell.path).await {
                let (mut page, _) = Page::of(&answer);
                page.first_run = first_run::of_tell(tell, &answer.body).or(page.first_run);
                self.round.pages.insert(tell.path.to_owned(), page);
            }
        }
    }
}
