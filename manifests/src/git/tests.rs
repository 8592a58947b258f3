//! Mirrors of real repositories, made with libgit2 in a folder of the test.

use std::io::Write as _;

use merge::ErrorClass;

use super::testing::{Scratch, files_below};
use super::*;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: n}\n";

fn sync(scratch: &Scratch, name: &str) -> Result<(Mirror, Revision), GitError> {
    Mirror::sync(&scratch.mirror("mirror"), &scratch.url(), &Reference::from(Some(name)))
}

fn found(scratch: &Scratch, name: &str) -> String {
    sync(scratch, name).unwrap().1.to_string()
}

#[test]
fn a_branch_a_tag_and_a_commit_are_found_by_path_and_by_file_url() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    let first = scratch.commit("main", &[("a.yaml", MAP), ("b.yaml", MAP)]);
    let second = scratch.commit("main", &[("a.yaml", MAP)]);
    let release = scratch.commit("release/1.0", &[("a.yaml", MAP)]);
    scratch.annotated_tag("v1", first);
    scratch.lightweight_tag("light", first);
    for (name, expected) in [
        ("HEAD", second),
        ("main", second),
        ("refs/heads/main", second),
        ("release/1.0", release),
        ("v1", first),
        ("refs/tags/v1", first),
        ("light", first),
        (first.to_string().as_str(), first),
        (&first.to_string()[..9], first),
        (&second.to_string().to_uppercase()[..7], second),
    ] {
        assert_eq!(found(&scratch, name), expected.to_string(), "{name}");
        let url = format!("file://{}", scratch.url());
        let elsewhere = scratch.mirror(&format!("m-{}", name.replace('/', "-")));
        let (_, revision) = Mirror::sync(&elsewhere, &url, &Reference::from(Some(name))).unwrap();
        assert_eq!(revision.to_string(), expected.to_string(), "{name} by file://");
    }
}

#[test]
fn a_mirror_follows_its_branch_and_says_what_a_commit_says() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    let first = found(&scratch, "main");
    assert_eq!(found(&scratch, "main"), first);
    let second = scratch.commit("main", &[("b.yaml", MAP)]);
    let (mirror, revision) = sync(&scratch, "main").unwrap();
    assert_eq!(revision.to_string(), second.to_string());
    let commit = mirror.commit(&revision).unwrap();
    assert_eq!(commit.author, "Ada");
    assert_eq!(commit.subject, "Change the shop");
    assert_eq!(commit.time.to_string(), "2023-11-14T22:13:20Z");
    assert_eq!(commit.id.short(), &second.to_string()[..8]);
}

#[test]
fn a_commit_that_only_history_has_is_found() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    let old = scratch.commit("main", &[("b.yaml", MAP)]).to_string();
    scratch.commit("main", &[("c.yaml", MAP)]);
    assert_eq!(found(&scratch, &old), old);
    assert_eq!(found(&scratch, &old[..8]), old);
}

#[test]
fn a_branch_may_become_a_folder_of_branches() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    let one = scratch.commit("feature", &[("a.yaml", MAP)]).to_string();
    assert_eq!(found(&scratch, &one[..10]), one);
    scratch.repository.find_reference("refs/heads/feature").unwrap().delete().unwrap();
    let two = scratch.commit("feature/web", &[("b.yaml", MAP)]).to_string();
    assert_eq!(found(&scratch, &two[..10]), two);
    assert_eq!(found(&scratch, "feature/web"), two);
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    scratch.commit("production", &[("a.yaml", MAP)]);
    let error = sync(&scratch, "prodution").err().unwrap();
    assert_eq!(error.class(), ErrorClass::User);
    assert!(error.to_string().contains("no branch, tag or commit `prodution`"), "{error}");
    assert!(error.hint().unwrap().starts_with("it has production"), "{error:?}");
    for commit in ["0123456789abcdef0123456789abcdef01234567", "0123456"] {
        let error = sync(&scratch, commit).err().unwrap();
        assert!(matches!(error, GitError::NoRevision { .. }), "{error}");
    }
}

#[test]
fn a_repository_that_is_missing_empty_or_headless_says_so() {
    let scratch = Scratch::empty();
    assert!(matches!(sync(&scratch, "main"), Err(GitError::Empty { .. })));
    assert!(matches!(sync(&scratch, "HEAD"), Err(GitError::Empty { .. })));
    scratch.commit("trunk", &[("a.yaml", MAP)]);
    let error = sync(&scratch, "HEAD").err().unwrap();
    assert!(error.hint().unwrap().contains("trunk"), "{error}");
    assert_eq!(found(&scratch, "trunk").len(), 40);
    for url in ["/no/such/place.git", "file:///no/such/place.git"] {
        let error = Mirror::sync(&scratch.mirror("none"), url, &Reference::Head).err().unwrap();
        assert!(matches!(error, GitError::NoRepository { .. }), "{error:?}");
        assert!(error.to_string().contains("/no/such/place.git"), "{error}");
    }
    let folder = scratch.folder.path().to_str().unwrap();
    let error = Mirror::sync(&scratch.mirror("none"), folder, &Reference::Head).err().unwrap();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error:?}");
}

#[test]
fn a_host_that_does_not_answer_is_transient() {
    let scratch = Scratch::empty();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("git://127.0.0.1:{port}/shop.git");
    let error = Mirror::sync(&scratch.mirror("mirror"), &url, &Reference::Head).err().unwrap();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[test]
fn a_tag_of_a_file_is_no_commit() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    scratch.lightweight_tag("file", scratch.blob(b"x"));
    let error = sync(&scratch, "file").err().unwrap();
    assert!(matches!(error, GitError::NotACommit { .. }), "{error:?}");
}

#[test]
fn a_damaged_or_lost_mirror_is_built_anew() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    let revision = found(&scratch, "main");
    let mirror = scratch.mirror("mirror");
    // The list of what makes a repository, and its objects, one after the other.
    for lost in ["HEAD", "config", "objects", "refs"] {
        let path = mirror.join(lost);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::write(&path, "garbage").unwrap();
        }
        assert_eq!(found(&scratch, "main"), revision, "without {lost}");
    }
    for file in files_below(&mirror.join("objects")) {
        overwrite(&file);
    }
    assert_eq!(found(&scratch, "main"), revision, "with garbage for objects");
    fs::remove_dir_all(&mirror).unwrap();
    assert_eq!(found(&scratch, "main"), revision, "without the folder");
}

fn overwrite(file: &Path) {
    let length = fs::metadata(file).unwrap().len();
    fs::remove_file(file).unwrap();
    let mut file = File::create(file).unwrap();
    file.write_all(&vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    let folder = scratch.mirror("mirror");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("thesis.txt"), "years of work").unwrap();
    let error = sync(&scratch, "main").err().unwrap();
    assert!(matches!(error, GitError::NotAMirror { .. }), "{error:?}");
    let again = Mirror::rebuild(&folder, &scratch.url(), &Reference::Head).err().unwrap();
    assert!(matches!(again, GitError::NotAMirror { .. }), "{again:?}");
    assert!(folder.join("thesis.txt").exists());
}

#[test]
fn many_may_use_one_mirror_at_once() {
    let scratch = Scratch::with(&[("a.yaml", MAP)]);
    let branches: Vec<(String, String)> = (0..8)
        .map(|n| {
            let text = format!("{MAP}data: {{n: \"{n}\"}}\n");
            let name = format!("b{n}");
            let oid = scratch.commit(&name, &[("a.yaml", &text)]);
            (name, oid.to_string())
        })
        .collect();
    let (folder, url) = (scratch.mirror("mirror"), scratch.url());
    std::thread::scope(|scope| {
        for (name, oid) in &branches {
            let (folder, url) = (&folder, &url);
            scope.spawn(move || {
                for _ in 0..3 {
                    let reference = Reference::Name(name.clone());
                    let (mirror, revision) = Mirror::sync(folder, url, &reference).unwrap();
                    assert_eq!(revision.as_str(), oid);
                    mirror.tree_of(&revision).unwrap();
                }
            });
        }
    });
}
