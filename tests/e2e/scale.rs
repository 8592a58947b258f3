//! A thousand objects of many kinds, from the server's own request log: one write an object and a
//! little bookkeeping the first time, nothing but lists the second.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking and prints its figures")]

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::ensure;
use tests::program::Program;
use tests::proxy::Seen;
use tests::shop::Shop;
use tests::stage::Stage;

const OBJECTS: usize = 1000;

const NAMESPACE: &str = "a-thousand";

/// Whatever is kept of an application may not cost more writes than this, however many objects it has.
const BOOKKEEPING: usize = 12;

fn manifests(namespace: &str) -> (String, usize) {
    let mut text = String::new();
    let mut count = 0;
    for number in 0..OBJECTS {
        let meta = format!("metadata: {{name: o{number}, namespace: {namespace}}}");
        let workload = "spec:\n  selector: {matchLabels: {app: o}}\n  template:\n    metadata: {labels: {app: o}}\n    \
                        spec:\n      containers: [{name: app, image: \"registry.example/app:1.0\"}]\n";
        let body = match number % 10 {
            0..=3 => format!(
                "apiVersion: v1\nkind: ConfigMap\n{meta}\ndata: {{key: \"{number}\", more: value}}\n"
            ),
            4 => {
                format!("apiVersion: v1\nkind: Secret\n{meta}\nstringData: {{key: \"{number}\"}}\n")
            }
            5 => format!("apiVersion: v1\nkind: ServiceAccount\n{meta}\n"),
            6 => format!(
                "apiVersion: v1\nkind: Service\n{meta}\nspec: {{selector: {{app: o}}, ports: [{{port: 80}}]}}\n"
            ),
            7 => format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n{meta}\nrules: [{{apiGroups: [\"\"], resources: [pods], verbs: [get]}}]\n"
            ),
            8 => format!("apiVersion: apps/v1\nkind: Deployment\n{meta}\n{workload}")
                .replace("matchLabels: {app: o}", &format!("matchLabels: {{app: o{number}}}"))
                .replace("labels: {app: o}", &format!("labels: {{app: o{number}}}")),
            _ => format!(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\n{meta}\nspec: {{defaultBackend: {{service: {{name: o6, port: {{number: 80}}}}}}}}\n"
            ),
        };
        let _ = write!(text, "---\n{body}");
        count += 1;
    }
    (text, count)
}

fn tally(seen: &[Seen]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for request in seen {
        let what = if request.is_dry_run() {
            "dry run"
        } else if request.is_write() && request.is_bookkeeping() {
            "bookkeeping write"
        } else if request.is_write() {
            "object write"
        } else if request.is_get_of_one() {
            "get of one"
        } else {
            "list, watch, discovery"
        };
        *tally.entry(what.to_owned()).or_insert(0) += 1;
    }
    tally
}

async fn thousand(stage: &Stage) -> anyhow::Result<()> {
    let program = Program::new(env!("CARGO_BIN_EXE_cleat"), stage.folder());
    let mut shop = Shop::new(&stage.folder().join("many.git"), NAMESPACE)?;
    let (text, count) = manifests(NAMESPACE);
    shop.write("many.yaml", &text);
    shop.commit("a thousand")?;
    let total = count + 5;
    let mut command = shop.apply(&stage.kubeconfig());
    command.extend(["--preflight".to_owned(), "local".to_owned()]);

    program.run(&command).await?.expect(0)?;
    let first = tally(&stage.proxy.seen());
    tests::say(&format!("{}: {total} objects, first apply: {first:?}", stage.server));
    let get = |tally: &BTreeMap<String, usize>, what: &str| tally.get(what).copied().unwrap_or(0);
    ensure!(get(&first, "object write") <= total, "more than one write an object: {first:?}");
    ensure!(get(&first, "bookkeeping write") <= BOOKKEEPING, "too much bookkeeping: {first:?}");

    for preflight in ["local", "server"] {
        stage.proxy.clear();
        let mut command = shop.apply(&stage.kubeconfig());
        command.extend(["--preflight".to_owned(), preflight.to_owned()]);
        program.run(&command).await?.expect(0)?;
        let second = tally(&stage.proxy.seen());
        tests::say(&format!("{}: run again, {preflight} preflight: {second:?}", stage.server));
        for what in ["object write", "bookkeeping write", "dry run", "get of one"] {
            ensure!(get(&second, what) == 0, "an unchanged application cost a {what}: {second:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_objects_cost_one_write_each_and_then_nothing() {
    for stage in Stage::each("a thousand objects").await.unwrap() {
        if let Err(error) = thousand(&stage).await {
            panic!("{}: {error:?}", stage.server);
        }
    }
}
