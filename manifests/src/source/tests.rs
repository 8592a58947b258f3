//! The walk, on commits made with libgit2 and on folders of the machine.

use merge::schema::Schemas;

use crate::git::testing::{FILE, LINK, SUBMODULE, Scratch};
use crate::git::{Mirror, Reference};
use crate::options::RenderOptions;
use crate::problem::Problems;
use crate::render::{self, FileSource, Render, fetch_and_render, render_files};

fn map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

fn render_tree(
    scratch: &Scratch,
    change: impl Fn(&mut RenderOptions<'_>),
) -> Result<Render, Problems> {
    let schemas = Schemas::builtin();
    let mut options = RenderOptions::new(&schemas);
    change(&mut options);
    let (mirror, revision) =
        Mirror::sync(&scratch.mirror("mirror"), &scratch.url(), &Reference::Head).unwrap();
    render::render(&mirror, &revision, &options)
}

fn names(render: &Render) -> Vec<&str> {
    render.objects.iter().map(|manifest| manifest.origin.file.as_str()).collect()
}

fn told(result: Result<Render, Problems>) -> Vec<String> {
    result.unwrap_err().iter().map(ToString::to_string).collect()
}

fn sample() -> Scratch {
    let texts: Vec<(String, String)> = [
        "web/b.yaml", "web/a.yml", "web/deep/er/c.json", "top.YAML", "README.md", ".ci/x.yaml",
        "web/.hidden.yaml", "web/notes.txt",
    ]
    .iter()
    .enumerate()
    .map(|(n, path)| {
        let text = if path.ends_with("json") {
            format!("{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"m{n}\"}}}}")
        } else {
            map(&format!("m{n}"))
        };
        ((*path).to_owned(), text)
    })
    .collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    Scratch::with(&files)
}

#[test]
fn every_manifest_is_found_in_the_order_of_paths_and_nothing_else() {
    let scratch = sample();
    let render = render_tree(&scratch, |_| {}).unwrap();
    assert_eq!(names(&render), ["top.YAML", "web/a.yml", "web/b.yaml", "web/deep/er/c.json"]);
    assert!(render.revision.is_some());
    let web = render_tree(&scratch, |options| options.path = "./web/".to_owned()).unwrap();
    assert_eq!(names(&web), ["web/a.yml", "web/b.yaml", "web/deep/er/c.json"]);
    assert_ne!(web.tree, render.tree);
    let one = render_tree(&scratch, |options| options.path = "web/b.yaml".to_owned()).unwrap();
    assert_eq!(names(&one), ["web/b.yaml"]);
}

#[test]
fn globs_choose_among_them() {
    let scratch = sample();
    for (include, exclude, expected) in [
        (&["*.yml", "*.json"][..], &[][..], &["web/a.yml", "web/deep/er/c.json"][..]),
        (&[], &["deep", "top.*"], &["web/a.yml", "web/b.yaml"]),
        (&["web/*"], &[], &["web/a.yml", "web/b.yaml"]),
        (&["web/**"], &["**/b.yaml"], &["web/a.yml", "web/deep/er/c.json"]),
    ] {
        let render = render_tree(&scratch, |options| {
            options.include = include.iter().map(ToString::to_string).collect();
            options.exclude = exclude.iter().map(ToString::to_string).collect();
        })
        .unwrap();
        assert_eq!(names(&render), expected, "{include:?} {exclude:?}");
    }
    let below = render_tree(&scratch, |options| {
        options.path = "web".to_owned();
        options.include = vec!["deep/**".to_owned()];
    });
    assert_eq!(names(&below.unwrap()), ["web/deep/er/c.json"], "globs begin at the rendered path");
    let bad = render_tree(&scratch, |options| options.exclude = vec!["a[".to_owned()]);
    assert!(told(bad)[0].contains("not a glob"));
}

#[test]
fn a_path_that_is_not_there_is_told_with_what_is() {
    let scratch = sample();
    let problems = render_tree(&scratch, |options| options.path = "web/deeper".to_owned());
    let problems = problems.unwrap_err();
    assert_eq!(problems.to_string(), "web/deeper: there is no `deeper` in `web`");
    assert_eq!(problems.hints(), ["`web` has a.yml, b.yaml, deep/, notes.txt"]);
    let outside = render_tree(&scratch, |options| options.path = "../etc".to_owned());
    assert_eq!(
        told(outside),
        ["../etc: this leads out of the source, and nothing outside of it is read"]
    );
}

#[test]
fn links_are_followed_inside_the_tree_and_nowhere_else() {
    let scratch = Scratch::empty();
    let file = scratch.blob(map("a").as_bytes());
    let other = scratch.blob(map("b").as_bytes());
    let link = |to: &str| scratch.blob(to.as_bytes());
    scratch.commit_tree(
        "main",
        scratch.tree(&[
            (b"shared/a.yaml", file, FILE),
            (b"shared/more/b.yaml", other, FILE),
            (b"app/link.yaml", link("../shared/a.yaml"), LINK),
            (b"app/folder", link("via"), LINK),
            (b"app/via", link("../shared/./more/../more"), LINK),
            (b"bad/absolute.yaml", link("/etc/passwd"), LINK),
            (b"bad/above.yaml", link("../../../etc/passwd"), LINK),
            (b"bad/round.yaml", link("round.yaml"), LINK),
            (b"bad/nothing.yaml", link("../shared/none.yaml"), LINK),
            (b"bad/note", link("none"), LINK),
            (b"bad/self", link("."), LINK),
            (b"bad/up", link(".."), LINK),
        ]),
    );
    let app = render_tree(&scratch, |options| {
        options.path = "app".to_owned();
        options.exclude = vec!["via".to_owned()];
    });
    assert_eq!(names(&app.unwrap()), ["app/folder/b.yaml", "app/link.yaml"]);
    let through = render_tree(&scratch, |options| options.path = "app/folder".to_owned());
    assert_eq!(names(&through.unwrap()), ["app/folder/b.yaml"]);
    let bad = render_tree(&scratch, |options| {
        options.path = "bad".to_owned();
        options.exclude = vec!["up".to_owned()];
    });
    assert_eq!(
        told(bad),
        [
            "bad/above.yaml: this leads out of the source, and nothing outside of it is read",
            "bad/absolute.yaml: this leads out of the source, and nothing outside of it is read",
            "bad/nothing.yaml: this symbolic link leads to `shared/none.yaml`, where nothing is",
            "bad/round.yaml: this passes through too many symbolic links",
            "bad/self: this symbolic link leads back to a folder that it is in",
        ]
    );
}

#[test]
fn every_bad_entry_is_told_at_once_with_its_file() {
    let scratch = Scratch::empty();
    let good = scratch.blob(map("a").as_bytes());
    let large = scratch.blob(&vec![b'#'; 50 << 20]);
    let module = scratch.commit("other", &[("x", "y")]);
    let latin = scratch.blob(b"apiVersion: v1\nkind: \xe9\n");
    let tab = scratch.blob(b"a:\n\tb: c\n");
    let nested = scratch.blob("[".repeat(10_000).as_bytes());
    let link = scratch.blob(b"../../out");
    scratch.commit_tree(
        "main",
        scratch.tree(&[
            (b"a.yaml", good, FILE),
            (b"again.yaml", good, FILE),
            (b"large.yaml", large, FILE),
            (b"latin.yaml", latin, FILE),
            (b"link", link, LINK),
            (b"module", module, SUBMODULE),
            (b"nested.yaml", nested, FILE),
            (b"n\xe9.yaml", good, FILE),
            (b"tab.yaml", tab, FILE),
        ]),
    );
    assert_eq!(
        told(render_tree(&scratch, |_| {})),
        [
            "again.yaml:1: configmap/a is already defined at a.yaml:1",
            "large.yaml: the file has 50 MiB; no manifest larger than 8 MiB is read",
            "latin.yaml:2: this is not UTF-8 text",
            "link: this leads out of the source, and nothing outside of it is read",
            "module: this is a Git submodule, whose content is not in this repository",
            "nested.yaml:1: values are nested deeper than 100 levels",
            "n\u{fffd}.yaml: this name is not UTF-8",
            "tab.yaml:2: a tab stands in the indentation",
        ]
    );
}

#[test]
fn a_folder_for_another_tool_says_which() {
    let scratch = Scratch::with(&[
        ("a.yaml", &map("a")),
        ("base/kustomization.yaml", "resources: [b.yaml]\n"),
        ("base/b.yaml", &map("b")),
        ("chart/Chart.yaml", "name: c\n"),
        ("chart/templates/c.yaml", "{{ if }}\n"),
    ]);
    assert_eq!(
        told(render_tree(&scratch, |_| {})),
        [
            "base/kustomization.yaml: this folder has to be rendered by kustomize",
            "chart/Chart.yaml: this folder has to be rendered by Helm",
        ]
    );
    let render = render_tree(&scratch, |options| {
        options.exclude = vec!["chart".to_owned(), "kustomization.yaml".to_owned()];
    });
    assert_eq!(names(&render.unwrap()), ["a.yaml", "base/b.yaml"]);
}

#[test]
fn caps_on_the_whole_are_kept() {
    let scratch = sample();
    let bytes = render_tree(&scratch, |options| options.limits.total_bytes = 100);
    assert_eq!(told(bytes), ["web/a.yml: with this file the source exceeds 100 bytes"]);
    let entries = render_tree(&scratch, |options| options.limits.entries = 4);
    assert_eq!(told(entries), ["web: the source has more than 4 files"]);
    let depth = render_tree(&scratch, |options| options.limits.depth = 2);
    assert!(told(depth).contains(&"web/deep/er: folders are nested deeper than 2".to_owned()));
}

#[test]
fn a_mirror_damaged_under_the_render_is_rebuilt_and_read() {
    let scratch = sample();
    let schemas = Schemas::builtin();
    let options = RenderOptions::new(&schemas);
    let (folder, url) = (scratch.mirror("mirror"), scratch.url());
    let run = || fetch_and_render(&folder, &url, &Reference::Head, &options).unwrap().1;
    let before = run();
    // A file's object alone is lost: the commit and its trees are still there.
    let blob = scratch.blob(map("m0").as_bytes());
    let objects = folder.join("objects");
    for pack in crate::git::testing::files_below(&objects.join("pack")) {
        let name = scratch.folder.path().join(pack.file_name().unwrap());
        std::fs::rename(&pack, &name).unwrap();
        if name.extension().is_some_and(|end| end == "pack") {
            let repository = git2::Repository::open_bare(&folder).unwrap();
            let bytes = std::fs::read(&name).unwrap();
            let odb = repository.odb().unwrap();
            let mut writer = odb.packwriter().unwrap();
            std::io::Write::write_all(&mut writer, &bytes).unwrap();
            writer.commit().unwrap();
        }
    }
    assert_eq!(run(), before);
    unpack(&folder, &scratch, blob);
    assert_eq!(run(), before);
}

/// Replaces a mirror's packs by loose objects, without the one that is to be missing.
fn unpack(folder: &std::path::Path, scratch: &Scratch, missing: git2::Oid) {
    let pack = folder.join("objects/pack");
    for file in crate::git::testing::files_below(&pack) {
        std::fs::remove_file(file).unwrap();
    }
    let mirror = git2::Repository::open_bare(folder).unwrap();
    let (from, to) = (scratch.repository.odb().unwrap(), mirror.odb().unwrap());
    let mut all = Vec::new();
    from.foreach(|oid| {
        all.push(*oid);
        true
    })
    .unwrap();
    for oid in all.into_iter().filter(|oid| *oid != missing) {
        let object = from.read(oid).unwrap();
        to.write(object.kind(), object.data()).unwrap();
    }
}

#[test]
fn files_and_folders_of_the_machine_are_read_by_the_same_rules() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("app/deep")).unwrap();
    std::fs::write(root.join("app/deep/b.yaml"), map("b")).unwrap();
    std::fs::write(root.join("app/a.yaml"), map("a")).unwrap();
    std::fs::write(root.join("single.txt"), map("c")).unwrap();
    let schemas = Schemas::builtin();
    let options = RenderOptions::new(&schemas);
    let path = |name: &str| FileSource::Path(root.join(name));
    let stream = FileSource::Bytes { name: "-".to_owned(), bytes: map("d").into_bytes() };
    let render = render_files(&[path("app"), path("single.txt"), stream], &options).unwrap();
    let shown = |name: &str| root.join(name).to_str().unwrap().to_owned();
    assert_eq!(
        names(&render),
        [&shown("app/a.yaml"), &shown("app/deep/b.yaml"), &shown("single.txt"), "-"]
    );
    assert_eq!((render.revision, render.tree), (None, None));
    let missing = render_files(&[path("none"), path("app"), path("app/a.yaml")], &options);
    let told = told(missing);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|line| line.starts_with(&shown("none"))), "{told:?}");
    assert!(told.iter().any(|line| line.contains("already defined")), "{told:?}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../single.txt", root.join("app/out.yaml")).unwrap();
        let problems = render_files(&[path("app")], &options).unwrap_err();
        assert!(problems.to_string().contains("leads out of the source"), "{problems}");
    }
}

#[test]
fn four_thousand_objects_take_well_under_a_second_when_optimised() {
    let container = "      - name: app\n        image: registry.example.com/team/app:1.2.3\n        env: [{name: A, value: \"1\"}, {name: B, value: two}]\n        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: \"1\", memory: 128Mi}}\n        ports: [{containerPort: 8080, name: http}]\n";
    let scratch = Scratch::empty();
    let files: Vec<(String, String)> = (0..1_000)
        .map(|n| {
            let documents: Vec<String> = (0..4)
                .map(|m| {
                    format!("---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-{n}-{m}\n  namespace: shop\n  labels: {{app: web}}\nspec:\n  replicas: 3\n  selector:\n    matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      containers:\n{container}")
                })
                .collect();
            (format!("apps/{}/{n}.yaml", n % 50), documents.concat())
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    scratch.commit("main", &files);
    let schemas = Schemas::builtin();
    let options = RenderOptions::new(&schemas);
    let (mirror, revision) =
        Mirror::sync(&scratch.mirror("mirror"), &scratch.url(), &Reference::Head).unwrap();
    #[allow(clippy::disallowed_methods, reason = "the test is about time")]
    let started = std::time::Instant::now();
    let render = render::render(&mirror, &revision, &options).unwrap();
    let took = started.elapsed();
    println!("4,000 objects in {took:?}");
    assert_eq!(render.objects.len(), 4_000);
    // Not optimised, and on a busy machine, it may take several times as long.
    assert!(took < std::time::Duration::from_secs(20), "{took:?}");
}
