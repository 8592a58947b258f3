//! A real kube-apiserver comes up, answers, and leaves nothing behind.

#![allow(missing_docs, reason = "an integration test has no public items")]

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use tests::control_plane::ControlPlane;

#[tokio::test]
async fn a_real_server_lists_its_namespaces_and_leaves_nothing_behind() -> anyhow::Result<()> {
    let Some(assets) = ControlPlane::assets("a real server lists its namespaces") else {
        return Ok(());
    };
    let control_plane = ControlPlane::start(&assets).await?;
    let namespaces = Api::<Namespace>::all(control_plane.client().await?);
    let names: Vec<String> = namespaces
        .list(&ListParams::default())
        .await?
        .into_iter()
        .filter_map(|namespace| namespace.metadata.name)
        .collect();
    assert!(names.iter().any(|name| name == "kube-system"), "{names:?}");

    let folder = control_plane.kubeconfig_file();
    let folder = folder.parent().context("the kubeconfig is in the control plane's folder")?;
    assert!(folder.is_dir());
    drop(control_plane);
    assert!(!folder.exists(), "{} was left behind", folder.display());
    Ok(())
}
