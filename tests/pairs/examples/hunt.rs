//! local
use std::collections::BTreeMap;
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let base: u64 = std::env::args().nth(2).map_or(0, |x| x.parse().unwrap());
    let mut found: BTreeMap<String, (usize, String, Vec<u8>)> = BTreeMap::new();
    let mut files: Vec<_> = std::fs::read_dir("tests/fuzz/corpus/diff_pairs").unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut count = 0;
    for (place, file) in files.iter().enumerate() {
        let bytes = std::fs::read(file).unwrap();
        let mut grown = bytes.clone();
        for round in 0..n {
            let Some(next) = pairs::mutate(if round % 4 == 0 { &bytes } else { &grown }, base + place as u64 * 1_000_000 + round) else { continue };
            count += 1;
            let tried = next.clone();
            match std::panic::catch_unwind(move || pairs::check(&tried)) {
                Ok(Ok(_)) => grown = next,
                Ok(Err(b)) => {
                    let kind = b.how.chars().take(90).collect::<String>();
                    let e = found.entry(format!("{} | {kind}", b.rule)).or_insert((0, b.how.clone(), next.clone()));
                    e.0 += 1;
                    if next.len() < e.2.len() { e.1 = b.how; e.2 = next; }
                }
                Err(_) => { let e = found.entry(format!("PANIC {}", file.display())).or_insert((0, String::new(), next)); e.0 += 1; }
            }
        }
    }
    let mut v: Vec<_> = found.into_iter().collect();
    v.sort_by_key(|x| std::cmp::Reverse(x.1.0));
    println!("{count} tried, {} classes", v.len());
    for (k, (c, how, bytes)) in v.iter().take(25) {
        println!("== {c} × {k}\n   {}\n   {}", how.chars().take(900).collect::<String>(), String::from_utf8_lossy(&bytes).chars().take(1500).collect::<String>());
    }
}
