//! The plots of docs/bench.md as SVG, with a white background so that they are legible on light and dark pages.

use std::fmt::Write as _;

use crate::growth::Growth;
use crate::report::thousands;
use crate::results::{Program, Results};
use crate::subject::{Kind, PEERS};

const OURS: &str = "#b7410e";
const PEER: &str = "#5b8c5a";
const FLOOR: &str = "#9a9a9a";
const LINES: [&str; 5] = [OURS, "#e08a3c", "#31688e", PEER, "#7a5195"];

/// Name of a measure, a program's value, and the value's format.
type Measure = (&'static str, fn(&Program) -> f64, fn(f64) -> String);

const MEASURES: [Measure; 4] = [
    ("cold start", |one| one.measured.cold_ms, |value| format!("{value:.0} ms")),
    ("CPU of a warm request", |one| one.measured.cpu_us / 1e3, |value| format!("{value:.2} ms")),
    ("peak memory", |one| one.measured.peak_mib, |value| format!("{value:.0} MiB")),
    ("warm request", |one| one.measured.warm_ms, |value| format!("{value:.1} ms")),
];

fn page(width: u32, height: u32, title: &str) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{title}" font-family="system-ui, sans-serif" font-size="12" fill="#333">
<title>{title}</title>
<rect width="{width}" height="{height}" rx="6" fill="#fff" stroke="#ddd"/>
"##
    )
}

/// Draws bars of each measure for the endpoints with peers, for the peers and for the floor.
pub fn comparison(results: &Results) -> String {
    let find = |kind: Kind, name: &str| {
        results.programs.iter().find(|one| one.kind == kind && one.function == name)
    };
    let floor = results.programs.iter().find(|one| one.kind == Kind::Floor);
    let mut svg =
        page(860, 470, "The functions beside the same endpoints in Node.js and an empty function");
    for (index, (color, name)) in
        [(OURS, "this repository"), (PEER, "Node.js"), (FLOOR, "an empty function")]
            .iter()
            .enumerate()
    {
        let x = 20 + index * 140;
        let _ = writeln!(
            svg,
            r#"<rect x="{x}" y="16" width="12" height="12" fill="{color}"/><text x="{}" y="26">{name}</text>"#,
            x + 18
        );
    }
    for (index, (name, value, show)) in MEASURES.iter().enumerate() {
        let (left, top) = (20 + (index % 2) * 420, 50 + (index / 2) * 210);
        let _ =
            writeln!(svg, r#"<text x="{left}" y="{}" font-weight="600">{name}</text>"#, top + 10);
        let mut bars: Vec<(String, f64, &str)> = Vec::new();
        for function in PEERS {
            let label = |one: Option<&Program>| one.map(value);
            bars.extend(
                label(find(Kind::Ours, function)).map(|value| (function.to_owned(), value, OURS)),
            );
            bars.extend(
                label(find(Kind::Peer, function)).map(|value| (String::new(), value, PEER)),
            );
        }
        bars.extend(floor.map(|one| ("empty".to_owned(), value(one), FLOOR)));
        let most = bars.iter().map(|(_, value, _)| *value).fold(f64::MIN_POSITIVE, f64::max);
        let mut y = top + 20;
        for (label, value, color) in bars {
            if !label.is_empty() {
                y += 5;
                let _ = writeln!(svg, r#"<text x="{left}" y="{}">{label}</text>"#, y + 12);
            }
            let (x, width) = (left + 130, 210.0 * value / most);
            let _ = writeln!(
                svg,
                r#"<rect x="{x}" y="{y}" width="{width:.1}" height="15" fill="{color}"/><text x="{:.1}" y="{}">{}</text>"#,
                f64::from(u32::try_from(x).unwrap_or(0)) + width + 6.0,
                y + 12,
                show(value)
            );
            y += 19;
        }
    }
    svg + "</svg>\n"
}

/// Draws times by size as lines, with logarithmic axes.
pub fn growth(all: &[Growth]) -> String {
    let (width, height, left, top) = (860.0, 360.0, 60.0, 40.0);
    let (right, bottom) = (width - 250.0, height - 50.0);
    let points = || all.iter().flat_map(|one| &one.points);
    let highest = points().map(|point| point.ms).fold(1.0, f64::max).log10().ceil();
    let lowest = points().map(|point| point.ms).fold(1.0, f64::min).log10().floor();
    let x = |size: u64| left + (right - left) * decades(size) / 6.0;
    let y = |ms: f64| bottom - (bottom - top) * (ms.log10() - lowest) / (highest - lowest).max(1.0);
    let mut svg = page(860, 360, "Response time by size");
    let _ = writeln!(
        svg,
        r#"<text x="{left}" y="24" font-weight="600">response time in milliseconds by size</text>"#
    );
    for power in 0..=6 {
        let (size, at) = (10_u64.pow(power), x(10_u64.pow(power)));
        let _ = writeln!(
            svg,
            r##"<line x1="{at:.1}" y1="{top}" x2="{at:.1}" y2="{bottom}" stroke="#eee"/><text x="{at:.1}" y="{}" text-anchor="middle">{}</text>"##,
            bottom + 18.0,
            thousands(size)
        );
    }
    let mut power = lowest;
    while power <= highest {
        let (value, at) = (10.0_f64.powf(power), y(10.0_f64.powf(power)));
        let _ = writeln!(
            svg,
            r##"<line x1="{left}" y1="{at:.1}" x2="{right}" y2="{at:.1}" stroke="#eee"/><text x="{}" y="{:.1}" text-anchor="end">{value}</text>"##,
            left - 8.0,
            at + 4.0
        );
        power += 1.0;
    }
    for (index, (one, color)) in all.iter().zip(LINES.iter().cycle()).enumerate() {
        let path: Vec<String> = one
            .points
            .iter()
            .map(|point| format!("{:.1},{:.1}", x(point.size), y(point.ms)))
            .collect();
        let _ = writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="2"/>"#,
            path.join(" ")
        );
        for place in &path {
            let (cx, cy) = place.split_once(',').unwrap_or_default();
            let _ = writeln!(svg, r#"<circle cx="{cx}" cy="{cy}" r="3" fill="{color}"/>"#);
        }
        let row = 60 + index * 44;
        let _ = writeln!(
            svg,
            r#"<rect x="{0}" y="{1}" width="12" height="12" fill="{color}"/><text x="{2}" y="{3}">{4}</text><text x="{2}" y="{5}" fill-opacity="0.7">by {6}</text>"#,
            right + 20.0,
            row,
            right + 38.0,
            row + 10,
            one.what,
            row + 26,
            one.of
        );
    }
    svg + "</svg>\n"
}

/// Lines of one measure over time.
pub struct Panel {
    pub name: &'static str,
    /// Name and points (second, value) of each line.
    pub lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// Draws panels below each other with a common time axis. `parts` are names, first seconds and ends.
pub fn over_time(title: &str, panels: &[Panel], parts: &[(&str, u64, u64)]) -> String {
    let (left, right, height) = (60.0, 720.0, 110.0);
    let end = parts.last().map_or(1, |(.., end)| *end);
    let seconds = |second: u64| f64::from(u32::try_from(second).unwrap_or(u32::MAX));
    let x = |second: f64| left + (right - left) * second / seconds(end);
    let rows = u32::try_from(panels.len()).unwrap_or(0);
    let bottom = 40 + rows * 150;
    let mut svg = page(860, bottom + 20, title);
    for (index, (name, from, to)) in parts.iter().enumerate() {
        let (start, stop) = (x(seconds(*from)), x(seconds(*to)));
        let fill = if index % 2 == 1 { "#f6ece6" } else { "#fff" };
        let _ = writeln!(
            svg,
            r#"<rect x="{start:.1}" y="30" width="{:.1}" height="{}" fill="{fill}"/><text x="{:.1}" y="22" text-anchor="middle">{name}</text>"#,
            stop - start,
            bottom - 40,
            f64::midpoint(start, stop)
        );
    }
    for (index, panel) in panels.iter().enumerate() {
        let top = 56.0 + 150.0 * f64::from(u32::try_from(index).unwrap_or(0));
        let base = top + height;
        let values = panel.lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value);
        let most = values.filter(|value| value.is_finite()).fold(1.0, f64::max);
        let _ = writeln!(
            svg,
            r##"<text x="{left}" y="{:.1}" font-weight="600">{}</text><line x1="{left}" y1="{base:.1}" x2="{right}" y2="{base:.1}" stroke="#999"/><text x="{}" y="{:.1}" text-anchor="end">{most:.0}</text><text x="{}" y="{base:.1}" text-anchor="end">0</text>"##,
            top - 6.0,
            panel.name,
            left - 8.0,
            top + 8.0,
            left - 8.0,
        );
        for (line, ((name, points), color)) in panel.lines.iter().zip(LINES).enumerate() {
            let path: Vec<String> = points
                .iter()
                .filter(|(_, value)| value.is_finite())
                .map(|(at, value)| format!("{:.1},{:.1}", x(*at), base - height * value / most))
                .collect();
            let row = top + 16.0 * f64::from(u32::try_from(line).unwrap_or(0));
            let _ = writeln!(
                svg,
                r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="1.5"/><rect x="735" y="{row:.1}" width="12" height="12" fill="{color}"/><text x="753" y="{:.1}">{name}</text>"#,
                path.join(" "),
                row + 10.0
            );
        }
    }
    let _ =
        writeln!(svg, r#"<text x="{right}" y="{}" text-anchor="end">{end} s</text>"#, bottom + 8);
    svg + "</svg>\n"
}

/// Returns the logarithm to base ten of the size, or 0 for size 0.
#[expect(clippy::cast_precision_loss)]
fn decades(size: u64) -> f64 {
    (size.max(1) as f64).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{growth as grown, results};

    /// Checks that the SVG is well-formed and that no number is infinite or NaN.
    #[track_caller]
    fn check(svg: &str) {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (inner, _) = tag.split_once('>').expect("a whole tag");
            assert_eq!(inner.matches('"').count() % 2, 0, "{inner}");
            match inner.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name.to_owned()), "{svg}"),
                None if inner.ends_with('/') => {}
                None => open.push(inner.split(' ').next().expect("a name").to_owned()),
            }
        }
        assert_eq!(open, Vec::<String>::new());
        assert!(!svg.contains("NaN") && !svg.contains("\"inf") && !svg.contains("-inf"), "{svg}");
    }

    #[test]
    fn plots_are_well_formed_and_complete() {
        let bars = comparison(&results());
        check(&bars);
        // Three endpoints twice and the floor, four measures, the legend, the background.
        assert_eq!(bars.matches("<rect").count(), 7 * 4 + 3 + 1);
        let lines = growth(&[grown("first page", &[0.8, 1.0, 1.2]), grown("info", &[5.0, 50.0])]);
        check(&lines);
        assert_eq!((lines.matches("<polyline").count(), lines.matches("<circle").count()), (2, 5));
        let line = ("current", vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 300.0)]);
        let panels = [Panel { name: "reads a second", lines: vec![line] }];
        let time = over_time("Reads", &panels, &[("steady", 0, 10), ("down", 10, 20)]);
        check(&time);
        assert_eq!(time.matches("<polyline").count(), 1);
    }
}
