//! What people make.

use super::Tones;
use crate::cover::canvas::Canvas;
use crate::cover::canvas::Paint::{Fill, Line, Veil};
use crate::cover::dice::Dice;

/// An arched window on a night with a moon.
pub(super) fn window(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let moon = (dice.between(-28.0, 28.0), dice.between(-45.0, -10.0));
    canvas.path("M-62 96V-34A62 62 0 0 1 62 -34V96Z", Fill(tones.second));
    canvas.circle(moon.0, moon.1, 22.0, Fill(tones.accent));
    let (left, right) = (dice.between(20.0, 60.0), dice.between(25.0, 65.0));
    canvas.path(
        format_args!(
            "M-62 96V{left:.0}C-30 {:.0} -8 {:.0} 14 70S48 {right:.0} 62 {right:.0}V96Z",
            left - 26.0,
            left - 2.0
        ),
        Fill(tones.fore),
    );
    for (from, to) in [((0.0, -96.0), (0.0, 96.0)), ((-62.0, -34.0), (62.0, -34.0)), ((-62.0, 31.0), (62.0, 31.0))] {
        canvas.line(from, to, tones.back, 5.0);
    }
    canvas.path("M-66 96V-34A66 66 0 0 1 66 -34V96", Line(tones.fore, 6.0));
    canvas.rect(-82.0, 94.0, 164.0, 8.0, Fill(tones.fore));
}

/// Houses in a row; somebody is still awake.
pub(super) fn street(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let moon = (dice.between(-70.0, 70.0), -74.0);
    canvas.circle(moon.0, moon.1, 19.0, Fill(tones.accent));
    let awake = (dice.below(4), dice.below(3));
    let mut x = -98.0;
    for house in 0..4_usize {
        let (width, top) = (46.0, dice.between(-42.0, 0.0));
        let colour = if house % 2 == 0 { tones.fore } else { tones.second };
        let right = x + width;
        match dice.below(3) {
            0 => canvas.polygon(&[(x, top), (x + width / 2.0, top - 30.0), (right, top)], Fill(colour)),
            1 => canvas.path(
                format_args!(
                    "M{x:.0} {top:.0}V{:.0}H{:.0}V{:.0}H{:.0}V{:.0}H{right:.0}V{top:.0}Z",
                    top - 10.0,
                    x + 11.0,
                    top - 21.0,
                    right - 11.0,
                    top - 10.0
                ),
                Fill(colour),
            ),
            _ => canvas.path(
                format_args!("M{x:.0} {top:.0}A{0:.0} {0:.0} 0 0 1 {right:.0} {top:.0}Z", width / 2.0),
                Fill(colour),
            ),
        }
        canvas.rect(x, top - 0.5, width, 92.5 - top, Fill(colour));
        for floor in 0..3_u8 {
            for side in [9.0, 27.0] {
                let lit = (house, usize::from(floor)) == awake && side < 10.0;
                let y = top + 8.0 + f64::from(floor) * (82.0 - top) / 3.2;
                canvas.rect(x + side, y, 10.0, 15.0, Fill(if lit { tones.accent } else { tones.back }));
            }
        }
        x = right + 4.0;
    }
    canvas.rect(-100.0, 92.0, 200.0, 6.0, Fill(tones.fore));
}

/// A curtain that opens on a lit stage.
pub(super) fn stage(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let lean = dice.between(-16.0, 16.0);
    canvas.path(
        format_args!(
            "M{:.0} -92L{:.0} 82H{:.0}L{:.0} -92Z",
            lean - 5.0,
            lean * 0.4 - 44.0,
            lean * 0.4 + 44.0,
            lean + 5.0
        ),
        Veil(tones.accent, 0.45),
    );
    canvas.placed((lean * 0.4, 82.0), 0.0, 1.0, |canvas| canvas.ellipse(44.0, 9.0, 0.0, Fill(tones.accent)));
    let half = |canvas: &mut Canvas| {
        canvas.path("M-100 -84H-2C-4 -22 -34 18 -76 30C-64 46 -60 68 -60 94H-100Z", Fill(tones.fore));
        canvas.path(
            "M-26 -84C-30 -34 -52 4 -80 22M-52 -84C-56 -40 -70 -8 -88 10M-78 -84C-80 -52 -88 -26 -96 -14",
            Line(tones.back, 2.5),
        );
        canvas.path("M-80 42C-74 58 -72 76 -72 94M-90 40C-86 60 -86 76 -86 94", Line(tones.back, 2.5));
        canvas.path("M-100 26Q-84 36 -70 28", Line(tones.accent, 6.0));
    };
    half(canvas);
    canvas.mirrored(half);
    for scallop in 0..6 {
        let x = -100.0 + f64::from(scallop) * 33.333;
        canvas.path(
            format_args!("M{x:.1} -96H{:.1}V-80A16.667 15 0 0 1 {x:.1} -80Z", x + 33.333),
            Fill(if scallop % 2 == 0 { tones.second } else { tones.fore }),
        );
    }
    canvas.rect(-100.0, 94.0, 200.0, 6.0, Fill(tones.fore));
}

/// The nib of a pen and what it wrote.
pub(super) fn nib(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let (rise, fall) = (dice.between(6.0, 16.0), dice.between(6.0, 16.0));
    canvas.path(
        format_args!("M-96 84C-76 {:.0} -62 {:.0} -46 84S-18 {:.0} 0 86", 84.0 - rise * 2.0, 84.0 + fall, 84.0 - fall),
        Line(tones.accent, 5.0),
    );
    canvas.placed((0.0, 0.0), 18.0, 1.0, |canvas| {
        canvas.path("M26 84C14 56 -24 26 -18 -30L-8 -62H60L70 -30C76 26 38 56 26 84Z", Fill(tones.fore));
        canvas.path("M26 84V14", Line(tones.back, 3.0));
        canvas.circle(26.0, 6.0, 8.0, Fill(tones.back));
        canvas.path("M-10 -56H62L58 -100H-6Z", Fill(tones.second));
        canvas.rect(-13.0, -64.0, 78.0, 9.0, Fill(tones.accent));
    });
}

/// The front of a temple.
pub(super) fn temple(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let columns = 4 + 2 * dice.below(2);
    canvas.polygon(&[(-98.0, -42.0), (0.0, -96.0), (98.0, -42.0)], Fill(tones.fore));
    canvas.circle(0.0, -62.0, 11.0, Fill(tones.accent));
    canvas.rect(-90.0, -38.0, 180.0, 12.0, Fill(tones.second));
    #[expect(clippy::cast_precision_loss, reason = "six at most")]
    let pitch = 176.0 / columns as f64;
    let mut left = -88.0;
    for _ in 0..columns {
        let (shaft, middle) = (pitch * 0.56, left + pitch / 2.0);
        canvas.rect(middle - shaft / 2.0 - 4.0, -22.0, shaft + 8.0, 6.0, Fill(tones.fore));
        canvas.rect(middle - shaft / 2.0, -14.0, shaft, 78.0, Fill(tones.fore));
        for flute in [-0.25, 0.0, 0.25] {
            canvas.line((middle + flute * shaft, -8.0), (middle + flute * shaft, 58.0), tones.back, 1.6);
        }
        left += pitch;
    }
    for (half, y, colour) in [(90.0, 67.0, tones.fore), (96.0, 79.0, tones.second), (102.0, 91.0, tones.fore)] {
        canvas.rect(-half, y, half * 2.0, 9.0, Fill(colour));
    }
}

/// A keyhole, and the light behind the door.
pub(super) fn keyhole(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let rays = 10 + 2 * dice.below(4);
    #[expect(clippy::cast_precision_loss, reason = "sixteen at most")]
    let step = 360.0 / rays as f64;
    let mut turn = step / 2.0;
    for _ in 0..rays {
        canvas.placed((0.0, 0.0), turn, 1.0, |canvas| {
            canvas.polygon(&[(-7.0, -99.0), (7.0, -99.0), (2.5, -80.0), (-2.5, -80.0)], Fill(tones.second))
        });
        turn += step;
    }
    canvas.circle(0.0, 0.0, 74.0, Fill(tones.fore));
    canvas.circle(0.0, 0.0, 65.0, Line(tones.back, 2.0));
    canvas.path("M-13 -6L-25 48H25L13 -6Z", Fill(tones.accent));
    canvas.circle(0.0, -18.0, 23.0, Fill(tones.accent));
    for (x, y) in [(-48.0, 0.0), (48.0, 0.0)] {
        canvas.circle(x, y, 4.0, Fill(tones.back));
    }
}

/// A balloon between clouds.
pub(super) fn balloon(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let drift = dice.between(-12.0, 12.0);
    for (x, y, size) in [(-70.0 + drift, 44.0, 1.0), (64.0 + drift, -46.0, 0.8), (70.0 - drift, 70.0, 0.65)] {
        canvas.placed((x, y), 0.0, size, |canvas| {
            canvas.path("M-34 12A14 14 0 0 1 -26 -12A20 20 0 0 1 10 -18A16 16 0 0 1 30 12Z", Fill(tones.second));
        });
    }
    canvas.path("M-30 34L-12 74M30 34L12 74", Line(tones.fore, 2.5));
    for (half, colour) in [(66.0, tones.fore), (46.0, tones.accent), (22.0, tones.fore)] {
        canvas.path(format_args!("M0 42C-{0:.0} 22 -{half:.0} -2 -{half:.0} -34C-{half:.0} -72 -{1:.0} -98 0 -98C{1:.0} -98 {half:.0} -72 {half:.0} -34C{half:.0} -2 {0:.0} 22 0 42Z", half * 0.55, half * 0.56), Fill(colour));
    }
    canvas.path("M-22 40Q0 48 22 40L16 30Q0 36 -16 30Z", Fill(tones.accent));
    canvas.path("M-15 74H15L12 96H-12Z", Fill(tones.fore));
    canvas.rect(-17.0, 72.0, 34.0, 6.0, Fill(tones.accent));
}

/// A pair of scales, nearly level.
pub(super) fn scales(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let tilt = dice.between(3.0, 11.0) * if dice.chance(0.5) { 1.0 } else { -1.0 };
    let drop = 78.0 * tilt.to_radians().sin();
    canvas.path("M-5 -70H5L8 78H-8Z", Fill(tones.fore));
    canvas.path("M-46 96C-40 80 -20 78 0 78S40 80 46 96Z", Fill(tones.fore));
    for (side, colour) in [(-1.0, tones.accent), (1.0, tones.second)] {
        let (x, y) = (side * 76.0, -66.0 + side * drop);
        canvas.path(
            format_args!(
                "M{x:.1} {y:.1}L{:.1} {:.1}M{x:.1} {y:.1}L{:.1} {:.1}",
                x - 24.0,
                y + 72.0,
                x + 24.0,
                y + 72.0
            ),
            Line(tones.fore, 2.2),
        );
        canvas.path(
            format_args!(
                "M{:.1} {:.1}H{:.1}A30 26 0 0 1 {:.1} {:.1}Z",
                x - 30.0,
                y + 72.0,
                x + 30.0,
                x - 30.0,
                y + 72.0
            ),
            Fill(colour),
        );
    }
    canvas.placed((0.0, -66.0), tilt, 1.0, |canvas| canvas.path("M-80 -3Q0 -14 80 -3V3Q0 -4 -80 3Z", Fill(tones.fore)));
    canvas.circle(0.0, -72.0, 13.0, Fill(tones.accent));
    canvas.circle(0.0, -72.0, 5.0, Fill(tones.back));
}

/// A jester's cap with bells.
pub(super) fn jester(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let sway = dice.between(-10.0, 10.0);
    let side = |canvas: &mut Canvas, colour: &str| {
        canvas.path("M-58 50C-56 4 -64 -14 -92 12C-98 -34 -66 -66 -36 -44C-18 -30 -8 4 -4 50Z", Fill(colour));
        canvas.circle(-92.0, 20.0, 11.0, Fill(tones.accent));
        canvas.circle(-92.0, 24.0, 2.6, Fill(tones.back));
    };
    side(canvas, tones.fore);
    canvas.mirrored(|canvas| side(canvas, tones.second));
    canvas.path(format_args!("M-34 50C-34 0 -22 -44 {sway:.0} -78C22 -44 34 0 34 50Z"), Fill(tones.accent));
    canvas.path(format_args!("M0 50V{:.0}", -20.0), Line(tones.back, 2.0));
    canvas.circle(sway, -84.0, 12.0, Fill(tones.fore));
    canvas.circle(sway, -80.0, 2.8, Fill(tones.back));
    for point in 0..6 {
        let x = -66.0 + f64::from(point) * 22.0;
        canvas.polygon(
            &[(x, 52.0), (x + 22.0, 52.0), (x + 11.0, 88.0)],
            Fill(if point % 2 == 0 { tones.fore } else { tones.second }),
        );
        canvas.circle(x + 11.0, 90.0, 5.0, Fill(tones.accent));
    }
    canvas.rect(-68.0, 44.0, 136.0, 13.0, Fill(tones.fore));
}
