//! The application that end-to-end tests apply: three waves in one namespace, and the revisions a test
//! takes it through.

use std::path::Path;

use sandbox::remote::{Message, Remote};

/// A repository with the shop, and the namespace it is written for.
pub struct Shop {
    remote: Remote,
    namespace: String,
    commits: i64,
}

impl Shop {
    /// The healthy first revision, not committed yet.
    pub fn new(folder: &Path, namespace: &str) -> anyhow::Result<Self> {
        let mut shop =
            Self { remote: Remote::create(folder)?, namespace: namespace.to_owned(), commits: 0 };
        let text = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n  labels: {{team: shop}}\n"
        );
        shop.remote.write("base/namespace.yaml", text);
        shop.settings("1");
        shop.remote.write(
            "base/secret.yaml",
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: {namespace}}}\n\
                 stringData: {{password: canary-of-the-shop}}\n"
            ),
        );
        shop.remote.write("data/db.yaml", shop.workload("StatefulSet", "db", 1, "1.0", 1));
        shop.web("1.0");
        Ok(shop)
    }

    fn workload(&self, kind: &str, name: &str, replicas: u8, tag: &str, wave: u8) -> String {
        let namespace = &self.namespace;
        let service =
            if kind == "StatefulSet" { format!("  serviceName: {name}\n") } else { String::new() };
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  \
             annotations: {{cleat.dev/wave: \"{wave}\"}}\nspec:\n{service}  replicas: {replicas}\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    \
             metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
             containers: [{{name: {name}, image: \"registry.example/{name}:{tag}\"}}]\n"
        )
    }

    /// The setting that every revision may change.
    pub fn settings(&mut self, version: &str) {
        let namespace = &self.namespace;
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {namespace}}}\n\
             data: {{version: \"{version}\"}}\n"
        );
        self.remote.write("base/settings.yaml", text);
    }

    /// The web front's image tag; a tag that ends in `-missing` cannot be pulled.
    pub fn web(&mut self, tag: &str) {
        let text = self.workload("Deployment", "web", 2, tag, 2);
        self.remote.write("web/web.yaml", text);
    }

    /// One more ConfigMap.
    pub fn extra(&mut self, name: &str) {
        let namespace = &self.namespace;
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             data: {{of: extra}}\n"
        );
        self.remote.write(&format!("base/{name}.yaml"), text);
    }

    /// Takes that ConfigMap away again.
    pub fn without(&mut self, name: &str) -> anyhow::Result<()> {
        Ok(self.remote.remove(&format!("base/{name}.yaml"))?)
    }

    /// Any file of a test's own.
    pub fn write(&mut self, path: &str, content: &str) {
        self.remote.write(path, content);
    }

    /// Commits what is there; the commit's full id.
    pub fn commit(&mut self, subject: &str) -> anyhow::Result<String> {
        self.commits += 1;
        let at = 1_700_000_000 + self.commits;
        Ok(self.remote.commit(Message { author: "Test", at, subject })?)
    }

    /// Where the repository is, as `--repo` takes it.
    pub fn path(&self) -> String {
        self.remote.folder().display().to_string()
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The command line that applies the head of this shop, quickly.
    pub fn apply(&self, kubeconfig: &Path) -> Vec<String> {
        let flags = [
            "apply",
            "--repo",
            &self.path(),
            "--revision",
            "main",
            "--app",
            "shop",
            "--namespace",
            &self.namespace,
            "--kubeconfig",
            &kubeconfig.display().to_string(),
            "--prune",
            "--timeout",
            "30s",
            "--bake",
            "0s",
            "--grace",
            "image-not-found=200ms",
            "-o",
            "json",
        ];
        flags.map(str::to_owned).to_vec()
    }
}
