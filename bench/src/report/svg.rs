//! Shapes as text.
//!
//! Every picture has a title and a description, and every colour is a class of the page's style, so that pictures follow
//! light and dark. What is no number is not drawn: a shape with `NaN` in it would not show, and would not say so.

use std::fmt::Write as _;

/// A picture being drawn.
#[derive(Debug)]
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Text as it may stand in XML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A coordinate: a tenth of a pixel is fine enough.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), ToOwned::to_owned)
}

fn finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn line(&mut self, class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        if finite(&[x1, y1, x2, y2]) {
            let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(number);
            let _ = write!(self.body, r#"<line class="{class}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>"#);
        }
    }

    pub(super) fn rect(&mut self, class: &str, [x, y]: [f64; 2], width: f64, height: f64) {
        if finite(&[x, y, width, height]) && width >= 0.0 && height >= 0.0 {
            let [x, y, width, height] = [x, y, width, height].map(number);
            let _ = write!(self.body, r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}"/>"#);
        }
    }

    pub(super) fn text(&mut self, class: &str, [x, y]: [f64; 2], anchor: Anchor, text: &str) {
        if finite(&[x, y]) {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let ([x, y], text) = ([x, y].map(number), escape(text));
            let _ = write!(self.body, r#"<text class="{class}" x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>"#);
        }
    }

    /// A line through points.
    pub(super) fn path(&mut self, class: &str, points: &[[f64; 2]]) {
        self.points("polyline", class, points);
    }

    /// A surface between points.
    pub(super) fn area(&mut self, class: &str, points: &[[f64; 2]]) {
        self.points("polygon", class, points);
    }

    fn points(&mut self, shape: &str, class: &str, points: &[[f64; 2]]) {
        let points: Vec<_> = points
            .iter()
            .filter(|point| finite(*point))
            .map(|[x, y]| format!("{},{}", number(*x), number(*y)))
            .collect();
        if points.len() > 1 {
            let _ = write!(self.body, r#"<{shape} class="{class}" points="{}"/>"#, points.join(" "));
        }
    }

    /// The mark of a mode: each has a shape of its own besides its colour. What it stands for is said when one points
    /// at it.
    pub(super) fn mark(&mut self, mode: usize, class: &str, [x, y]: [f64; 2], size: f64, says: &str) {
        if !finite(&[x, y]) {
            return;
        }
        let class = format!("{} {class}", super::mode_class(mode));
        let around = |points: &[[f64; 2]]| {
            let points = points.iter().map(|[dx, dy]| format!("{},{}", number(x + dx * size), number(y + dy * size)));
            points.collect::<Vec<_>>().join(" ")
        };
        let shape = match mode % 4 {
            0 => format!(r#"circle cx="{}" cy="{}" r="{}""#, number(x), number(y), number(size)),
            1 => format!(r#"polygon points="{}""#, around(&[[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]])),
            2 => format!(r#"polygon points="{}""#, around(&[[0.0, -1.15], [1.1, 0.85], [-1.1, 0.85]])),
            _ => format!(r#"polygon points="{}""#, around(&[[0.0, -1.25], [1.25, 0.0], [0.0, 1.25], [-1.25, 0.0]])),
        };
        let name = shape.split(' ').next().unwrap_or_default();
        let says = escape(says);
        let _ = write!(self.body, r#"<{shape} class="{class}"><title>{says}</title></{name}>"#);
    }

    /// The whole picture. `id` is unique in the page.
    pub(super) fn finish(self, id: &str, title: &str, description: &str) -> String {
        let Self { width, height, body } = self;
        let ([width, height], title, description) = ([width, height].map(number), escape(title), escape(description));
        format!(
            r#"<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="{id}-title {id}-desc" xmlns="http://www.w3.org/2000/svg"><title id="{id}-title">{title}</title><desc id="{id}-desc">{description}</desc>{body}</svg>"#
        )
    }
}

/// Moves labels that stand above each other apart, so that none is nearer than `gap` to the next: the positions, in the
/// order in which they came. All stay between `low` and `high` if there is room.
pub(super) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let at = |index: &usize| wanted.get(*index).copied().unwrap_or(0.0);
    order.sort_by(|a, b| at(a).total_cmp(&at(b)));
    let mut placed: Vec<f64> = order.iter().map(at).collect();
    // Down the list, then back up from the end.
    let mut least = low;
    for place in &mut placed {
        *place = place.max(least);
        least = *place + gap;
    }
    let mut most = high;
    for place in placed.iter_mut().rev() {
        *place = place.min(most);
        most = *place - gap;
    }
    let mut positions = vec![0.0; wanted.len()];
    for (index, place) in order.into_iter().zip(placed) {
        if let Some(position) = positions.get_mut(index) {
            *position = place;
        }
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_not_drawn() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.line("a", [f64::NAN, 0.0], [1.0, 1.0]);
        svg.rect("a", [0.0, 0.0], -1.0, 1.0);
        svg.text("a", [f64::INFINITY, 0.0], Anchor::Start, "x");
        svg.path("a", &[[0.0, 0.0], [f64::NAN, 1.0]]);
        svg.mark(0, "a", [0.0, f64::NAN], 3.0, "x");
        assert_eq!(svg.body, "");
    }

    #[test]
    fn text_is_escaped() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text("a", [1.0, 2.25], Anchor::Middle, "<a & \"b\">");
        assert_eq!(
            svg.body,
            r#"<text class="a" x="1" y="2.2" text-anchor="middle">&lt;a &amp; &quot;b&quot;&gt;</text>"#
        );
    }

    #[test]
    fn labels_are_moved_apart_and_stay_within_bounds() {
        assert_eq!(spread(&[5.0, 50.0], 10.0, 0.0, 100.0), [5.0, 50.0]);
        assert_eq!(spread(&[50.0, 49.0], 10.0, 0.0, 100.0), [59.0, 49.0]);
        assert_eq!(spread(&[99.0, 98.0], 10.0, 0.0, 100.0), [100.0, 90.0]);
    }
}
