//! Cron expressions, by the times they give.

use proptest::prelude::*;

use super::*;

fn time(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

fn check(expression: &str, from: &str, expected: &[&str]) {
    let cron = Cron::parse(expression).unwrap_or_else(|| panic!("{expression} is refused"));
    let mut at = time(from);
    for next in expected {
        at = cron.after(at).unwrap();
        assert_eq!(at, time(next), "{expression}");
    }
}

#[test]
fn times_of_day() {
    check("0 10 * * ? *", "2026-02-27 10:00", &["2026-02-28 10:00", "2026-03-01 10:00"]);
    check("0/15 * * * ? *", "2026-01-01 23:31", &["2026-01-01 23:45", "2026-01-02 00:00"]);
    check("5-8/3,40 8-9 * * ? *", "2026-01-01 08:05", &["2026-01-01 08:08", "2026-01-01 08:40", "2026-01-01 09:05"]);
    check("0 18 ? * MON-FRI *", "2026-01-02 18:00", &["2026-01-05 18:00", "2026-01-06 18:00"]);
}

#[test]
fn days_of_the_month() {
    check("0 8 1 * ? *", "2026-01-01 08:00", &["2026-02-01 08:00"]);
    check("0 0 L * ? *", "2026-01-01 00:00", &["2026-01-31 00:00", "2026-02-28 00:00"]);
    check("0 0 L 2 ? *", "2026-03-01 00:00", &["2027-02-28 00:00", "2028-02-29 00:00"]);
    // 2026-08-01 is a Saturday, 2026-11-01 a Sunday, 2026-05-31 a Sunday
    check(
        "0 0 1W * ? *",
        "2026-07-02 00:00",
        &["2026-08-03 00:00", "2026-09-01 00:00", "2026-10-01 00:00", "2026-11-02 00:00"],
    );
    check("0 0 31W * ? *", "2026-05-01 00:00", &["2026-05-29 00:00", "2026-07-31 00:00"]);
    check("0 0 LW * ? *", "2026-05-01 00:00", &["2026-05-29 00:00", "2026-06-30 00:00"]);
    check("0 0 15W 8 ? *", "2026-01-01 00:00", &["2026-08-14 00:00"]);
}

#[test]
fn days_of_the_week() {
    check("0 9 ? * 2#1 *", "2026-01-01 00:00", &["2026-01-05 09:00", "2026-02-02 09:00"]);
    check("0 9 ? * TUE#5 *", "2026-01-01 00:00", &["2026-03-31 09:00", "2026-06-30 09:00"]);
    check("0 9 ? * 6L *", "2026-01-01 00:00", &["2026-01-30 09:00", "2026-02-27 09:00"]);
    check("0 9 ? * L *", "2026-01-01 00:00", &["2026-01-03 09:00", "2026-01-10 09:00"]);
    check("0 9 ? JAN,mar SUN 2026-2027", "2026-01-25 09:00", &["2026-03-01 09:00"]);
}

#[test]
fn years_end() {
    let cron = Cron::parse("0 0 1 1 ? 2026").unwrap();
    assert_eq!(cron.after(time("2026-01-01 00:00")), None);
    assert_eq!(Cron::parse("0 0 31 2 ? *").unwrap().after(time("2026-01-01 00:00")), None);
}

#[test]
fn refuses_other_text() {
    for text in [
        "",
        "* * * * *",
        "* * * * * *",
        "* * ? * ? *",
        "60 * * * ? *",
        "* 24 * * ? *",
        "* * 0 * ? *",
        "* * 32 * ? *",
        "* * * 13 ? *",
        "* * ? * 8 *",
        "* * ? * 0 *",
        "* * * * ? 1969",
        "* * * * ? 2200",
        "5-1 * * * ? *",
        "*/0 * * * ? *",
        "a * * * ? *",
        "1, * * * ? *",
        "* * ? * 2#6 *",
        "* * 32W * ? *",
        "* * LL * ? *",
        "-1 * * * ? *",
        "* * * * ? * *",
        "? * * * ? *",
        "* * * FOO ? *",
        "1/ * * * ? *",
        "+5 * * * ? *",
    ] {
        assert_eq!(Cron::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "[0-9*?/,#LW A-Z-]{0,30}") {
        if let Some(cron) = Cron::parse(&text) {
            let _ = cron.after(time("2026-01-01 00:00"));
        }
    }

    #[test]
    fn gives_the_first_minute_that_fits(
        minutes in prop::collection::btree_set(0u32..60, 1..4),
        hours in prop::collection::btree_set(0u32..24, 1..4),
        days in prop::collection::btree_set(1u32..8, 1..7),
        from in 0i64..20_000_000,
    ) {
        let listed = |set: &std::collections::BTreeSet<u32>| {
            set.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
        };
        let cron = Cron::parse(&format!("{} {} ? * {} *", listed(&minutes), listed(&hours), listed(&days))).unwrap();
        let from = chrono::DateTime::from_timestamp(1_800_000_000 + from, 0).unwrap().naive_utc();
        let fits = |time: &NaiveDateTime| {
            minutes.contains(&time.minute())
                && hours.contains(&time.hour())
                && days.contains(&time.weekday().number_from_sunday())
        };
        let start = from.with_second(0).unwrap();
        let naive = (1..=7 * 1440 + 1).map(|minute| start + chrono::TimeDelta::minutes(minute)).find(fits);
        prop_assert_eq!(cron.after(from), naive);
    }
}
