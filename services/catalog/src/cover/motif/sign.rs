//! What stands for an idea.

use std::f64::consts::TAU;

use super::Tones;
use crate::cover::canvas::Canvas;
use crate::cover::canvas::Paint::{Fill, Line};
use crate::cover::dice::Dice;

/// A point so far from the origin in a direction.
fn polar(turn: f64, radius: f64) -> (f64, f64) {
    (turn.cos() * radius, turn.sin() * radius)
}

/// A compass rose.
pub(super) fn compass(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let north = dice.between(-0.3, 0.3);
    canvas.circle(0.0, 0.0, 70.0, Line(tones.second, 3.0));
    canvas.circle(0.0, 0.0, 60.0, Line(tones.second, 1.5));
    for point in (1..8).step_by(2).chain((0..8).step_by(2)) {
        let long = point % 2 == 0;
        let turn = north + f64::from(point) * TAU / 8.0;
        let (reach, waist) = if long { (99.0, 19.0) } else { (62.0, 17.0) };
        let tip = polar(turn, reach);
        for (side, colour) in
            [(-1.0, if long { tones.fore } else { tones.second }), (1.0, if long { tones.accent } else { tones.fore })]
        {
            canvas.polygon(&[(0.0, 0.0), polar(turn + side * TAU / 16.0, waist), tip], Fill(colour));
        }
    }
    canvas.circle(0.0, 0.0, 8.0, Fill(tones.back));
    canvas.circle(0.0, 0.0, 4.0, Fill(tones.accent));
}

/// A labyrinth of rings.
pub(super) fn labyrinth(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let mut door = dice.between(0.0, TAU);
    for ring in 0..6 {
        let radius = 94.0 - f64::from(ring) * 15.0;
        let half = 10.0 / radius;
        let (from, to) = (polar(door + half, radius), polar(door - half, radius));
        canvas.path(
            format_args!("M{:.1} {:.1}A{radius} {radius} 0 1 1 {:.1} {:.1}", from.0, from.1, to.0, to.1),
            Line(if ring == 3 { tones.second } else { tones.fore }, 6.0),
        );
        if ring < 5 {
            // A wall beside the door, from this ring to the next.
            let wall = door + if dice.chance(0.5) { 3.0 } else { -3.0 } * half;
            canvas.line(polar(wall, radius), polar(wall, radius - 15.0), tones.fore, 6.0);
        }
        door += dice.between(1.2, 4.8);
    }
    canvas.circle(0.0, 0.0, 7.5, Fill(tones.accent));
}

/// Orbits around a centre.
pub(super) fn orbits(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let count = 3 + dice.below(2);
    let start = dice.between(0.0, 60.0);
    for orbit in 0..count {
        #[expect(clippy::cast_precision_loss, reason = "four at most")]
        let degrees = start + 180.0 * orbit as f64 / count as f64;
        canvas.ellipse(96.0, 34.0, degrees, Line(if orbit == 0 { tones.second } else { tones.fore }, 3.6));
        let along = dice.between(0.0, TAU);
        canvas.placed((0.0, 0.0), degrees, 1.0, |canvas| {
            let (x, y) = (along.cos() * 96.0, along.sin() * 34.0);
            canvas.circle(x, y, 12.0, Fill(tones.back));
            canvas.circle(x, y, 8.5, Fill(tones.accent));
        });
    }
    canvas.circle(0.0, 0.0, 19.0, Fill(tones.back));
    canvas.circle(0.0, 0.0, 15.0, Fill(tones.accent));
}

/// A sun with long and short rays.
pub(super) fn sunburst(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let rays = 12 + 2 * dice.below(4);
    #[expect(clippy::cast_precision_loss, reason = "eighteen at most")]
    let step = TAU / rays as f64;
    let mut turn = -TAU / 4.0;
    for ray in 0..rays {
        let tip = polar(turn, if ray % 2 == 0 { 99.0 } else { 80.0 });
        let (left, right) = (polar(turn - step * 0.40, 51.0), polar(turn + step * 0.40, 51.0));
        canvas.polygon(&[left, tip, right], Fill(if ray % 2 == 0 { tones.fore } else { tones.second }));
        turn += step;
    }
    canvas.circle(0.0, 0.0, 42.0, Fill(tones.accent));
    canvas.circle(0.0, 0.0, 33.0, Line(tones.back, 2.0));
    // An eye that looks on.
    canvas.path("M-24 0Q0 -23 24 0Q0 23 -24 0Z", Fill(tones.back));
    canvas.circle(0.0, 0.0, 9.0, Fill(tones.accent));
    canvas.circle(0.0, 0.0, 3.6, Fill(tones.back));
}

/// Nine small pieces that make one.
pub(super) fn patchwork(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let mut last = 9;
    for cell in 0..9 {
        let (x, y) = (f64::from(cell % 3) * 66.0 - 66.0, f64::from(cell / 3) * 66.0 - 66.0);
        let mut kind = dice.below(6);
        if kind == last {
            kind = (kind + 1) % 6;
        }
        last = kind;
        let [one, two] = *dice.pick(&[
            [tones.fore, tones.accent],
            [tones.second, tones.fore],
            [tones.accent, tones.fore],
            [tones.fore, tones.second],
        ]);
        let turn = f64::from(u8::try_from(dice.below(4)).unwrap_or(0)) * 90.0;
        canvas.placed((x, y), turn, 1.0, |canvas| match kind {
            0 => {
                canvas.circle(0.0, 0.0, 30.0, Fill(one));
                canvas.circle(0.0, 0.0, 12.0, Fill(two));
            }
            1 => {
                canvas.path("M-30 -30H30A60 60 0 0 1 -30 30Z", Fill(one));
                canvas.path("M-30 -30H0A30 30 0 0 1 -30 0Z", Fill(two));
            }
            2 => {
                canvas.polygon(&[(-30.0, -30.0), (30.0, -30.0), (30.0, 30.0)], Fill(one));
                canvas.polygon(&[(-30.0, -18.0), (-30.0, 30.0), (18.0, 30.0)], Fill(two));
            }
            3 => {
                canvas.path("M-30 -2A30 30 0 0 1 30 -2Z", Fill(one));
                canvas.path("M-30 30A30 30 0 0 1 30 30Z", Fill(two));
            }
            4 => {
                canvas.polygon(&[(0.0, -30.0), (30.0, 0.0), (0.0, 30.0), (-30.0, 0.0)], Fill(one));
                canvas.circle(0.0, 0.0, 9.0, Fill(two));
            }
            _ => {
                for (y, colour) in [(-30.0, one), (-8.0, two), (14.0, one)] {
                    canvas.rect(-30.0, y, 60.0, 16.0, Fill(colour));
                }
            }
        });
    }
}
