//! The value of a Secret is told nowhere: not by what is printed when all is well, nor by any error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tests::program::Ended;
use tests::stage::Stage;

use crate::repository::{self, Entry};
use crate::{program, words};

const CANARY: &str = "canary-in-a-coal-mine";

/// Fails if the canary can be read from what was printed, in clear or encoded.
fn silent(ended: &Ended, command: &str) {
    for canary in [CANARY.to_owned(), BASE64.encode(CANARY)] {
        assert!(!ended.said().contains(&canary), "{command} tells {canary}: {}", ended.said());
    }
}

fn secret(fields: &str) -> Entry {
    Entry::text(format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n{}\n",
        fields.replace("CANARY", CANARY).replace("ENCODED", &BASE64.encode(CANARY))
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verb_prints_a_secrets_value() {
    for stage in Stage::each("secret values").await.unwrap() {
        let program = program(stage.folder());
        let kubeconfig = stage.kubeconfig().display().to_string();
        let namespace =
            Entry::text("apiVersion: v1\nkind: Namespace\nmetadata: {name: canaries}\n");
        let both = "stringData: {password: CANARY}\ndata: {token: ENCODED}";
        let first = secret(both);
        let second = secret(&both.replace("CANARY", "CANARY-2"));
        let mut count = 0;
        for (name, secret) in [("first", &first), ("second", &second)] {
            let entries = [("namespace.yaml", &namespace), ("secret.yaml", secret)];
            let repository = repository::create(stage.folder(), name, entries);
            for (verb, code) in [
                ("render", 0),
                ("render -o json", 0),
                ("plan", 1),
                ("plan -o json --kubeconfig KUBECONFIG --app canaries", 1),
                ("plan --kubeconfig KUBECONFIG --app canaries", 1),
                ("diff", 1),
                ("diff -o json", 1),
                ("diff --kubeconfig KUBECONFIG --app canaries", 1),
                ("diff -o json --kubeconfig KUBECONFIG --app canaries", 1),
                ("apply --bake 0s --kubeconfig KUBECONFIG --app canaries -o json", 0),
                ("apply --bake 0s --kubeconfig KUBECONFIG --app canaries", 0),
            ] {
                let line = format!("{verb} -v -v -n canaries --repo {{}}");
                let line = line.replace("KUBECONFIG", &kubeconfig);
                let ended = program.run(words(&line, repository.to_str().unwrap())).await.unwrap();
                silent(&ended, &line);
                ended.expect(code).unwrap();
                count += 1;
            }
        }
        tests::say(&format!("{}: {count} runs, none of them tells a Secret's value", stage.server));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_repeats_a_secrets_value() {
    for stage in Stage::each("secret values in errors").await.unwrap() {
        let program = program(stage.folder());
        let kubeconfig = stage.kubeconfig().display().to_string();
        for (number, fields) in [
            // Not base64, no string, no map, an unknown field, a key that the server refuses, no YAML,
            // a key twice, and a document that stops in the middle of the value.
            "data: {password: CANARY}",
            "data: {password: [CANARY]}",
            "data: [CANARY]",
            "data: CANARY",
            "dato: {password: CANARY}",
            "stringData: {\"pass word\": CANARY}",
            "stringData: {password: {inner: CANARY}}",
            "stringData:\n  password: CANARY\n\tuser: CANARY",
            "stringData: {password: CANARY, password: CANARY}",
            "stringData: {password: \"CANARY",
            "stringData: {password: *CANARY}",
            "stringData: {password: !!binary CANARY}",
            "stringData: {password: !!int CANARY}",
            "immutable: CANARY\nstringData: {password: CANARY}",
            "type: kubernetes.io/tls\nstringData: {password: CANARY}",
            "stringData: {password: CANARY}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: CANARY}",
        ]
        .iter()
        .enumerate()
        {
            let bad = secret(fields);
            let name = format!("bad-{number}");
            let repository = repository::create(stage.folder(), &name, [("secret.yaml", &bad)]);
            for verb in [
                "render",
                "plan",
                "diff",
                "plan --kubeconfig KUBECONFIG",
                "apply --kubeconfig KUBECONFIG -n default",
                "apply --kubeconfig KUBECONFIG -n default -o json",
                "apply --kubeconfig KUBECONFIG -n default --preflight local",
            ] {
                let line = format!("{verb} --repo {{}}").replace("KUBECONFIG", &kubeconfig);
                let ended = program.run(words(&line, repository.to_str().unwrap())).await.unwrap();
                silent(&ended, &line);
                assert!(
                    !verb.starts_with("apply") || ended.code == Some(2),
                    "{fields}: {line}: {}",
                    ended.said()
                );
            }
        }
    }
}
