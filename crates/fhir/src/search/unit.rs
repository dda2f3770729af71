//! Units as they are compared: UCUM codes in their canonical units (unitsofmeasure.org).
//!
//! `1 g` and `1000 mg` are one quantity. Other systems have no canonical units: their codes are compared as they are.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The system of UCUM.
pub const UCUM: &str = "http://unitsofmeasure.org";

/// Longer codes are compared as they are.
const CODE_BYTES_MAX: usize = 200;
/// Codes whose canonical unit is kept at hand; a record uses a few hundred.
const KNOWN_MAX: usize = 10_000;

/// How a unit's values are turned into those of its canonical unit: `value × factor + offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct Canonical {
    /// Such as `g` or `m.s-1`.
    pub unit: Arc<str>,
    pub factor: f64,
    pub offset: f64,
}

impl Canonical {
    /// A value in the canonical unit. Open ends stay open.
    pub fn value(&self, value: f64) -> f64 {
        if value == f64::MIN || value == f64::MAX { value } else { rounded(value * self.factor + self.offset) }
    }
}

/// The canonical unit of a code; `None` of what UCUM does not know and of scales that are not linear (`[pH]`).
pub fn canonical(code: &str) -> Option<Canonical> {
    static KNOWN: LazyLock<Mutex<HashMap<Box<str>, Option<Canonical>>>> = LazyLock::new(Mutex::default);
    if code.len() > CODE_BYTES_MAX {
        return None;
    }
    if let Some(known) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(code) {
        return known.clone();
    }
    let found = octofhir_ucum::get_canonical_units(code).ok().and_then(|found| {
        let (factor, offset) = (found.factor.to_f64(), found.offset.to_f64());
        (factor.is_finite() && factor > 0.0).then(|| Canonical { unit: found.unit.into(), factor, offset })
    });
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() < KNOWN_MAX {
        known.insert(code.into(), found.clone());
    }
    found
}

/// To 15 digits: what two ways of converting leave in the last bits is no difference.
fn rounded(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_quantity_is_one_whatever_its_unit() {
        let same = [
            ((1.0, "g"), (1000.0, "mg")),
            ((5.4, "mg"), (0.0054, "g")),
            ((37.0, "Cel"), (310.15, "K")),
            ((120.0, "mm[Hg]"), (12.0, "cm[Hg]")),
            ((1.0, "mmol/L"), (1.0, "mol/m3")),
            ((72.0, "/min"), (1.2, "/s")),
            ((1.0, "{score}"), (1.0, "1")),
        ];
        for ((a, unit), (b, other)) in same {
            let (one, two) = (canonical(unit).expect(unit), canonical(other).expect(other));
            assert_eq!((one.value(a), one.unit.clone()), (two.value(b), two.unit.clone()), "{unit} {other}");
        }
        assert_ne!(canonical("m").map(|found| found.unit), canonical("g").map(|found| found.unit));
        assert_eq!(canonical("mg").map(|found| found.value(f64::MAX)), Some(f64::MAX));
    }

    #[test]
    fn what_has_no_canonical_unit_has_none() {
        let long = "m.".repeat(10_000);
        let deep = "(".repeat(150);
        for code in ["", "nonsense", "[pH]", "m m", "10*1000000", &long, &deep] {
            assert_eq!(canonical(code), None, "{}", code.len());
        }
    }
}
