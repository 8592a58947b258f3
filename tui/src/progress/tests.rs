//! What a reader of the terminal sees.

use engine::health::Status;
use engine::sync::Progress as Counts;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::*;

fn progress(waves: &[(i32, usize)]) -> Progress {
    let waves = waves.iter().map(|(number, total)| WaveBar {
        number: *number,
        state: WaveState::Waiting,
        applied: 0,
        healthy: 0,
        total: *total,
        waiting: BTreeMap::new(),
    });
    Progress { waves: waves.collect(), headline: String::new(), rollback: false }
}

fn note(kind: NoteKind, wave: i32) -> Note {
    Note {
        kind,
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        application: "default/shop".into(),
        revision: "abc".into(),
        run: RunKind::Sync,
        wave: Some(wave),
        object: None,
        action: None,
        health: None,
        trouble: None,
        message: String::new(),
        progress: None,
        milliseconds: None,
    }
}

fn drawn(progress: &Progress, colour: bool, height: u16) -> (Vec<String>, Buffer) {
    let area = Rect::new(0, 0, 100, height);
    let mut buffer = Buffer::empty(area);
    view(progress, colour, area, &mut buffer);
    let row = |y| {
        let cells = (0..area.width).map(|x| buffer[(x, y)].symbol().to_owned());
        cells.collect::<String>().trim_end().to_owned()
    };
    ((0..height).map(row).collect(), buffer)
}

#[test]
fn a_wave_goes_from_waiting_to_healthy() {
    let mut progress = progress(&[(0, 2), (1, 4)]);
    let mut started = note(NoteKind::WaveStarted, 1);
    started.progress = Some(Counts { applied: 2, healthy: 1, total: 4 });
    progress.note(&note(NoteKind::WaveHealthy, 0));
    progress.note(&started);
    let mut waits = note(NoteKind::Health, 1);
    waits.object = Some(ObjectId {
        group: "apps".into(),
        kind: "Deployment".into(),
        namespace: Some("shop".into()),
        name: "web".into(),
    });
    waits.health = Some(Status::Progressing);
    waits.message = "1 of 2 replicas are ready".into();
    progress.note(&waits);
    let (rows, _) = drawn(&progress, false, 4);
    assert_eq!(
        rows,
        [
            "",
            "✓ wave 0    healthy  ████████████████████ 2/2 healthy",
            "▸ wave 1    applying █████▒▒▒▒▒░░░░░░░░░░ 1/4 healthy  deployment.apps/web in shop: 1 of \
             2 replicas",
            "",
        ]
    );
    waits.health = Some(Status::Healthy);
    progress.note(&waits);
    assert!(progress.waves[1].waits_for().is_none());
}

#[test]
fn a_failed_wave_says_so_in_glyph_word_and_colour() {
    let mut progress = progress(&[(0, 1)]);
    progress.note(&note(NoteKind::Failed, 0));
    let (rows, buffer) = drawn(&progress, true, 2);
    assert!(rows[1].starts_with("✗ wave 0    failed"));
    assert_eq!(buffer[(0, 1)].fg, Color::Red);
    let (_, buffer) = drawn(&progress, false, 2);
    assert_eq!(buffer[(0, 1)].fg, Color::Reset);
}

#[test]
fn many_waves_are_shown_around_the_one_that_runs() {
    let mut progress = progress(&(0..50).map(|number| (number, 1)).collect::<Vec<_>>());
    for number in 0..20 {
        progress.note(&note(NoteKind::WaveHealthy, number));
    }
    let (rows, _) = drawn(&progress, false, 6);
    assert!(rows[1].contains("wave 19") && rows[2].contains("wave 20"));
    assert!(rows[5].contains("wave 23"));
    for number in 20..50 {
        progress.note(&note(NoteKind::WaveHealthy, number));
    }
    let (rows, _) = drawn(&progress, false, 6);
    assert!(rows[5].contains("wave 49"));
}
