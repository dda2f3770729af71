//! Date patterns of Java's `DateTimeFormatter`, as `!{timestamp:...}` takes them.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;

use crate::Error;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Field(char, usize),
}

impl Pattern {
    /// # Errors
    /// `Invalid` for a letter that is no field, or a quote that is not closed.
    pub fn parse(text: &str) -> Result<Pattern, Error> {
        let mut pieces = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                pieces.push(Piece::Text(quoted(&mut chars, text)?));
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                if !"yuYMLdDHhKkmsSnAaEeQwzZXxV".contains(c) || count > 9 {
                    return Err(Error::Invalid(format!("timestamp pattern not supported: {text}")));
                }
                pieces.push(Piece::Field(c, count));
            } else {
                pieces.push(Piece::Text(c.into()));
            }
        }
        Ok(Pattern(pieces))
    }

    /// Appends the text of an instant.
    pub fn render(&self, at: &DateTime<Tz>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                // Writing into a String cannot fail.
                Piece::Field(letter, count) => drop(field(*letter, *count, at, out)),
            }
        }
    }
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, text: &str) -> Result<String, Error> {
    if chars.next_if_eq(&'\'').is_some() {
        return Ok("'".into());
    }
    let mut out = String::new();
    while let Some(c) = chars.next() {
        if c != '\'' {
            out.push(c);
        } else if chars.next_if_eq(&'\'').is_some() {
            out.push('\'');
        } else {
            return Ok(out);
        }
    }
    Err(Error::Invalid(format!("timestamp pattern has an open quote: {text}")))
}

fn field(letter: char, count: usize, at: &DateTime<Tz>, out: &mut String) -> std::fmt::Result {
    let hour = at.hour();
    let hour12 = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
    let number = match letter {
        'y' | 'u' if count == 2 => u64::from(at.year().rem_euclid(100).unsigned_abs()),
        'y' | 'u' => u64::from(at.year().unsigned_abs()),
        'Y' if count == 2 => u64::from(at.iso_week().year().rem_euclid(100).unsigned_abs()),
        'Y' => u64::from(at.iso_week().year().unsigned_abs()),
        'M' | 'L' if count >= 3 => return name(&at.format("%B").to_string(), count, out),
        'E' => return name(&at.format("%A").to_string(), count.max(3), out),
        'e' if count >= 3 => return name(&at.format("%A").to_string(), count, out),
        'a' => return out.write_str(if hour < 12 { "AM" } else { "PM" }),
        'S' => {
            let nanos = format!("{:09}", at.nanosecond() % 1_000_000_000);
            return out.write_str(nanos.get(..count).unwrap_or(&nanos));
        }
        'z' => return write!(out, "{}", at.format("%Z")),
        'V' => return out.write_str(at.timezone().name()),
        'Z' | 'X' | 'x' => return offset(letter, count, at, out),
        'M' | 'L' => u64::from(at.month()),
        'd' => u64::from(at.day()),
        'D' => u64::from(at.ordinal()),
        'H' => u64::from(hour),
        'h' => u64::from(hour12),
        'K' => u64::from(hour % 12),
        'k' => u64::from(if hour == 0 { 24 } else { hour }),
        'm' => u64::from(at.minute()),
        's' => u64::from(at.second()),
        'n' => u64::from(at.nanosecond()),
        'A' => u64::from(at.num_seconds_from_midnight()) * 1000 + u64::from(at.nanosecond() / 1_000_000),
        'e' => u64::from(at.weekday().number_from_sunday()),
        'Q' => u64::from(at.month0() / 3 + 1),
        _ => u64::from(at.iso_week().week()),
    };
    write!(out, "{number:0count$}")
}

fn name(full: &str, count: usize, out: &mut String) -> std::fmt::Result {
    out.write_str(match count {
        3 => full.get(..3).unwrap_or(full),
        5 => full.get(..1).unwrap_or(full),
        _ => full,
    })
}

fn offset(letter: char, count: usize, at: &DateTime<Tz>, out: &mut String) -> std::fmt::Result {
    let plain = at.format("%z").to_string();
    if letter == 'X' && plain == "+0000" {
        return out.write_str("Z");
    }
    match (letter, count) {
        ('Z', 1..=3) | (_, 2 | 4) => out.write_str(&plain),
        ('X' | 'x', 1) => out.write_str(plain.strip_suffix("00").unwrap_or(&plain)),
        _ => write!(out, "{}", at.format("%:z")),
    }
}
