//! A sweep as an SVG: a panel for each figure, a line for each side; bars where the sizes are words.

use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;

use super::axis::{Axis, Scale};
use super::list::{Panel, Sweep};
use super::raw::{Measured, line};
use crate::job::Side;
use crate::work::Failure;

const PANEL_WIDTH: u32 = 480;
const HEIGHT: u32 = 420;
const LEGEND_HEIGHT: u32 = 28;
const LEGEND_FONT_SIZE: i32 = 14;
/// A letter's mean width, in parts of the font's size: what is drawn knows no font.
const LETTER_WIDTH: f64 = 0.58;
const FONT: &str = "sans-serif";
/// Part of the room between two words that their bars take.
const BARS: f64 = 0.8;

/// One colour a side in all plots, told apart by the colour-blind, too.
const fn colour(side: Side) -> RGBColor {
    match side {
        Side::Headwater => RGBColor(0, 90, 181),
        Side::NotFused => RGBColor(86, 180, 233),
        Side::Processes => RGBColor(0, 158, 115),
        Side::KafkaStreams => RGBColor(213, 94, 0),
        Side::KafkaStreamsAtLeastOnce => RGBColor(230, 159, 0),
        Side::KafkaStreamsProcesses => RGBColor(204, 121, 167),
        Side::Bare => RGBColor(120, 120, 120),
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, limit: (i32, i32)) -> i32 {
        let part = (place - self.from) / (self.to - self.from);
        limit.0 + (part * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Points = Vec<(u64, f64)>;

pub fn draw(sweep: &Sweep, measured: &[Measured], path: &Path) -> Result<(), Failure> {
    let panels = u32::try_from(sweep.panels.len())?;
    let area = SVGBackend::new(path, (PANEL_WIDTH * panels, HEIGHT)).into_drawing_area();
    area.fill(&WHITE).map_err(|error| at(path, &error))?;
    let area = area.titled(sweep.title, (FONT, 18)).map_err(|error| at(path, &error))?;
    let (legend, area) = area.split_vertically(LEGEND_HEIGHT);
    let has_points = |side: &Side| measured.iter().any(|row| row.side == side.words());
    let sides: Vec<Side> = sweep.sides.iter().copied().filter(has_points).collect();
    draw_legend(&legend, &sides).map_err(|error| at(path, &*error))?;
    for (panel, area) in sweep.panels.iter().zip(area.split_evenly((1, sweep.panels.len()))) {
        let line_of = |side: &Side| (*side, line(measured, side.words(), panel.figure));
        let lines: Vec<(Side, Points)> = sides.iter().map(line_of).collect();
        draw_panel(&area, sweep, panel, &lines).map_err(|error| at(path, &*error))?;
    }
    area.present().map_err(|error| at(path, &error))?;
    Ok(())
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    format!("{} can't be drawn: {error}", path.display()).into()
}

/// One for all panels, above them, where no line can lie behind it.
fn draw_legend(area: &Area<'_>, sides: &[Side]) -> Result<(), Failure> {
    let mut left = 64;
    for side in sides {
        area.draw(&Rectangle::new([(left, 10), (left + 16, 20)], colour(*side).filled()))?;
        area.draw(&Text::new(side.words(), (left + 22, 8), (FONT, LEGEND_FONT_SIZE)))?;
        left += 44 + (side.words().len() as f64 * LETTER_WIDTH * f64::from(LEGEND_FONT_SIZE)) as i32;
    }
    Ok(())
}

fn draw_panel(area: &Area<'_>, sweep: &Sweep, panel: &Panel, lines: &[(Side, Points)]) -> Result<(), Failure> {
    let points = || lines.iter().flat_map(|(_, points)| points.iter());
    let mut sizes: Vec<u64> = points().map(|(x, _)| *x).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let x = Axis::around(sweep.x_scale, sizes.iter().map(|x| *x as f64)).naming(sizes.iter().map(|x| *x as f64));
    let is_bars = matches!(sweep.x_scale, Scale::Words(_));
    // Bars stand on zero.
    let y_scale = if is_bars { Scale::Linear } else { panel.scale };
    let y = Axis::around(y_scale, points().map(|(_, value)| *value));
    let mut chart =
        ChartBuilder::on(area).margin(12).x_label_area_size(48).y_label_area_size(64).build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .axis_desc_style((FONT, 15))
        .label_style((FONT, 13))
        .x_desc(sweep.x)
        .y_desc(panel.words)
        .x_label_formatter(&|place| sweep.x_scale.words(*place))
        .y_label_formatter(&|place| y_scale.words(*place))
        .draw()?;
    for (number, (side, points)) in lines.iter().enumerate() {
        let colour = colour(*side);
        let placed = points.iter().map(|(x, value)| (sweep.x_scale.place(*x as f64), y_scale.place(*value)));
        if is_bars {
            let width = BARS / lines.len() as f64;
            let left = number as f64 * width - BARS / 2.0;
            let bar = |(x, y): (f64, f64)| Rectangle::new([(x + left, 0.0), (x + left + width, y)], colour.filled());
            chart.draw_series(placed.map(bar))?;
        } else {
            chart.draw_series(placed.clone().map(|place| Circle::new(place, 3, colour.filled())))?;
            chart.draw_series(LineSeries::new(placed, colour.stroke_width(2)))?;
        }
    }
    Ok(())
}
