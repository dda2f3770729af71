//! `watershed sql`: ask the lake.

use serde_json::{Map, Value, json};

use crate::client::{Client, Find};

/// Run one read-only SQL query over the lake
#[derive(clap::Args)]
#[command(after_help = "Examples:
  watershed sql \"SELECT site, count(*) FROM measurements GROUP BY site\"
  watershed sql \"SELECT * FROM measurements LIMIT 10\" --format json | jq .")]
pub struct Sql {
    /// The query
    query: String,
    /// How to print the rows: json is one object a line
    #[arg(long, default_value = "table")]
    format: Format,
    #[command(flatten)]
    find: Find,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

impl Sql {
    pub async fn run(self) -> anyhow::Result<()> {
        let client = Client::find(&self.find)?;
        let answer = client.own("POST", "/sql", &json!({"sql": self.query})).await?;
        let text = std::str::from_utf8(&answer)?;
        if matches!(self.format, Format::Json) {
            return super::print(text);
        }
        let rows: Vec<Map<String, Value>> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        super::print(&match self.format {
            Format::Csv => csv(&rows),
            _ => table(&rows),
        })
    }
}

/// Rows of an answer (JSON lines) as an aligned table.
pub fn table_of(answer: &[u8]) -> anyhow::Result<String> {
    let text = std::str::from_utf8(answer)?;
    let rows: Vec<Map<String, Value>> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok(table(&rows))
}

/// A value as it stands in a cell; null is empty.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// RFC 4180.
fn csv(rows: &[Map<String, Value>]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let quote = |text: String| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    };
    let line = |cells: Vec<String>| cells.into_iter().map(quote).collect::<Vec<_>>().join(",") + "\n";
    let mut text = line(first.keys().cloned().collect());
    rows.iter().for_each(|row| text.push_str(&line(first.keys().map(|name| cell(row.get(name))).collect())));
    text
}

/// Aligned columns, numbers to the right.
fn table(rows: &[Map<String, Value>]) -> String {
    let Some(first) = rows.first() else { return "(no rows)\n".into() };
    let names: Vec<&String> = first.keys().collect();
    // One cell is one line, whatever it holds.
    let show = |row: &Map<String, Value>, name: &String| cell(row.get(name)).replace(['\n', '\r', '\t'], " ");
    let cells: Vec<Vec<String>> = rows.iter().map(|row| names.iter().map(|name| show(row, name)).collect()).collect();
    let width = |column: usize, name: &str| {
        let widest = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        widest.unwrap_or(0).max(name.chars().count())
    };
    let widths: Vec<usize> = names.iter().enumerate().map(|(column, name)| width(column, name)).collect();
    let mut text = String::new();
    for (name, width) in names.iter().zip(&widths) {
        text.push_str(&format!("{name:<width$}  "));
    }
    text = text.trim_end().to_owned() + "\n";
    text.push_str(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  "));
    text.push('\n');
    for (row, source) in cells.iter().zip(rows) {
        let mut line = String::new();
        for ((cell, width), name) in row.iter().zip(&widths).zip(&names) {
            match source.get(*name) {
                Some(Value::Number(_)) => line.push_str(&format!("{cell:>width$}  ")),
                _ => line.push_str(&format!("{cell:<width$}  ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let plural = if rows.len() == 1 { "" } else { "s" };
    text + &format!("({} row{plural})\n", rows.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Map<String, Value>> {
        let rows = json!([{"site": "Øst,\"1\"", "n": 7}, {"site": null, "n": 1234}]);
        serde_json::from_value(rows).unwrap()
    }

    #[test]
    fn table_aligns_numbers_to_the_right() {
        assert_eq!(table(&rows()), "site     n\n-------  ----\nØst,\"1\"     7\n         1234\n(2 rows)\n");
        assert_eq!(table(&[]), "(no rows)\n");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(csv(&rows()), "site,n\n\"Øst,\"\"1\"\"\",7\n,1234\n");
    }
}
