//! Ages, as short as kubectl prints them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::text;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// How old an object is.
pub fn of(object: &Value, now: Timestamp) -> Value {
    json!(since(text(object, "/metadata/creationTimestamp"), now))
}

/// How long ago a moment was; no moment is unknown.
pub fn since(moment: &str, now: Timestamp) -> String {
    match moment.parse::<Timestamp>() {
        Ok(moment) => short(now.duration_since(moment).as_secs()),
        Err(_) => "<unknown>".to_owned(),
    }
}

fn short(seconds: i64) -> String {
    let two = |whole: i64, unit: &str, rest: i64, smaller: &str| match rest {
        0 => format!("{whole}{unit}"),
        rest => format!("{whole}{unit}{rest}{smaller}"),
    };
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds / MINUTE, "m", seconds % MINUTE, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        _ => two(seconds / YEAR, "y", seconds % YEAR / DAY, "d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_as_short_as_kubectl_prints_them() {
        let ages = [0, 119, 120, 158, 1560, 18_720, 32_400, 259_200, 1_036_800, 65_664_000];
        assert_eq!(
            ages.map(short),
            ["0s", "119s", "2m", "2m38s", "26m", "5h12m", "9h", "3d", "12d", "2y30d"]
        );
    }
}
