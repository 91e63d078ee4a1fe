//! One chart in a picture.

use super::canvas::{Anchor, Canvas, Colour, INK, LINE, SOFT};
use crate::chart::{Band, Chart, Dash, Line};
use crate::error::ReportError;
use crate::series::MarkKind;
use crate::words::{inert, short};

const LEFT: f64 = 120.0;
const RIGHT: f64 = 1560.0;
const ABOVE: f64 = 88.0;
const BELOW: f64 = 66.0;
const TEXT: f64 = 17.0;

const BAND: Colour = (213, 94, 0);

/// As in the page's style: told apart with any colour vision, and by their dashes.
const PALETTE: [Colour; 7] = [
    (122, 132, 142),
    (0, 99, 166),
    (0, 128, 92),
    (192, 74, 0),
    (150, 64, 122),
    (138, 97, 0),
    (179, 38, 30),
];

/// The field in which lines are drawn.
#[derive(Clone, Copy)]
struct Field {
    top: f64,
    bottom: f64,
}

impl Field {
    fn x(chart: &Chart, x: f64) -> f64 {
        LEFT + chart.x.place(x) * (RIGHT - LEFT)
    }

    fn at(self, place: f64) -> f64 {
        self.bottom - place * (self.bottom - self.top)
    }
}

pub fn draw(canvas: &mut Canvas, chart: &Chart, top: f64, height: f64) -> Result<(), ReportError> {
    canvas.text(
        &inert(&chart.title),
        (40.0, top + 14.0),
        22.0,
        INK,
        Anchor::Left,
    )?;
    if !chart.has_values() {
        return canvas.text(
            "Not recorded in this run.",
            (40.0, top + 50.0),
            TEXT,
            SOFT,
            Anchor::Left,
        );
    }
    let field = Field {
        top: top + ABOVE,
        bottom: top + height - BELOW,
    };
    legend(canvas, chart, top + 17.0)?;
    for band in &chart.bands {
        let (from, until) = (Field::x(chart, band.from), Field::x(chart, band.until));
        canvas.rectangle(
            (from, field.top),
            (until.max(from + 2.0), field.bottom),
            BAND,
            0.14,
        )?;
    }
    band_names(canvas, chart, field)?;
    axes(canvas, chart, field)?;
    for line in &chart.lines {
        draw_line(canvas, chart, line, field)?;
    }
    marks(canvas, chart, field)
}

/// In one row from the right, as far as there is room.
fn legend(canvas: &mut Canvas, chart: &Chart, top: f64) -> Result<(), ReportError> {
    let title_ends = 40.0 + Canvas::text_width(&inert(&chart.title), 22.0) + 30.0;
    let mut right = RIGHT;
    for line in chart.lines.iter().rev() {
        let name = short(&inert(&line.name), 32);
        let width = Canvas::text_width(&name, TEXT);
        if right - width - 60.0 < title_ends {
            break;
        }
        canvas.text(&name, (right, top), TEXT, INK, Anchor::Right)?;
        let y = top + TEXT * 0.6;
        let ends = right - width - 8.0;
        let colour = PALETTE[usize::from(line.colour) % PALETTE.len()];
        if line.area {
            canvas.rectangle((ends - 40.0, y - 7.0), (ends, y + 7.0), colour, 0.22)?;
        }
        stroke(canvas, &[(ends - 40.0, y), (ends, y)], line.dash, colour)?;
        right = ends - 40.0 - 26.0;
    }
    Ok(())
}

/// Above the field, each over its band, as far as the next one leaves room.
fn band_names(canvas: &mut Canvas, chart: &Chart, field: Field) -> Result<(), ReportError> {
    let mut bands: Vec<&Band> = chart.bands.iter().collect();
    bands.sort_by(|a, b| a.from.total_cmp(&b.from));
    for (index, band) in bands.iter().enumerate() {
        let from = Field::x(chart, band.from);
        let next = bands
            .get(index + 1)
            .map_or(RIGHT, |next| Field::x(chart, next.from));
        let fits = ((next - from - 12.0) / (TEXT * 0.62)).max(0.0) as usize;
        canvas.line(&[(from, field.top - 22.0), (from, field.bottom)], 1.5, BAND)?;
        if fits >= 2 {
            canvas.text(
                &short(&inert(&band.name), fits),
                (from + 6.0, field.top - 23.0),
                TEXT,
                BAND,
                Anchor::Left,
            )?;
        }
    }
    Ok(())
}

fn axes(canvas: &mut Canvas, chart: &Chart, field: Field) -> Result<(), ReportError> {
    canvas.text(
        chart.unit.label(),
        (40.0, field.top - 40.0),
        TEXT,
        SOFT,
        Anchor::Left,
    )?;
    for tick in chart.y.ticks(chart.unit) {
        let y = field.at(tick.at);
        canvas.line(&[(LEFT, y), (RIGHT, y)], 1.0, LINE)?;
        canvas.text(
            &tick.label,
            (LEFT - 12.0, y),
            TEXT,
            SOFT,
            Anchor::RightMiddle,
        )?;
    }
    canvas.line(
        &[
            (LEFT, field.top),
            (LEFT, field.bottom),
            (RIGHT, field.bottom),
        ],
        1.5,
        SOFT,
    )?;
    for tick in chart.x.ticks() {
        let x = LEFT + tick.at * (RIGHT - LEFT);
        canvas.line(&[(x, field.bottom), (x, field.bottom + 6.0)], 1.5, SOFT)?;
        canvas.text(
            &tick.label,
            (x, field.bottom + 10.0),
            TEXT,
            SOFT,
            Anchor::Centre,
        )?;
    }
    let middle = (LEFT + RIGHT) / 2.0;
    canvas.text(
        chart.x.label(),
        (middle, field.bottom + 34.0),
        TEXT,
        SOFT,
        Anchor::Centre,
    )
}

fn draw_line(
    canvas: &mut Canvas,
    chart: &Chart,
    line: &Line,
    field: Field,
) -> Result<(), ReportError> {
    let colour = PALETTE[usize::from(line.colour) % PALETTE.len()];
    for run in line.points.split(|(_, value)| value.is_none()) {
        let place = |&(x, y): &(f64, Option<f64>)| {
            (
                Field::x(chart, x),
                field.at(chart.y.place(y.unwrap_or(0.0))),
            )
        };
        let mut points: Vec<(f64, f64)> = run.iter().map(place).collect();
        match points.as_slice() {
            [] => continue,
            // A lone point would not show.
            [(x, y)] => points = vec![(x - 1.5, *y), (x + 1.5, *y)],
            _ => {}
        }
        if line.area {
            let mut outline = points.clone();
            outline.extend([
                (points[points.len() - 1].0, field.bottom),
                (points[0].0, field.bottom),
            ]);
            canvas.polygon(&outline, colour, 0.22)?;
        }
        stroke(canvas, &points, line.dash, colour)?;
    }
    Ok(())
}

fn stroke(
    canvas: &mut Canvas,
    points: &[(f64, f64)],
    dash: Dash,
    colour: Colour,
) -> Result<(), ReportError> {
    let (on, off) = match dash {
        Dash::Solid => return canvas.line(points, 2.5, colour),
        Dash::Dashed => (10.0, 6.0),
        Dash::Dotted => (3.0, 5.0),
    };
    for piece in dashes(points, on, off) {
        canvas.line(&piece, 2.5, colour)?;
    }
    Ok(())
}

/// Cuts a line into its dashes, counted along the line.
fn dashes(points: &[(f64, f64)], on: f64, off: f64) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, on);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let share = done / length;
            let here = (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share);
            if drawing {
                piece.push(here);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![here];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - done;
        if drawing {
            piece.push((x1, y1));
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

/// Small shapes on the foot of the field.
fn marks(canvas: &mut Canvas, chart: &Chart, field: Field) -> Result<(), ReportError> {
    for mark in &chart.marks {
        let (x, y) = (Field::x(chart, mark.at), field.bottom - 8.0);
        let (shape, colour): (&[(f64, f64)], usize) = match mark.kind {
            MarkKind::Election => (&[(0.0, -7.0), (7.0, 0.0), (0.0, 7.0), (-7.0, 0.0)], 4),
            MarkKind::Rebalance => (&[(-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0)], 5),
            MarkKind::ServiceDown => (&[(-7.0, -6.0), (7.0, -6.0), (0.0, 7.0)], 6),
            MarkKind::ServiceUp => (&[(-7.0, 7.0), (7.0, 7.0), (0.0, -6.0)], 2),
        };
        let outline: Vec<(f64, f64)> = shape.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        canvas.polygon(&outline, PALETTE[colour], 1.0)?;
    }
    mark_legend(canvas, chart, field)
}

/// What the shapes mean, below the axis on the right.
fn mark_legend(canvas: &mut Canvas, chart: &Chart, field: Field) -> Result<(), ReportError> {
    let mut right = RIGHT;
    let kinds = [
        (MarkKind::ServiceUp, "▲ process ready", 2),
        (MarkKind::ServiceDown, "▼ process ended", 6),
        (MarkKind::Rebalance, "■ group rebalanced", 5),
        (MarkKind::Election, "◆ leader elected", 4),
    ];
    for (kind, text, colour) in kinds {
        if chart.marks.iter().any(|mark| mark.kind == kind) {
            canvas.text(
                text,
                (right, field.bottom + 36.0),
                15.0,
                PALETTE[colour],
                Anchor::Right,
            )?;
            right -= Canvas::text_width(text, 15.0) + 22.0;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_of_a_line_around_corners() {
        let line = [(0.0, 0.0), (50.0, 0.0), (50.0, 50.0)];
        let pieces = dashes(&line, 10.0, 6.0);
        let drawn = |piece: &Vec<(f64, f64)>| {
            let lengths = piece
                .windows(2)
                .map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1));
            lengths.sum::<f64>()
        };
        let all: f64 = pieces.iter().map(drawn).sum();
        assert!(
            (all - 64.0).abs() < 1e-6,
            "six dashes of ten and one of four: {all}"
        );
        assert!(pieces.iter().all(|piece| drawn(piece) <= 10.0 + 1e-6));
    }
}
