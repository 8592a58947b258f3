//! The memory's answer is always a cold render's answer.

use std::collections::BTreeMap;

use merge::schema::Schemas;
use proptest::prelude::*;

use super::*;
use crate::git::testing::{FILE, LINK, Scratch, TreeEntry};
use crate::render::Render;
use crate::{Mirror, Reference};

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gears.example.com}\nspec: {group: example.com, names: {kind: Gear}, scope: SCOPE}\n";

fn map(name: &str, value: u8) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: \"{value}\"}}\n"
    )
}

fn gear(name: &str) -> String {
    format!("apiVersion: example.com/v1\nkind: Gear\nmetadata: {{name: {name}, namespace: shop}}\n")
}

/// A file of a source: text, or a link to a path.
#[derive(Debug, Clone, PartialEq)]
enum Content {
    Text(String),
    Link(String),
}

type Files = BTreeMap<String, Content>;

fn commit(scratch: &Scratch, files: &Files) -> Revision {
    let entries: Vec<TreeEntry<'_>> = files
        .iter()
        .map(|(path, content)| match content {
            Content::Text(text) => (path.as_bytes(), scratch.blob(text.as_bytes()), FILE),
            Content::Link(to) => (path.as_bytes(), scratch.blob(to.as_bytes()), LINK),
        })
        .collect();
    Revision::of(scratch.commit_tree("main", scratch.tree(&entries)))
}

/// What a render and a memory say in common.
fn shown(
    render: &Result<Render, Problems>,
) -> Result<(Vec<String>, Digest, Vec<Problem>), Problems> {
    render.as_ref().map_err(Clone::clone).map(|render| {
        let line = |it: &Manifest| format!("{} {} {} {}", it.origin, it.id, it.gvk, it.digest);
        (render.objects.iter().map(line).collect(), render.digest, render.warnings.clone())
    })
}

fn outlined(
    outlines: &Result<Outlines<'_>, Problems>,
) -> Result<(Vec<String>, Digest, Vec<Problem>), Problems> {
    outlines.as_ref().map_err(Clone::clone).map(|outlines| {
        let line =
            |it: Outline<'_>| format!("{} {} {} {}", it.origin(), it.id(), it.gvk, it.digest);
        (outlines.iter().map(line).collect(), outlines.digest(), outlines.warnings().to_vec())
    })
}

/// What is different between two renders, found by comparing everything.
fn differences(before: &[Manifest], after: &[Manifest]) -> Changes {
    let by_id = |objects: &[Manifest]| -> BTreeMap<ObjectId, (Digest, merge::Origin)> {
        objects.iter().map(|it| (it.id.clone(), (it.digest, it.origin.clone()))).collect()
    };
    let (before, after) = (by_id(before), by_id(after));
    let mut changes = Changes::default();
    for (id, (digest, origin)) in &after {
        match before.get(id) {
            None => changes.added.push(id.clone()),
            Some((old, _)) if old != digest => changes.changed.push(id.clone()),
            Some((_, old)) if old != origin => changes.moved.push(id.clone()),
            Some(_) => {}
        }
    }
    changes.removed = before.into_keys().filter(|id| !after.contains_key(id)).collect();
    changes
}

fn sorted(changes: &Changes) -> Changes {
    let mut changes = changes.clone();
    let Changes { added, changed, moved, removed } = &mut changes;
    for ids in [added, changed, moved, removed] {
        ids.sort();
    }
    changes
}

#[derive(Debug, Clone)]
enum Edit {
    Write(usize, String),
    Delete(usize),
    Move(usize, usize),
    Copy(usize, usize),
    Link(usize, usize),
}

const PATHS: &[&str] = &[
    "a.yaml",
    "b.yaml",
    "flat/a.yaml",
    "flat/b.yaml",
    "flat/c.yml",
    "flat/deep/a.yaml",
    "g.json",
    "out/a.yaml",
    "out/b.yaml",
    "zeta.yaml",
];

fn text() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["one", "two", "three", "four", "five", "six"]);
    let one = prop_oneof![
        6 => (name.clone(), 0..4_u8).prop_map(|(name, value)| map(name, value)),
        2 => name.prop_map(gear),
        1 => Just(DEFINITION.replace("SCOPE", "Cluster")),
        1 => Just(DEFINITION.replace("SCOPE", "Namespaced")),
        1 => Just("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad Name}\n".to_owned()),
        1 => Just("a: [\n".to_owned()),
        1 => Just("# nothing\n".to_owned()),
        1 => Just(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, namespace: odd}\n".to_owned()
        ),
    ];
    prop::collection::vec(one, 1..3).prop_map(|documents| documents.join("---\n"))
}

fn edit() -> impl Strategy<Value = Edit> {
    let path = 0..PATHS.len();
    prop_oneof![
        6 => (path.clone(), text()).prop_map(|(path, text)| Edit::Write(path, text)),
        3 => path.clone().prop_map(Edit::Delete),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Edit::Move(from, to)),
        1 => (path.clone(), path.clone()).prop_map(|(from, to)| Edit::Copy(from, to)),
        1 => (path.clone(), path).prop_map(|(from, to)| Edit::Link(from, to)),
    ]
}

fn perform(files: &mut Files, edit: Edit) {
    let path = |number: usize| PATHS[number].to_owned();
    match edit {
        Edit::Write(at, text) => drop(files.insert(path(at), Content::Text(text))),
        Edit::Delete(at) => drop(files.remove(&path(at))),
        Edit::Move(from, to) => {
            if let Some(content) = files.remove(&path(from)) {
                files.insert(path(to), content);
            }
        }
        Edit::Copy(from, to) => {
            if let Some(content) = files.get(&path(from)).cloned() {
                files.insert(path(to), content);
            }
        }
        Edit::Link(from, to) => {
            let up = "../".repeat(path(to).matches('/').count());
            files.insert(path(to), Content::Link(format!("{up}{}", path(from))));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_a_cold_render(
        commits in prop::collection::vec(prop::collection::vec(edit(), 1..3), 1..12),
        namespace in prop::option::of(Just("shop".to_owned())),
        narrow in any::<bool>(),
        tight in any::<bool>(),
    ) {
        let scratch = Scratch::with(&[("a.yaml", &map("one", 0))]);
        let schemas = Schemas::builtin();
        let mut options = RenderOptions { namespace, ..RenderOptions::new(&schemas) };
        if narrow {
            options.exclude = vec!["out".to_owned(), "flat/b.*".to_owned()];
        }
        if tight {
            options.limits.objects = 6;
            options.limits.value_bytes = 16 << 10;
        }
        let mut files = Files::new();
        let mut cache = RenderCache::new();
        let mut before: Vec<Manifest> = Vec::new();
        for edits in commits {
            for edit in edits {
                perform(&mut files, edit);
            }
            let revision = commit(&scratch, &files);
            let reference = Reference::Head;
            let (mirror, _) =
                Mirror::sync(&scratch.mirror("mirror"), &scratch.url(), &reference).unwrap();
            let cold = render::render(&mirror, &revision, &options);
            let warm = cache.render(&mirror, &revision, &options);
            prop_assert_eq!(outlined(&warm), shown(&cold));
            if let (Ok(warm), Ok(cold)) = (warm, cold) {
                prop_assert_eq!(warm.revision(), cold.revision.as_ref());
                prop_assert_eq!(warm.tree(), cold.tree.clone());
                prop_assert_eq!(sorted(warm.changes()), differences(&before, &cold.objects));
                for object in &cold.objects {
                    prop_assert_eq!(warm.get(&object.id).map(|it| it.digest), Some(object.digest));
                }
                let ids: Vec<ObjectId> = cold.objects.iter().rev().map(|it| it.id.clone()).collect();
                let mut bodies = cache.manifests(&mirror, &ids).unwrap();
                bodies.reverse();
                prop_assert_eq!(&bodies, &cold.objects);
                before = cold.objects;
            }
            prop_assert!(cache.facts.len() <= 2 * PATHS.len(), "{} blobs", cache.facts.len());
            let again = cache.render(&mirror, &revision, &options);
            prop_assert!(again.is_err() || again.is_ok_and(|it| it.changes().is_empty()));
        }
    }
}

#[test]
fn many_files_read_on_several_threads_come_to_what_one_thread_reads() {
    let mut files = Files::new();
    for n in 0..300 {
        let mut text = map(&format!("m{n}"), 1);
        if n % 7 == 0 {
            text = format!("{text}---\n{}", gear(&format!("g{n}")));
        }
        if n == 130 {
            text = DEFINITION.replace("SCOPE", "Cluster");
        }
        files.insert(format!("f/{}/{n}.yaml", n % 9), Content::Text(text));
    }
    let scratch = Scratch::with(&[("a.yaml", &map("one", 0))]);
    let schemas = Schemas::builtin();
    for (broken, value_bytes) in
        [(false, 512 << 20), (true, 512 << 20), (false, 1 << 18), (true, 1 << 19)]
    {
        if broken {
            files.insert("f/3/broken.yaml".to_owned(), Content::Text("a: [\n".to_owned()));
            files.insert("f/5/twice.yaml".to_owned(), Content::Text(map("m1", 3)));
        }
        let revision = commit(&scratch, &files);
        let (mirror, _) =
            Mirror::sync(&scratch.mirror("mirror"), &scratch.url(), &Reference::Head).unwrap();
        let mut options = RenderOptions::new(&schemas);
        options.limits.value_bytes = value_bytes;
        let one = render::render(&mirror, &revision, &options);
        for threads in [2, 3, 8] {
            options.threads = threads.try_into().unwrap();
            let several = render::render(&mirror, &revision, &options);
            assert_eq!(several, one, "{threads} threads");
            let mut cache = RenderCache::new();
            let outlines = cache.render(&mirror, &revision, &options);
            assert_eq!(outlined(&outlines), shown(&one), "{threads} threads");
        }
        assert_eq!(one.is_ok(), !broken && value_bytes > 1 << 20);
        files.remove("f/3/broken.yaml");
        files.remove("f/5/twice.yaml");
    }
}

#[test]
fn what_is_known_is_not_read_again() {
    let text = |n: u8| Content::Text(map(&format!("m{n}"), 0));
    let mut files: Files = (0..9).map(|n| (format!("f/{n}.yaml"), text(n))).collect();
    let scratch = Scratch::with(&[("a.yaml", &map("one", 0))]);
    let schemas = Schemas::builtin();
    let options = RenderOptions::new(&schemas);
    let first = commit(&scratch, &files);
    let sync = || Mirror::sync(&scratch.mirror("m"), &scratch.url(), &Reference::Head).unwrap().0;
    let mut cache = RenderCache::new();
    assert_eq!(cache.render(&sync(), &first, &options).unwrap().changes().added.len(), 9);
    files.insert("f/3.yaml".to_owned(), Content::Text(map("m3", 1)));
    let second = commit(&scratch, &files);
    // A mirror that has nothing but the second commit, and of its files only the changed one.
    let mirror = sync();
    let bare = Mirror::sync(&scratch.mirror("other"), &scratch.url(), &Reference::Head).unwrap().0;
    drop(bare);
    let poor = scratch.mirror("other");
    for pack in crate::git::testing::files_below(&poor.join("objects/pack")) {
        std::fs::remove_file(pack).unwrap();
    }
    let (from, to) =
        (mirror.repository().odb().unwrap(), git2::Repository::open_bare(&poor).unwrap());
    let to = to.odb().unwrap();
    let tree = mirror.tree_of(&second).unwrap();
    let folder = mirror.repository().find_tree(tree).unwrap().get_name("f").unwrap().id();
    let changed = mirror.repository().find_tree(folder).unwrap().get_name("3.yaml").unwrap().id();
    for oid in [Oid::from_str(second.as_str()).unwrap(), tree, folder, changed] {
        let object = from.read(oid).unwrap();
        to.write(object.kind(), object.data()).unwrap();
    }
    let poor = Mirror::opened(&poor);
    let outlines = cache.render(&poor, &second, &options).unwrap();
    let id = ObjectId {
        group: String::new(),
        kind: "ConfigMap".to_owned(),
        namespace: None,
        name: "m3".to_owned(),
    };
    let expected = Changes { changed: vec![id.clone()], ..Changes::default() };
    assert_eq!(*outlines.changes(), expected);
    assert_eq!(outlines.len(), 9);
    let [body] = cache.manifests(&poor, [&id]).unwrap().try_into().unwrap();
    assert_eq!(body.body["data"]["a"], "1");
}
