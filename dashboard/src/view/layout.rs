//! Where the panes go, from 80x24 to a full screen.

use crate::board::Board;
use crate::ui::Pane;
use ratatui::layout::{Constraint, Layout, Rect};

/// Head, body and foot; `None` where there is no room for them.
pub fn frame(area: Rect) -> Option<(Rect, Rect, Rect)> {
    if area.width < 20 || area.height < 8 {
        return None;
    }
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    Some((head, body, foot))
}

/// Every pane with its place in the overview.
pub fn panes(body: Rect, board: &Board) -> Vec<(Pane, Rect)> {
    let (wide, tall) = (body.width >= 110, body.height >= 32);
    let heights = if tall {
        tall_rows(body, board)
    } else {
        low_rows(body)
    };
    let [charts, middle, cluster, events] = Layout::vertical(heights).areas(body);
    let [rates, latency] = halves(charts, 50);
    let mut panes = vec![(Pane::Rates, rates), (Pane::Latency, latency)];
    if wide {
        let [ledger, faults] = halves(middle, 42);
        panes.extend([(Pane::Ledger, ledger), (Pane::Faults, faults)]);
        let [topology, services, lag] = Layout::horizontal([
            Constraint::Percentage(42),
            Constraint::Percentage(26),
            Constraint::Fill(1),
        ])
        .areas(cluster);
        let rest = [
            (Pane::Cluster, topology),
            (Pane::Services, services),
            (Pane::Lag, lag),
        ];
        panes.extend(rest);
        let [anomalies, lines] = halves(events, 30);
        panes.extend([(Pane::Anomalies, anomalies), (Pane::Events, lines)]);
        return panes;
    }
    let [ledger, faults] = halves(middle, 54);
    panes.extend([(Pane::Ledger, ledger), (Pane::Faults, faults)]);
    let [topology, services, lag] = Layout::horizontal([
        Constraint::Percentage(36),
        Constraint::Percentage(34),
        Constraint::Fill(1),
    ])
    .areas(cluster);
    panes.extend([
        (Pane::Cluster, topology),
        (Pane::Services, services),
        (Pane::Lag, lag),
    ]);
    panes.push((Pane::Events, events));
    panes
}

fn halves(area: Rect, first_percent: u16) -> [Rect; 2] {
    Layout::horizontal([Constraint::Percentage(first_percent), Constraint::Fill(1)]).areas(area)
}

/// 21 rows at 80x24.
fn low_rows(body: Rect) -> [Constraint; 4] {
    let spare = body.height.saturating_sub(21);
    [
        Constraint::Length(6 + spare / 3),
        Constraint::Length(6 + spare / 6),
        Constraint::Length(5 + spare / 6),
        Constraint::Fill(1),
    ]
}

fn tall_rows(body: Rect, board: &Board) -> [Constraint; 4] {
    let rows = |count: usize, least: u16, most: u16| {
        u16::try_from(count)
            .unwrap_or(u16::MAX)
            .clamp(least, most.max(least))
    };
    let middle = rows(
        board.faults.len().max(board.sinks.len() + 3) + 3,
        8,
        body.height / 5,
    );
    let parts = board.cluster.brokers.len() + board.cluster.cuts.len() + 3;
    let cluster = rows(parts.max(board.services.len() + 2), 7, body.height / 4);
    let charts = (body.height - middle - cluster) * 6 / 11;
    [
        Constraint::Length(charts.min(20)),
        Constraint::Length(middle),
        Constraint::Length(cluster),
        Constraint::Fill(1),
    ]
}
