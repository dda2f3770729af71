//! The changes the demo writes: the same 20,000 on every run, realistic and with awkward values.

use std::collections::HashMap;

use remote::dynamodb::types::AttributeValue;

/// Changes in all.
pub const CHANGES: usize = 20_000;
/// One in this many goes to the clinic's table, the others are measurements.
const PATIENT_EVERY: usize = 10;
/// Items written in each table before updates and deletes of them begin.
const SITES: [&str; 8] = ["ATH", "BER", "CPH", "DUB", "GVA", "LIS", "OSL", "VIE"];
const FAMILIES: [&str; 8] = ["Åberg", "O'Neil", "Nguyễn", "García", "Smith", "Ĵozefo", "李", "van der \"Berg\""];
const MEASURES: [&str; 4] = ["heart rate", "temperature", "SpO₂", "weight \\ kg"];
/// 2026-01-01T00:00:00Z.
const FROM_MS: u64 = 1_767_225_600_000;

pub type Item = HashMap<String, AttributeValue>;

/// One write through the public API.
pub enum Change {
    Put { table: &'static str, item: Item },
    Delete { table: &'static str, id: String },
}

impl Change {
    /// Whether the pipes hand it on: they let inserts and updates through.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Change::Put { .. })
    }

    /// The item it is about: changes of one item must be written one after another.
    pub fn key(&self) -> &str {
        match self {
            Change::Put { item, .. } => item.get("id").and_then(|id| id.as_s().ok()).map_or("", String::as_str),
            Change::Delete { id, .. } => id,
        }
    }
}

/// All changes in order. Every put differs from what is stored, so each makes one stream record.
pub fn all() -> Vec<Change> {
    let mut random = Random(0x5eed);
    (0..CHANGES).map(|number| change(number, &mut random)).collect()
}

fn change(number: usize, random: &mut Random) -> Change {
    let is_patient = number.is_multiple_of(PATIENT_EVERY);
    let table = if is_patient { "Patients" } else { "AnalyticsTable" };
    // A tenth are deletes of something written before, a fifth are updates; the rest are new.
    let (kind, step) = (random.below(10), PATIENT_EVERY * 50);
    let earlier = number.checked_sub(step).map(|earlier| earlier - (earlier % PATIENT_EVERY) + number % PATIENT_EVERY);
    match (kind, earlier) {
        (0, Some(earlier)) => Change::Delete { table, id: id(earlier) },
        (1 | 2, Some(earlier)) => Change::Put { table, item: item(is_patient, earlier, number, random) },
        _ => Change::Put { table, item: item(is_patient, number, number, random) },
    }
}

fn id(number: usize) -> String {
    format!("{number:06}")
}

fn item(is_patient: bool, number: usize, version: usize, random: &mut Random) -> Item {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let mut item = Item::from([
        ("id".to_owned(), AttributeValue::S(id(number))),
        ("version".to_owned(), AttributeValue::N(version.to_string())),
        ("siteId".to_owned(), text(random.pick(&SITES))),
    ]);
    if is_patient {
        item.insert("lastName".into(), text(random.pick(&FAMILIES)));
        item.insert("firstName".into(), text(if random.below(20) == 0 { "" } else { "Ada" }));
        item.insert(
            "birthDate".into(),
            text(&format!("19{:02}-{:02}-{:02}", 30 + random.below(70), 1 + random.below(12), 1 + random.below(28))),
        );
    } else {
        let at_ms = FROM_MS + random.below(90 * 86_400) * 1_000;
        item.insert("name".into(), text(random.pick(&MEASURES)));
        item.insert("valueOne".into(), AttributeValue::N(format!("{}.{}", 36 + random.below(150), random.below(10))));
        item.insert("valueTwo".into(), AttributeValue::N(random.below(1_000_000).to_string()));
        item.insert("createdAtTime".into(), AttributeValue::N(at_ms.to_string()));
    }
    item
}

/// A small generator with a fixed seed (xorshift64*), so that every run writes the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len() as u64) as usize).copied().unwrap_or_default()
    }
}
