//! The demo, as the README tells a stranger to start it: five acts, each checked by itself, exit 0.

#![allow(missing_docs, reason = "an integration test has no public items")]

use tests::program::Program;

#[tokio::test]
async fn the_story_is_played_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_cleat"), folder.path());
    let ended = program.run(["demo", "--headless"]).await.unwrap().expect(0).unwrap();
    for act in 1..=5 {
        assert!(ended.stdout.contains(&format!("\nAct {act}: ")), "{}", ended.said());
    }
    for told in [
        "3 waves",
        "image registry.example/shop/web:1.2-missing",
        "rolled back to",
        "quarantined",
        "held by kubectl-edit",
        "pruned: configmap/sale-banner in shop",
    ] {
        assert!(ended.stdout.contains(told), "`{told}` is not told: {}", ended.said());
    }
    assert!(!ended.stdout.contains("only-for-the-example"), "a Secret's value was told");
}
