//! Looks at a sealed copy from outside and from within, and has the rules judge what was seen:
//! the matrix, the login, the hosts, the TLS end, the proxy's configuration as it runs. Of what has
//! no matrix, and of a service that is there, it looks at what the first page leads to.

mod django;
mod files;
mod hosts;
mod landing;
mod login;
mod matrix;
mod outside;
mod stranger;
mod tls;
mod volumes;
mod wire;

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Zoned;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use self::files::files;
use self::login::{SignedIn, sign_in};
use self::matrix::Matrix;
pub use self::outside::service;
pub use self::stranger::stranger;
use self::wire::{Ports, Wire};
use crate::audit::headers::Policy;
use crate::audit::observatory::{self, Report, Site};
use crate::audit::{self, accept, coverage, grade, nginx, summary};
use crate::browser;
use crate::config::probe::Command;
use crate::config::{Config, Route};
use crate::drill::{Drill, RunFolder, Sandbox};
use crate::error::{Error, Result};
use crate::model::accept::Accept;
use crate::model::audit::{ModeRecord, VolumeRecord};
use crate::model::check::{Check, Outcome};
use crate::model::event::Events;
use crate::model::finding::{Finding, Priority};
use crate::model::mode::Mode;
use crate::model::observed::{Exchange, HostCase, Observed, Tls};
use crate::model::record::Verdict;

/// After a container is gone, how long its name is remembered: the proxy's resolver keeps it
/// for two seconds, counts whole ones, and may have begun the last before.
const FORGOTTEN_AFTER: Duration = Duration::from_millis(3500);

/// What an audit of one mode found.
#[derive(Debug, Clone, Serialize)]
pub struct Surveyed {
    /// The mode.
    pub mode: Mode,
    /// Its public address.
    pub target: String,
    /// What was judged to be wrong.
    pub findings: Vec<Finding>,
    /// What nobody judged, each with its reason: skipped, or undecided.
    pub checks: Vec<Check>,
    /// The Observatory's grade; absent over plain HTTP, where it means nothing.
    pub grade: Option<Report>,
    /// Answers that were judged.
    pub answers: usize,
    /// The run.
    pub run: String,
    /// What was seen and judged, for documents.
    pub record: ModeRecord,
    /// The volumes of the copy.
    pub volumes: Vec<VolumeRecord>,
    /// Statuses of the matrix that nothing gave.
    pub unseen: Vec<u16>,
    /// One an acceptance of `drill.toml`: whether it was about any finding.
    pub accepts: Vec<bool>,
    /// How long asking Django about its configuration took, in seconds.
    pub django_s: f64,
    /// How long asking took while all services ran, in seconds.
    pub matrix_s: f64,
    /// How long the browser took, in seconds; its image is built once.
    pub browser_s: f64,
    /// How long asking took with services gone, in seconds.
    pub without_s: f64,
}

impl Surveyed {
    /// Open findings of the two highest priorities.
    pub fn urgent(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|it| it.is_open() && it.priority <= Priority::P1)
    }
}

/// Failed if something urgent is open; undecided if nothing was judged, or something that should
/// have been could not.
#[must_use]
pub fn verdict(surveyed: &[Surveyed]) -> Verdict {
    let open = |mode: &Surveyed| mode.checks.iter().any(|it| it.outcome == Outcome::Undecided);
    if surveyed.iter().any(|mode| mode.urgent().count() > 0) {
        Verdict::Failed
    } else if surveyed.is_empty() || surveyed.iter().any(|mode| mode.answers == 0 || open(mode)) {
        Verdict::Undecided
    } else {
        Verdict::Passed
    }
}

/// Adds what acceptances were about nothing, in any mode that was looked at, to the first of them.
/// Those that `asked` leaves out may be about what nobody looked for.
pub fn settle(surveyed: &mut [Surveyed], accepts: &[Accept], asked: impl Fn(&Accept) -> bool) {
    let idle = |at: usize| surveyed.iter().all(|mode| !mode.accepts.get(at).is_some_and(|it| *it));
    let of_findings = accepts.iter().enumerate().filter(|(_, accept)| accept.kind.is_none());
    let idle = of_findings.filter(|(at, accept)| idle(*at) && asked(accept));
    let found = idle.map(|(_, accept)| accept::unused(accept)).collect::<Vec<_>>();
    if let Some(first) = surveyed.first_mut() {
        first.findings.extend(found.iter().cloned());
        first.record.findings.extend(found);
    }
}

/// How much is asked.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Folder of the stack's files: places of findings are below it.
    pub files: &'a Path,
    /// What headers are held to.
    pub policy: &'a Policy,
    /// Also asks Django about its configuration, where `drill.toml` says where it is.
    pub django: bool,
    /// Also asks the routes that need a service gone; its container is removed for that.
    pub without: bool,
}

/// Brings up a sealed, seeded copy of a stack, looks at it, and removes it again.
pub async fn copy(
    drill: &Drill,
    policy: &Policy,
    events: &Events,
    cancelled: CancellationToken,
    with_browser: bool,
) -> Result<Surveyed> {
    let standing = drill.stand(events, cancelled.clone()).await?;
    let browser = with_browser.then_some(&standing.folder);
    let files = &drill.request().stack_dir;
    let options = Options { files, policy, django: true, without: true };
    let surveyed = tokio::select! {
        surveyed = look(&standing.sandbox, drill.config(), options, browser) => surveyed,
        () = cancelled.cancelled() => Err(Error::interrupted()),
    };
    let run = standing.run.to_string();
    standing.remove().await?;
    Ok(Surveyed { run, ..surveyed? })
}

/// Looks at a copy that is up, and judges it.
pub async fn live(sandbox: &Sandbox, config: &Config, options: Options<'_>) -> Result<Surveyed> {
    look(sandbox, config, options, None).await
}

/// As [`live`], and through a real browser where `drill.toml` says at what. Screenshots go to the
/// evidence of a run.
pub async fn look(
    sandbox: &Sandbox,
    config: &Config,
    options: Options<'_>,
    browser: Option<&RunFolder>,
) -> Result<Surveyed> {
    let survey = Survey::new(sandbox, config).await?;
    let seen = Box::pin(survey.observe(options, browser)).await?;
    survey.judge(seen, options.policy)
}

/// What was seen of a copy, and how long each part of looking took, in seconds.
struct Seen {
    observed: Observed,
    landing: Site,
    django_s: f64,
    matrix_s: f64,
    browser_s: f64,
    without_s: f64,
}

/// What was answered while all services ran.
struct Asked {
    exchanges: Vec<Exchange>,
    signed_in: SignedIn,
    hosts: Vec<HostCase>,
    tls: Option<Tls>,
}

/// A copy and the ways to it.
struct Survey<'a> {
    sandbox: &'a Sandbox,
    config: &'a Config,
    proxy: Wire,
    backend: Option<Wire>,
}

impl<'a> Survey<'a> {
    async fn new(sandbox: &'a Sandbox, config: &'a Config) -> Result<Self> {
        let service = &config.service;
        let https = config.tls.as_ref().map_or(443, |tls| tls.port);
        let ca = sandbox.ca_pem.as_deref().map(str::as_bytes);
        let address = sandbox.stack.address(service.entry()?).await?;
        let ports = Ports::of(&address, service.port, https).await?;
        let proxy = Wire::new(ports, &service.host, ca)?;
        let backend = match &service.backend {
            Some(backend) => {
                let address = sandbox.stack.address(&backend.service).await?;
                let ports = Ports::of(&address, backend.port, backend.port).await?;
                Some(Wire::new(ports, &service.host, None)?)
            }
            None => None,
        };
        Ok(Self { sandbox, config, proxy, backend })
    }

    fn over_tls(&self) -> bool {
        self.sandbox.mode == Mode::Tls
    }

    /// Everything that `options` ask for. What removes a service comes last.
    async fn observe(&self, options: Options<'_>, browser: Option<&RunFolder>) -> Result<Seen> {
        let (sandbox, config) = (self.sandbox, self.config);
        let mut observed = self.files(options.files).await?;
        let started = Instant::now();
        let (proxy, asked, landing) = tokio::try_join!(
            self.configuration(),
            Box::pin(self.ask()),
            Box::pin(landing::observe(&self.proxy, self.over_tls())),
        )?;
        observed.proxy = proxy;
        observed.exchanges = asked.exchanges;
        observed.login = Some(asked.signed_in.login.clone());
        (observed.hosts, observed.tls) = (asked.hosts, asked.tls);
        let matrix_s = started.elapsed().as_secs_f64();

        let started = Instant::now();
        if let Some(config) = config.django.as_ref().filter(|_| options.django) {
            observed.django = Some(django::observe(&sandbox.stack, config).await?);
        }
        let django_s = started.elapsed().as_secs_f64();

        let started = Instant::now();
        if let Some((visit, folder)) = config.browser.as_ref().zip(browser) {
            observed.visits = Box::pin(browser::observe(sandbox, config, visit, folder)).await?;
        }
        let browser_s = started.elapsed().as_secs_f64();

        let started = Instant::now();
        if options.without {
            let more = Box::pin(self.ask_without(&asked.signed_in)).await?;
            observed.exchanges.extend(more);
        }
        let without_s = started.elapsed().as_secs_f64();
        Ok(Seen { observed, landing, django_s, matrix_s, browser_s, without_s })
    }

    /// What the stack's files say, and which of their lines give the services their variables.
    async fn files(&self, dir: &Path) -> Result<Observed> {
        let (sandbox, config) = (self.sandbox, self.config);
        let (mode, entry) = (sandbox.mode, config.service.entry()?);
        let django = config.django.as_ref().map(|django| django.service.as_str());
        let backend = config.service.backend.as_ref().map(|backend| backend.service.as_str());
        let django = django.or(backend);
        let django = django.unwrap_or(entry);
        let mut files = files::files(dir)?;
        files.retain(|path, _| files::is_in_force(path, config, mode));
        Ok(Observed {
            mode,
            host: config.service.host.clone(),
            files,
            day: Zoned::now().date().to_string(),
            switches: files::switches(config, mode),
            given: files::given(&sandbox.stack, django, dir, config, mode).await?,
            given_to_proxy: files::given(&sandbox.stack, entry, dir, config, mode).await?,
            ..Observed::default()
        })
    }

    /// Has the rules judge what was seen.
    fn judge(&self, seen: Seen, policy: &Policy) -> Result<Surveyed> {
        let Seen { observed, landing, django_s, matrix_s, browser_s, without_s } = seen;
        let landing = self.over_tls().then_some(&landing);
        let judged = judged(&observed, landing, policy, &self.config.accepts);
        let volumes = volumes::of(self.sandbox, self.config)?;
        let unseen = coverage::unseen(&observed);
        Ok(Surveyed { volumes, unseen, django_s, matrix_s, browser_s, without_s, ..judged })
    }

    /// The proxy's configuration as it runs, file by file.
    async fn configuration(&self) -> Result<Vec<(String, String)>> {
        let entry = self.config.service.entry()?;
        let command = self.sandbox.stack.exec(entry, None, ["nginx", "-T"]).await?;
        let output = command.run().await?;
        let output = output.require(|| "cannot read the proxy's configuration")?;
        Ok(nginx::dump(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Everything that can be asked while all services run.
    async fn ask(&self) -> Result<Asked> {
        let signed_in = self.sign_in().await?;
        let path = self.answering_path()?;
        let routes = self.config.routes.iter().filter(|route| !route.spoils());
        let routes = routes.collect::<Vec<_>>();
        let (mut exchanges, mut hosts, behind, tls) = tokio::try_join!(
            async { self.matrix(&signed_in).ask(&routes).await },
            hosts::observe(&self.proxy, self.over_tls(), &path),
            async {
                match &self.backend {
                    Some(backend) => hosts::observe_backend(backend, self.over_tls(), &path).await,
                    None => Ok(Vec::new()),
                }
            },
            async {
                Ok(if self.over_tls() { Some(tls::observe(&self.proxy).await) } else { None })
            },
        )?;
        hosts.extend(behind);
        exchanges.extend(signed_in.exchanges.iter().cloned());
        Ok(Asked { exchanges, signed_in, hosts, tls })
    }

    /// What is answered while a service is gone. The copy is of no use afterwards.
    async fn ask_without(&self, signed_in: &SignedIn) -> Result<Vec<Exchange>> {
        let (stack, backend) = (&self.sandbox.stack, self.config.service.backend.as_ref());
        let mut exchanges = Vec::new();
        for route in self.config.routes.iter().filter(|route| route.spoils()) {
            if let Some(Command { service, command }) = &route.after {
                let output =
                    stack.exec(service, None, command.iter().cloned()).await?.run().await?;
                output.require(|| format!("route {:?}: its command failed", route.id))?;
            }
            let mut matrix = self.matrix(signed_in);
            if let Some(service) = &route.without {
                stack.destroy_containers(&[service]).await?;
                tokio::time::sleep(FORGOTTEN_AFTER).await;
                if backend.is_some_and(|backend| backend.service == *service) {
                    matrix.backend = None;
                }
            }
            exchanges.extend(matrix.ask(&[route]).await?);
        }
        Ok(exchanges)
    }

    fn matrix<'b>(&'b self, signed_in: &'b SignedIn) -> Matrix<'b> {
        Matrix {
            proxy: &self.proxy,
            backend: self.backend.as_ref(),
            tls: self.over_tls(),
            variables: &self.sandbox.variables,
            cookies: &signed_in.cookies,
        }
    }

    async fn sign_in(&self) -> Result<SignedIn> {
        let wanted =
            self.config.routes.iter().find_map(|route: &Route| route.signed_in_by.as_ref());
        let Some(wanted) = wanted else { return Ok(SignedIn::default()) };
        let probe = self.config.probes.iter().find(|probe| probe.id == *wanted);
        let probe = probe.ok_or_else(|| {
            Error::usage(format!("no probe is called {wanted:?}"))
                .hint("a [[route]] names the probe that signs in: as = \"login.teacher\"")
        })?;
        sign_in(&self.proxy, self.over_tls(), probe, &self.sandbox.variables).await
    }

    /// A path that the backend answers with 200: the first health probe's.
    fn answering_path(&self) -> Result<String> {
        let health = self.config.probes.iter().find(|probe| probe.health);
        let line =
            health.and_then(|probe| probe.steps.first()?.request.as_ref()?.as_slice().first());
        let path = line.and_then(|line| line.split_once(' ')).map(|(_, path)| path.to_owned());
        path.ok_or_else(|| Error::usage("no probe is marked health, so no path is known to answer"))
    }
}

/// Has the rules judge what was seen, and the grader where a landing page over TLS was.
fn judged(
    observed: &Observed,
    landing: Option<&Site>,
    policy: &Policy,
    accepts: &[Accept],
) -> Surveyed {
    let mut findings = audit::judge(observed, policy);
    let graded = landing.map(observatory::evaluate);
    if let Some(graded) = &graded {
        findings.extend(grade::judge(graded));
    }
    let accepts = accept::apply(&mut findings, accepts, Zoned::now().date());
    audit::sort(&mut findings);
    let mut record = summary::of(observed, policy, &findings);
    let report = graded.as_ref().and_then(|graded| graded.as_ref().ok());
    record.grade = report.map(|report| (report.grade.to_owned(), report.score));
    Surveyed {
        mode: observed.mode,
        run: String::new(),
        record,
        volumes: Vec::new(),
        target: format!("{}://{}", observed.mode.scheme(), observed.host),
        findings,
        checks: Vec::new(),
        grade: graded.and_then(std::result::Result::ok),
        answers: observed.exchanges.len() + observed.hosts.len(),
        unseen: Vec::new(),
        accepts,
        django_s: 0.0,
        matrix_s: 0.0,
        browser_s: 0.0,
        without_s: 0.0,
    }
}
