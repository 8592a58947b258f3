//! One service of a team: what it is called, what it consists of.

use super::random::Random;
use super::{Document, access, config, custom, network, workloads};

const WORDS: [&str; 24] = [
    "gateway",
    "ledger",
    "checkout",
    "invoice",
    "profile",
    "session",
    "mailer",
    "pricing",
    "cart",
    "recommender",
    "indexer",
    "crawler",
    "feed",
    "audit",
    "reports",
    "webhooks",
    "scheduler",
    "exporter",
    "thumbnailer",
    "notifier",
    "inventory",
    "tax",
    "fraud",
    "settlement",
];

/// What distinguishes one service from another.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name, unique in its team.
    pub name: String,
    /// The team, which is its namespace too.
    pub team: String,
    /// Its version.
    pub version: String,
    /// The port it serves on.
    pub port: u64,
    /// Whether it keeps data of its own, in a StatefulSet.
    pub stateful: bool,
    /// Whether an autoscaler decides its replicas.
    pub autoscaled: bool,
    /// How many copies run, at the least where an autoscaler decides.
    pub replicas: u64,
}

impl Service {
    /// The `number`th service of a team.
    pub fn choose(random: &mut Random, team: &str, number: usize) -> Self {
        let word = WORDS.get(number % WORDS.len()).copied().unwrap_or_default();
        let stateful = random.percent(20);
        Self {
            name: word.to_owned(),
            team: team.to_owned(),
            version: format!("{}.{}.{}", random.below(4), random.below(30), random.below(12)),
            port: 8000 + random.below(900),
            stateful,
            autoscaled: !stateful && random.percent(50),
            replicas: 1 + random.below(5),
        }
    }

    /// The labels everything of it carries, indented by so many spaces.
    pub(super) fn labels(&self, indent: usize) -> String {
        let pad = " ".repeat(indent);
        let Self { name, team, version, .. } = self;
        format!(
            "{pad}app.kubernetes.io/name: {name}\n\
             {pad}app.kubernetes.io/instance: {name}\n\
             {pad}app.kubernetes.io/version: \"{version}\"\n\
             {pad}app.kubernetes.io/part-of: {team}\n\
             {pad}app.kubernetes.io/managed-by: cleat"
        )
    }

    /// All its objects, in the order in which people list them.
    pub(super) fn documents(&self, random: &mut Random) -> Vec<Document> {
        let mut all = Vec::new();
        if self.stateful {
            all.push(workloads::stateful_set(self, random));
            all.push(network::headless_service(self));
        } else {
            all.push(workloads::deployment(self, random));
            all.push(network::service(self, random));
        }
        all.push(config::settings(self, random));
        all.push(config::server(self, random));
        if random.percent(35) {
            all.push(config::dashboard(self, random));
        }
        all.push(config::secret(self, random));
        all.push(access::service_account(self, random));
        if random.percent(35) {
            all.extend(access::role(self, random));
        }
        if random.percent(5) {
            all.extend(access::cluster_role(self));
        }
        if !self.stateful && random.percent(45) {
            all.push(network::ingress(self, random));
        }
        if self.autoscaled {
            all.push(workloads::autoscaler(self, random));
        }
        if random.percent(60) {
            all.push(network::policy(self, random));
        }
        if random.percent(35) {
            all.push(workloads::disruption_budget(self));
        }
        if random.percent(30) {
            all.push(workloads::cron_job(self, random));
        }
        if random.percent(30) {
            all.push(custom::queue(self, random));
        }
        if random.percent(15) {
            all.push(custom::database(self, random));
        }
        all
    }
}
