//! Change records, made from a seed: of one number always the same record, on every machine.

use std::io::Write;

use anyhow::bail;

/// Sites times days is the number of partitions.
pub const SITES: u64 = 10;
pub const DAYS: u64 = 20;

/// What a line of the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The item alone, about 300 bytes.
    Flat,
    /// A whole DynamoDB stream record with its new image, about 775 bytes.
    Stream,
}

impl std::str::FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Shape> {
        Ok(match text {
            "flat" => Shape::Flat,
            "stream" => Shape::Stream,
            _ => bail!("the shape is flat or stream"),
        })
    }
}

const WORDS: [&str; 32] = [
    "cold", "warm", "pump", "valve", "north", "south", "inlet", "outlet", "level", "flow", "rain", "gauge", "basin",
    "creek", "weir", "storm", "drain", "meter", "check", "alarm", "normal", "rising", "falling", "steady", "sensor",
    "battery", "low", "high", "daily", "hourly", "manual", "replaced",
];

/// SplitMix64: one multiplication chain per number, good enough to be incompressible.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn word(&mut self) -> &'static str {
        WORDS[(self.next() % WORDS.len() as u64) as usize]
    }
}

struct Item {
    id: String,
    site: u64,
    at: String,
    name: String,
    note: String,
    one: String,
    two: u64,
}

fn item(number: u64) -> Item {
    let mut random = Random(number.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 42);
    let (high, low) = (random.next(), random.next());
    let hex = format!("{high:016x}{low:016x}");
    let id = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    let (day, time) = (random.next() % DAYS + 1, random.next() % 86_400_000);
    let (seconds, millis) = (time / 1000, time % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let site = random.next() % SITES;
    let name = format!("{} {} {:06}", random.word(), random.word(), random.next() % 1_000_000);
    let note: Vec<&str> = (0..16).map(|_| random.word()).collect();
    Item {
        id,
        site,
        at: format!("2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"),
        name,
        note: note.join(" "),
        one: format!("{}.{:02}", random.next() % 1000, random.next() % 99 + 1),
        two: random.next() % 100_000_000,
    }
}

/// Writes record `number` as one line.
///
/// # Errors
/// When `out` fails.
pub fn write(shape: Shape, number: u64, out: &mut impl Write) -> std::io::Result<()> {
    let Item { id, site, at, name, note, one, two } = item(number);
    match shape {
        Shape::Flat => writeln!(
            out,
            r#"{{"id":"{id}","siteId":"site-{site:02}","createdAtTime":"{at}","name":"{name}","note":"{note}","valueOne":{one},"valueTwo":{two}}}"#
        ),
        Shape::Stream => {
            writeln!(
                out,
                r#"{{"eventID":"{number:032x}","eventName":"MODIFY","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1","dynamodb":{{"ApproximateCreationDateTime":1772694489,"Keys":{{"id":{{"S":"{id}"}}}},"NewImage":{{"id":{{"S":"{id}"}},"siteId":{{"S":"site-{site:02}"}},"createdAtTime":{{"S":"{at}"}},"name":{{"S":"{name}"}},"note":{{"S":"{note}"}},"valueOne":{{"N":"{one}"}},"valueTwo":{{"N":"{two}"}}}},"SequenceNumber":"{number:021}","SizeBytes":412,"StreamViewType":"NEW_IMAGE"}},"eventSourceARN":"arn:aws:dynamodb:us-east-1:000000000000:table/Readings/stream/2026-03-01T00:00:00.000"}}"#
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(shape: Shape, number: u64) -> String {
        let mut out = Vec::new();
        write(shape, number, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn records_are_json_of_the_size_promised_and_repeat() {
        for (shape, from, to) in [(Shape::Flat, 270.0, 310.0), (Shape::Stream, 750.0, 800.0)] {
            let lines: Vec<String> = (0..1000).map(|number| line(shape, number)).collect();
            let mean = lines.iter().map(String::len).sum::<usize>() as f64 / 1000.0;
            assert!((from..to).contains(&mean), "{shape:?} has {mean} bytes");
            for (number, text) in (0..).zip(&lines) {
                assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
                assert_eq!(*text, line(shape, number));
            }
        }
    }
}
