//! What the demo deploys, writes and asks.

pub mod changes;
pub mod load;

/// The demo's own template.
pub const TEMPLATE: &str = include_str!("template.yaml");

/// A heading and the query it stands for.
pub const QUESTIONS: [(&str, &str); 3] = [
    (
        "Measurements by site",
        "SELECT site, count(*) AS changes, round(avg(CAST(\"valueOne\" AS DOUBLE)), 1) AS average
         FROM measurements GROUP BY site ORDER BY site",
    ),
    (
        "Measurements of Vienna by month (only that partition is read)",
        "SELECT month, count(*) AS changes, max(CAST(\"valueTwo\" AS BIGINT)) AS highest
         FROM measurements WHERE site = 'VIE' GROUP BY month ORDER BY month",
    ),
    (
        "Patients by family name",
        "SELECT \"lastName\", count(DISTINCT id) AS patients, min(\"birthDate\") AS oldest
         FROM patients GROUP BY \"lastName\" ORDER BY patients DESC, \"lastName\"",
    ),
];
