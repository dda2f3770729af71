//! Events about plots of land, made from a seed: of one number always the same event, on every machine.

use std::io::Write;

/// Numbers of plots; a rule about one of them is met by one event in so many.
pub const LOTS: u64 = 10_000;

const STREETS: [&str; 8] = ["Market", "Mission", "Valencia", "Folsom", "Harrison", "Bryant", "Brannan", "Townsend"];

/// A plot's street with its number in it, as `Market-0042 ST`.
pub fn street(lot: u64) -> String {
    format!("{}-{lot:04} ST", STREETS[(lot % STREETS.len() as u64) as usize])
}

/// The western longitude, in millionths of a degree, at which a plot's outline starts.
pub fn longitude(lot: u64) -> u64 {
    122_400_000 + lot
}

/// Writes event `number`, about 750 bytes.
///
/// # Errors
/// When `out` fails.
pub fn write(number: u64, out: &mut impl Write) -> std::io::Result<()> {
    // a step without a common factor visits every plot before one comes again
    let lot = number.wrapping_mul(7919) % LOTS;
    let (street, side) = (street(lot), if lot.is_multiple_of(2) { "E" } else { "O" });
    let west = longitude(lot);
    let corner = |at: u64| {
        let west = west + at * LOTS;
        format!("[-{}.{:06},37.{:06},0.0]", west / 1_000_000, west % 1_000_000, 700_000 + at * 31 + lot)
    };
    let corners: Vec<String> = (0..12).map(corner).collect();
    write!(
        out,
        r#"{{"type":"Feature","properties":{{"MAPBLKLOT":"M{lot:04}{number:06}","BLKLOT":"{number:06}B{lot:04}","BLOCK_NUM":"{:04}","LOT_NUM":"{lot:04}","FROM_ST":"{}","TO_ST":"{}","STREET":"{street}","ODD_EVEN":"{side}","VALUE":{}.5,"NOTE":"surveyed and entered by the office of the assessor, recorder of the county, in the third quarter"}},"geometry":{{"type":"Polygon","coordinates":[[{}]]}}}}"#,
        lot / 10,
        lot % 700,
        lot % 700 + 8,
        lot * 10,
        corners.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_json_of_the_size_promised() {
        let mut bytes = 0;
        for number in 0..1000 {
            let mut out = Vec::new();
            write(number, &mut out).unwrap();
            serde_json::from_slice::<serde_json::Value>(&out).unwrap();
            bytes += out.len();
        }
        assert!((650_000..900_000).contains(&bytes), "{bytes}");
    }
}
