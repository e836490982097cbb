//! The Prometheus text format 0.0.4 as Go's libraries write it. The bounds of buckets are labels, so
//! `1e-08` and `0.00000001` would be two series.

use std::fmt::{Result, Write};

use prometheus::proto::{Histogram, LabelPair, MetricFamily, MetricType};

/// Families in the order they come in.
pub fn render(families: &[MetricFamily]) -> String {
    let mut text = String::new();
    for family in families {
        // Writing to a String cannot fail.
        let _ = write_family(&mut text, family);
    }
    text
}

fn write_family(text: &mut String, family: &MetricFamily) -> Result {
    let name = family.name();
    let help = family.help().replace('\\', r"\\").replace('\n', r"\n");
    writeln!(text, "# HELP {name} {help}")?;
    writeln!(text, "# TYPE {name} {}", type_name(family.get_field_type()))?;
    for metric in family.get_metric() {
        let labels = labels(metric.get_label());
        match family.get_field_type() {
            MetricType::HISTOGRAM => write_histogram(text, name, &labels, metric.get_histogram())?,
            MetricType::COUNTER => {
                let value = number(metric.get_counter().get_value());
                writeln!(text, "{name}{} {value}", braced(&labels))?;
            }
            _ => {
                let value = number(metric.get_gauge().get_value());
                writeln!(text, "{name}{} {value}", braced(&labels))?;
            }
        }
    }
    Ok(())
}

fn write_histogram(text: &mut String, name: &str, labels: &str, seen: &Histogram) -> Result {
    let comma = if labels.is_empty() { "" } else { "," };
    for bucket in seen.get_bucket() {
        let bound = number(bucket.upper_bound());
        let count = bucket.cumulative_count();
        writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}")?;
    }
    let count = seen.get_sample_count();
    writeln!(text, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}")?;
    writeln!(text, "{name}_sum{} {}", braced(labels), number(seen.get_sample_sum()))?;
    writeln!(text, "{name}_count{} {count}", braced(labels))
}

fn type_name(kind: MetricType) -> &'static str {
    match kind {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "untyped",
    }
}

fn labels(pairs: &[LabelPair]) -> String {
    let escape = |value: &str| value.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"");
    let pairs = pairs.iter().map(|pair| format!("{}=\"{}\"", pair.name(), escape(pair.value())));
    pairs.collect::<Vec<_>>().join(",")
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

/// The shortest digits that tell a number from all others, with an exponent of at least two digits
/// where it is below -4 or above 5 (Go's `strconv.FormatFloat(value, 'g', -1, 64)`).
fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{
        GaugeVec, HistogramOpts, HistogramVec, IntCounter, Opts, Registry, exponential_buckets,
    };

    use super::*;

    #[test]
    fn numbers_are_spelt_as_go_spells_them() {
        let numbers = [
            (0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (0.25, "0.25"),
            (0.0001, "0.0001"),
            (9.999999999999999e-05, "9.999999999999999e-05"),
            (1e-8, "1e-08"),
            (262_144.0, "262144"),
            (1_048_576.0, "1.048576e+06"),
            (2_592_000.0, "2.592e+06"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, text) in numbers {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn families_have_help_type_and_samples_in_a_fixed_order() {
        let registry = Registry::new();
        let counter = IntCounter::new("b_total", "[ALPHA] A backslash \\ and\na break").unwrap();
        let gauge = GaugeVec::new(Opts::new("a", "[BETA] A gauge"), &["name"]).unwrap();
        let unused = GaugeVec::new(Opts::new("unused", "Never"), &["name"]).unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        registry.register(Box::new(gauge.clone())).unwrap();
        registry.register(Box::new(unused)).unwrap();
        counter.inc_by(3);
        gauge.with_label_values(&["say \"hi\""]).set(0.5);
        gauge.with_label_values(&["\\"]).set(2.0);
        let wanted = r#"# HELP a [BETA] A gauge
# TYPE a gauge
a{name="\\"} 2
a{name="say \"hi\""} 0.5
# HELP b_total [ALPHA] A backslash \\ and\na break
# TYPE b_total counter
b_total 3
"#;
        assert_eq!(render(&registry.gather()), wanted);
    }

    #[test]
    fn histograms_have_cumulative_buckets_a_sum_and_a_count() {
        let buckets = exponential_buckets(10e-9, 10.0, 10).unwrap();
        let options = HistogramOpts::new("h", "[BETA] Seconds").buckets(buckets);
        let registry = Registry::new();
        let histogram = HistogramVec::new(options, &["name"]).unwrap();
        registry.register(Box::new(histogram.clone())).unwrap();
        for seconds in [0.0, 1e-7, 0.5, 30.0] {
            histogram.with_label_values(&["q"]).observe(seconds);
        }
        let wanted = r#"# HELP h [BETA] Seconds
# TYPE h histogram
h_bucket{name="q",le="1e-08"} 1
h_bucket{name="q",le="1e-07"} 2
h_bucket{name="q",le="1e-06"} 2
h_bucket{name="q",le="9.999999999999999e-06"} 2
h_bucket{name="q",le="9.999999999999999e-05"} 2
h_bucket{name="q",le="0.001"} 2
h_bucket{name="q",le="0.01"} 2
h_bucket{name="q",le="0.1"} 2
h_bucket{name="q",le="1"} 3
h_bucket{name="q",le="10"} 3
h_bucket{name="q",le="+Inf"} 4
h_sum{name="q"} 30.5000001
h_count{name="q"} 4
"#;
        assert_eq!(render(&registry.gather()), wanted);
    }
}
