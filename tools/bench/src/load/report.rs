//! The table and the plot of the load run, for docs/performance.md.

use super::series::Second;
use super::{Phases, STRIPE_RATE, Seen};
use crate::document;
use crate::error::Result;
use crate::report::Table;
use crate::stats::quantile;
use crate::svg::{self, Panel};

const BEGIN: &str = "<!-- `make load` writes what follows, up to the next comment. -->\n";
const END: &str = "<!-- Here the load run ends. -->\n";
const DOCUMENT: &str = "performance.md";
const PLOT: &str = "load.svg";

/// Name, first second and end of each part.
fn parts(phases: Phases) -> [(&'static str, u64, u64); 4] {
    let Phases { down, up, anew, end } = phases;
    [
        ("steady", 0, down),
        ("Stripe down", down, up),
        ("after it", up, anew),
        ("all stored reads ended", anew, end),
    ]
}

/// Returns the table of the parts.
pub fn table(seen: &Seen) -> Table {
    let head = ["", "reads/s", "Stripe calls/s", "stale", "429", "5xx", "age p50, s", "age p99, s"];
    let mut table = Table::new(&head);
    let series = &seen.series;
    for (name, from, to) in parts(seen.phases) {
        let count = |of: fn(&Second) -> u32| series.sum(from, to, of).to_string();
        table.row(vec![
            name.to_owned(),
            format!("{:.0}", series.mean(from, to, Second::reads)),
            format!("{:.1}", series.mean(from, to, |second| second.stripe_calls)),
            count(|second| second.stale),
            count(|second| second.refused),
            count(|second| second.failed),
            format!("{:.0}", series.age(from, to, 0.5)),
            format!("{:.0}", series.age(from, to, 0.99)),
        ]);
    }
    table
}

/// Updates docs/performance.md and its plot.
pub fn write(seen: &Seen) -> Result<()> {
    document::put(PLOT, &plot(seen))?;
    document::replace(DOCUMENT, (BEGIN, END), &block(seen))
}

fn block(seen: &Seen) -> String {
    let visible = &seen.probes.visible;
    let (posts, succeeded) = seen.probes.posts;
    let (posts_in_outage, refused) = seen.probes.posts_in_outage;
    format!(
        "\
![Reads, Stripe calls, age and POSTs over time]({PLOT})

{}
{} accounts, a sandbox that allows {STRIPE_RATE} requests a second and refused {} of them. A change at Stripe showed after
{:.1} s (median of {}; at most {:.1} s). Of {posts} POSTs {succeeded} succeeded; of {posts_in_outage} while Stripe was down,
{refused} got 503.

",
        table(seen).markdown(),
        seen.accounts,
        seen.series.sum(0, seen.phases.end, |second| second.stripe_refused),
        quantile(visible, 0.5),
        visible.len(),
        quantile(visible, 1.0),
    )
}

fn plot(seen: &Seen) -> String {
    let series = |of: fn(&Second) -> f64| -> Vec<(f64, f64)> {
        let seconds = seen.series.0.range(0..seen.phases.end);
        seconds
            .map(|(at, second)| (f64::from(u32::try_from(*at).unwrap_or(0)), of(second)))
            .collect()
    };
    let panels = [
        Panel {
            name: "reads a second",
            lines: vec![
                ("current", series(|second| second.current.into())),
                ("stale", series(|second| second.stale.into())),
                ("429 and 5xx", series(|second| (second.refused + second.failed).into())),
            ],
        },
        Panel {
            name: "Stripe calls a second",
            lines: vec![("calls", series(|second| second.stripe_calls.into()))],
        },
        Panel {
            name: "age in seconds",
            lines: vec![
                ("median", series(|second| quantile(&second.ages, 0.5))),
                ("p99", series(|second| quantile(&second.ages, 0.99))),
            ],
        },
    ];
    svg::over_time("Reads through an outage of Stripe", &panels, &parts(seen.phases))
}
