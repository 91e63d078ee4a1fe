//! The cluster as a small topology: brokers with what they lead, what they lack and what they suffer; zoomed, each partition.

use super::{Draw, span, text};
use crate::board::{Broker, Cluster, PartitionRow};
use crate::theme::Theme;
use crate::ui::Pane;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::collections::BTreeMap;

pub fn draw(draw: &mut Draw<'_>, area: Rect) {
    let (cluster, theme) = (&draw.board.cluster, draw.theme);
    let short = cluster.partitions.values().filter(|row| row.is_short());
    let short = short.count();
    let suffering = |broker: &Broker| broker.fenced || !broker.suffers.is_empty();
    let well = !cluster.brokers.values().any(suffering);
    let beside = match (cluster.partitions.len(), short) {
        (0, _) => Vec::new(),
        // Before the controller has noticed, nobody is out of sync, and nothing is well.
        (_, 0) if !well => Vec::new(),
        (_, 0) => vec![span("all in sync ", theme.good())],
        (all, short) => {
            let text = format!("{short} of {all} short ");
            vec![span(&text, theme.warn())]
        }
    };
    let inner = draw.frame(Pane::Cluster, area, beside);
    let width = usize::from(inner.width);
    let mut rows: Vec<Line<'static>> = Vec::new();
    for (id, broker) in &cluster.brokers {
        rows.push(broker_row(*id, broker, cluster, width, theme));
    }
    for (name, cut) in &cluster.cuts {
        let cut = match theme.unicode {
            true => cut
                .replace("<-x->", "╳⇄╳")
                .replace("<-x-", "←╳")
                .replace("-x->", "╳→")
                .replace("<~x~>", "╳∿╳"),
            false => cut.clone(),
        };
        let line = text::fit(&format!("{cut}  ({name})"), width, theme.unicode);
        rows.push(span(&line, theme.bad()).into());
    }
    if draw.app.zoomed || usize::from(inner.height) > rows.len() + 1 {
        rows.extend(topics(cluster, width, draw.app.zoomed, theme));
    }
    draw.rows(Pane::Cluster, inner, rows);
}

/// `● broker 1  leads ■■■  behind 2  cut off`
fn broker_row(
    id: u32,
    broker: &Broker,
    cluster: &Cluster,
    width: usize,
    theme: Theme,
) -> Line<'static> {
    let (leads, lacks) = (cluster.leads(id), cluster.out_of_sync(id));
    let suffers: Vec<&str> = broker.suffers.values().map(String::as_str).collect();
    let down = suffers.contains(&"down");
    let (mark, style) = match (down, broker.fenced || !suffers.is_empty()) {
        (true, _) => (theme.sign("✗", "x"), theme.bad()),
        (false, true) => (theme.sign("◐", "!"), theme.warn()),
        (false, false) => (theme.sign("●", "o"), theme.good()),
    };
    let word = if width >= 34 { "broker " } else { "b" };
    let mut spans = vec![
        span(&format!("{mark} {word}{id} "), style),
        span("leads ", theme.dim()),
    ];
    let most = width.saturating_sub(30).clamp(3, 24);
    spans.push(if leads == 0 {
        span("none ", theme.dim())
    } else if leads <= most && theme.unicode && width >= 34 {
        let bar = "■".repeat(leads);
        span(
            &format!("{bar:<width$} ", width = most.min(8)),
            theme.accent(),
        )
    } else {
        span(&format!("{leads:<3} "), theme.accent())
    });
    if lacks > 0 {
        spans.push(span(&format!("behind {lacks} "), theme.warn()));
    }
    if broker.fenced {
        spans.push(span("fenced ", theme.warn()));
    }
    if !suffers.is_empty() {
        spans.push(span(&suffers.join(", "), theme.bad()));
    }
    Line::from(spans)
}

/// Each topic with its partitions: the leader, and those in sync.
fn topics(cluster: &Cluster, width: usize, full: bool, theme: Theme) -> Vec<Line<'static>> {
    let mut by_topic: BTreeMap<&str, Vec<(i32, &PartitionRow)>> = BTreeMap::new();
    for ((topic, partition), row) in &cluster.partitions {
        by_topic.entry(topic).or_default().push((*partition, row));
    }
    let mut rows = Vec::new();
    for (topic, partitions) in by_topic {
        if full {
            rows.push(span(topic, theme.bold()).into());
            rows.extend(
                partitions
                    .into_iter()
                    .map(|one| partition_row(topic, one, theme)),
            );
        } else {
            rows.push(topic_row(topic, &partitions, width, theme));
        }
    }
    rows
}

/// `signups  0:1 1:2 2:3!`: partition and leader, marked where the in-sync set is short.
fn topic_row(
    topic: &str,
    partitions: &[(i32, &PartitionRow)],
    width: usize,
    theme: Theme,
) -> Line<'static> {
    let mut spans = vec![span(
        &format!("{} ", text::fit(topic, 12, theme.unicode)),
        theme.bold(),
    )];
    let mut room = width.saturating_sub(topic.len().min(12) + 1);
    for (partition, row) in partitions {
        let leader = row
            .leader
            .map_or_else(|| "-".to_owned(), |id| id.to_string());
        let short = if row.is_short() { "!" } else { "" };
        let text = format!("{partition}:{leader}{short} ");
        if text.len() > room {
            spans.push(span(theme.sign("…", "."), theme.dim()));
            break;
        }
        room -= text.len();
        let style = match (row.leader, row.is_short()) {
            (None, _) => theme.bad(),
            (_, true) => theme.warn(),
            (_, false) => theme.dim(),
        };
        spans.push(span(&text, style));
    }
    Line::from(spans)
}

fn partition_row(
    topic: &str,
    (partition, row): (i32, &PartitionRow),
    theme: Theme,
) -> Line<'static> {
    let mut spans: Vec<Span<'static>> =
        vec![span(&format!("  {topic}/{partition:<3} "), theme.dim())];
    for id in &row.replicas {
        let leads = row.leader == Some(*id);
        let (text, style) = match (leads, row.in_sync.contains(id)) {
            (true, _) => (format!("[{id}] "), theme.accent().patch(theme.bold())),
            (false, true) => (format!(" {id}  "), theme.good()),
            (false, false) => (format!("({id}) "), theme.bad()),
        };
        spans.push(span(&text, style));
    }
    let leader = row
        .leader
        .map_or_else(|| "OFFLINE".to_owned(), |id| format!("leader {id}"));
    let text = format!("  {leader}, epoch {}, moved {} times", row.epoch, row.moves);
    spans.push(span(&text, theme.dim()));
    Line::from(spans)
}
