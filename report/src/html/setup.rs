//! What ran: topology, plan, seed, versions.

use crate::Material;
use crate::words::inert;
use maud::{Markup, html};
use squall_plan::Plan;
use squall_plan::system::{SinkSpec, SinkStore};

pub fn content(material: Material<'_>) -> Markup {
    html! {
        (topology(material.plan))
        (topics(material))
        (versions(material))
        details {
            summary { "The plan" }
            div.scroll { pre { (plan_text(material.plan)) } }
        }
    }
}

/// Line by line, so that control characters in a name stay told and line ends stay line ends.
fn plan_text(plan: &Plan) -> String {
    let lines: Vec<String> = plan.to_text().lines().map(inert).collect();
    lines.join("\n")
}

fn topology(plan: &Plan) -> Markup {
    let system = &plan.system;
    html! {
        div.flow role="group" aria-label="Topology" {
            div.box {
                h3 { "Load" }
                ul { @for load in &plan.loads { li { (inert(&load.load.entry.to_string())) br; span.note { (load.events) " events" } } } }
            }
            div.box {
                h3 { "Services of " (inert(&system.spec.name)) }
                ul { @for service in &system.spec.services {
                    @let replicas = system.scale.get(&service.name).copied().unwrap_or(service.replicas);
                    li {
                        (inert(&service.name)) " × " (replicas)
                        @if let Some(group) = &service.group { br; span.note { "group " (inert(group)) } }
                    }
                } }
            }
            div.box {
                h3 { "Kafka" }
                ul {
                    li { (squall_check::counted(plan.cluster.brokers.into(), "broker")) }
                    @for topic in &plan.cluster.topics { li { (inert(&topic.name)) } }
                }
            }
            div.box {
                h3 { "Sinks" }
                ul { @for sink in &system.spec.sinks { li { (inert(&sink.name)) br; span.note { (store(sink)) } } } }
            }
        }
    }
}

fn store(sink: &SinkSpec) -> String {
    let place = match &sink.store {
        SinkStore::Directory { path, .. } => format!("files in {path}"),
        SinkStore::Sqlite { path, table, .. } => format!("table {table} in {path}"),
        SinkStore::Topic { name, .. } => format!("topic {name}"),
        SinkStore::Postgres {
            database, table, ..
        } => format!("table {table} of database {database} in PostgreSQL"),
        SinkStore::Mails(_) => "mails in Mailpit".to_owned(),
    };
    inert(&place)
}

fn topics(material: Material<'_>) -> Markup {
    html! {
        div.scroll { table {
            caption { "Topics" }
            thead { tr {
                th scope="col" { "Topic" } th scope="col" { "Partitions" } th scope="col" { "Replicas" }
                th scope="col" { "min.insync.replicas" } th scope="col" { "Leaders at the end" }
            } }
            tbody { @for topic in &material.plan.cluster.topics { tr {
                th scope="row" { (inert(&topic.name)) }
                td { (topic.partitions) } td { (topic.replicas) } td { (topic.min_insync_replicas) }
                td.text { (leaders(material, &topic.name)) }
            } } }
        } }
    }
}

/// `1, 2, 3, 1, 2, 3`, by partition; empty where nobody told.
fn leaders(material: Material<'_>, topic: &str) -> String {
    const SHOWN: usize = 24;
    let all = &material.series.marks.leaders;
    let of_topic = all.range((topic.to_owned(), i32::MIN)..=(topic.to_owned(), i32::MAX));
    let leader = |text: &String| {
        let first = text.split(',').next().unwrap_or(text);
        first.strip_prefix("leader ").unwrap_or(first).to_owned()
    };
    let shown: Vec<String> = of_topic
        .map(|(_, text)| leader(text))
        .take(SHOWN + 1)
        .collect();
    match shown.len() {
        0 => "–".to_owned(),
        more if more > SHOWN => inert(&format!("{}, …", shown[..SHOWN].join(", "))),
        _ => inert(&shown.join(", ")),
    }
}

fn versions(material: Material<'_>) -> Markup {
    let (report, plan, head) = (material.report, material.plan, &material.series.marks.head);
    html! {
        dl.facts {
            dt { "Seed" } dd { (report.seed) }
            dt { "Scenario file" } dd { code { (inert(&plan.file)) } }
            @for set in &plan.sets { dt { "Laid over it" } dd { code { (inert(set)) } } }
            @if !plan.system.bugs.is_empty() { dt { "Planted bugs" } dd { (inert(&plan.system.bugs.join(", "))) } }
            dt { "Environment" } dd { (inert(&report.setting)) }
            dt { "Started" } dd { (inert(&report.started)) }
            dt { "Squall" } dd { (inert(&report.version)) ", plan " (plan.version) ", history " (head.version) ", report " (report.squall_report) }
            dt { "Digest of the plan" } dd { code { (inert(&head.plan)) } }
            @if let Some(trace) = &report.trace { dt { "Trace" } dd { code { (inert(trace)) } } }
        }
    }
}
