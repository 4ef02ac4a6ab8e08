//! What is found.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use super::Tones;
use crate::cover::canvas::Canvas;
use crate::cover::canvas::Paint::{Fill, Line};
use crate::cover::dice::Dice;

/// A branch with leaves and a few berries.
pub(super) fn branch(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let bend = dice.between(18.0, 42.0) * if dice.chance(0.5) { 1.0 } else { -1.0 };
    // A quadratic curve from the foot to the tip.
    let on_stem = |t: f64| {
        let x = 2.0 * t * (1.0 - t) * bend * 1.4 - t * t * bend * 0.6;
        // Room is left above the tip for its leaf.
        (x, 98.0 - 170.0 * t)
    };
    let mut stem = String::from("M0 98");
    for step in 1..=24 {
        let (x, y) = on_stem(f64::from(step) / 24.0);
        let _ = write!(stem, "L{x:.1} {y:.1}");
    }
    canvas.path(stem, Line(tones.fore, 4.0));
    let pairs = 6 + dice.below(3);
    for pair in 0..pairs {
        #[expect(clippy::cast_precision_loss, reason = "eight at most")]
        let t = 0.12 + 0.78 * pair as f64 / (pairs - 1) as f64;
        let length = (64.0 * (1.0 - t * 0.55)).min(60.0);
        for side in [-1.0, 1.0] {
            let shift = if side > 0.0 { 0.05 } else { 0.0 };
            let degrees = -90.0 + side * (58.0 - 26.0 * t) + dice.between(-6.0, 6.0);
            let colour = if dice.chance(0.22) {
                tones.accent
            } else if side > 0.0 {
                tones.fore
            } else {
                tones.second
            };
            canvas.placed(on_stem((t + shift).min(1.0)), degrees, 1.0, |canvas| {
                let half = length * 0.27;
                canvas.path(
                    format_args!(
                        "M2 0Q{:.1} {:.1} {length:.1} 0Q{:.1} {:.1} 2 0Z",
                        length * 0.42,
                        -half * 1.6,
                        length * 0.42,
                        half * 1.6
                    ),
                    Fill(colour),
                );
                canvas.path(format_args!("M6 0H{:.1}", length * 0.72), Line(tones.back, 1.4));
            });
        }
    }
    canvas.placed(on_stem(1.0), -90.0, 1.0, |canvas| canvas.path("M-4 0Q10 -11 30 0Q10 11 -4 0Z", Fill(tones.accent)));
}

/// The moon from new to full and back, over water.
pub(super) fn moons(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let full = 34.0;
    canvas.circle(0.0, -34.0, full, Fill(tones.accent));
    for side in [-1.0, 1.0] {
        for (away, radius, share) in [(56.0, 17.0, 0.35), (88.0, 11.0, -0.35)] {
            let x = side * away;
            // The lit limb is half a circle; the terminator half an ellipse.
            let (sweep, inner) = if side < 0.0 { (1, u8::from(share < 0.0)) } else { (0, u8::from(share > 0.0)) };
            let flat = f64::abs(share) * radius;
            let back = if side < 0.0 { 1 - inner } else { inner };
            canvas.path(format_args!("M{x:.1} {:.1}A{radius} {radius} 0 0 {sweep} {x:.1} {:.1}A{flat:.1} {radius} 0 0 {back} {x:.1} {:.1}Z", -34.0 - radius, -34.0 + radius, -34.0 - radius), Fill(tones.fore));
        }
    }
    for row in 0..6_u8 {
        let (y, half) = (22.0 + f64::from(row) * 13.0, 96.0 - f64::from(row) * 13.0);
        let (phase, colour) = (dice.between(0.0, TAU), if row % 2 == 0 { tones.fore } else { tones.second });
        let mut path = String::new();
        for step in 0..=24_u8 {
            let x = -half + f64::from(step) / 24.0 * half * 2.0;
            let _ =
                write!(path, "{}{x:.1} {:.1}", if step == 0 { "M" } else { "L" }, y + 3.0 * (x / 11.0 + phase).sin());
        }
        canvas.path(path, Line(colour, 4.0));
    }
}

/// Mountains before a sun, and a way up.
pub(super) fn peaks(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let sun = dice.between(-44.0, 44.0);
    canvas.circle(sun, -38.0, 42.0, Fill(tones.accent));
    let (left, right) = (dice.between(-58.0, -40.0), dice.between(38.0, 60.0));
    canvas.polygon(&[(-100.0, 84.0), (left, -36.0), (26.0, 84.0)], Fill(tones.second));
    canvas.polygon(&[(-20.0, 84.0), (right, -22.0), (100.0, 84.0)], Fill(tones.second));
    let top = dice.between(-10.0, 10.0);
    canvas.polygon(&[(-72.0, 84.0), (top, -70.0), (76.0, 84.0)], Fill(tones.fore));
    canvas.path(
        format_args!(
            "M{top:.0} -70L{:.0} -32L{:.0} -42L{:.0} -26L{:.0} -40L{:.0} -30Z",
            top + 19.0,
            top + 9.0,
            top + 1.0,
            top - 8.0,
            top - 19.0
        ),
        Fill(tones.back),
    );
    canvas.path("M-4 84C-34 66 26 54 4 38C-10 28 12 18 4 6", Line(tones.back, 3.0));
    canvas.path("M-100 84H100", Line(tones.fore, 6.0));
    canvas.path("M-84 97H84", Line(tones.second, 4.0));
}

/// A planet with a ring, among stars.
pub(super) fn planet(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    for _ in 0..7 {
        let (turn, away, size) = (dice.between(0.0, TAU), dice.between(72.0, 98.0), dice.between(3.0, 7.0));
        let (x, y) = (turn.cos() * away, turn.sin() * away);
        canvas.path(format_args!("M{x:.1} {:.1}Q{x:.1} {y:.1} {:.1} {y:.1}Q{x:.1} {y:.1} {x:.1} {:.1}Q{x:.1} {y:.1} {:.1} {y:.1}Q{x:.1} {y:.1} {x:.1} {:.1}Z", y - size, x + size, y + size, x - size, y - size), Fill(tones.fore));
    }
    let tilt = dice.between(-32.0, -12.0);
    canvas.placed((0.0, 0.0), tilt, 1.0, |canvas| {
        canvas.path("M-94 0A94 24 0 0 1 94 0", Line(tones.fore, 7.0));
        canvas.circle(0.0, 0.0, 56.0, Fill(tones.accent));
        canvas
            .path("M-51 -23A56 56 0 0 1 -31 -46.6Q4 -34 31 -46.6A56 56 0 0 1 51 -23Q0 -8 -51 -23Z", Fill(tones.second));
        canvas.path("M-50 25A56 56 0 0 0 -36 43Q0 52 36 43A56 56 0 0 0 50 25Q0 40 -50 25Z", Fill(tones.second));
        canvas.path("M-94 0A94 24 0 0 0 94 0", Line(tones.back, 13.0));
        canvas.path("M-94 0A94 24 0 0 0 94 0", Line(tones.fore, 7.0));
    });
    canvas.circle(dice.between(48.0, 70.0), dice.between(-74.0, -56.0), 9.0, Fill(tones.second));
}

/// A bare tree before the moon.
pub(super) fn tree(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    canvas.circle(dice.between(-14.0, 14.0), -14.0, 76.0, Fill(tones.accent));
    let lean = dice.between(-0.12, 0.12);
    // A stack instead of recursion: (foot, direction, length, width).
    let mut branches = vec![((0.0, 98.0), -TAU / 4.0 + lean, 50.0, 11.0)];
    let mut layers: Vec<(f64, String)> = Vec::new();
    while let Some(((x, y), turn, length, width)) = branches.pop() {
        let bow = dice.between(-0.22, 0.22);
        let (mx, my) = (x + (turn + bow).cos() * length * 0.5, y + (turn + bow).sin() * length * 0.5);
        let (tx, ty) = (x + turn.cos() * length, y + turn.sin() * length);
        // One path a width keeps the file small.
        let curve = format!("M{x:.0} {y:.0}Q{mx:.0} {my:.0} {tx:.0} {ty:.0}");
        match layers.iter_mut().find(|(of, _)| (of - width).abs() < 0.01) {
            Some((_, path)) => path.push_str(&curve),
            None => layers.push((width, curve)),
        }
        if length < 15.0 {
            continue;
        }
        let spread = dice.between(0.30, 0.52);
        for side in [-1.0, 1.0] {
            let shorter = length * dice.between(0.68, 0.84);
            branches.push(((tx, ty), turn + side * spread + dice.between(-0.12, 0.12), shorter, width * 0.66));
        }
    }
    for (width, path) in layers {
        canvas.path(path, Line(tones.fore, width.max(0.9)));
    }
    canvas.path("M-96 99Q-30 90 0 94T96 99Z", Fill(tones.fore));
}

/// The rings of a life, one a year.
pub(super) fn rings(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let phases: Vec<f64> = (0..3).map(|_| dice.between(0.0, TAU)).collect();
    let marked = 3 + dice.below(5);
    let mut radius = 94.0;
    let mut ring = 0;
    while radius > 7.0 {
        let mut path = String::new();
        for step in 0..72 {
            let turn = f64::from(step) / 72.0 * TAU;
            let swell = 0.055 * (2.0 * turn + phases[0]).sin()
                + 0.035 * (3.0 * turn + phases[1]).sin()
                + 0.018 * (5.0 * turn + phases[2] + radius / 22.0).sin();
            let r = radius * (0.9 + swell);
            let _ = write!(path, "{}{:.1} {:.1}", if step == 0 { "M" } else { "L" }, turn.cos() * r, turn.sin() * r);
        }
        path.push('Z');
        let width = if ring == 0 { 6.0 } else { dice.between(1.8, 4.2) };
        if ring == marked {
            canvas.path(&path, Line(tones.accent, 6.5));
        } else {
            canvas.path(&path, Line(if ring % 3 == 2 { tones.second } else { tones.fore }, width));
        }
        radius -= dice.between(7.5, 11.5);
        ring += 1;
    }
    canvas.circle(0.0, 0.0, 5.0, Fill(tones.accent));
}
