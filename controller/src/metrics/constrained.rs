//! Labels that may have some values only: all others are told as one.

use std::collections::{BTreeMap, BTreeSet};

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// What stands for every value that is not allowed.
const UNEXPECTED: &str = "unexpected";

/// Tells what is not allowed as one value, and adds up what can't be told apart any more.
pub fn constrain(family: &mut MetricFamily, allowed: &BTreeMap<String, BTreeSet<String>>) {
    let kind = family.get_field_type();
    let mut by_labels: BTreeMap<Vec<(String, String)>, Metric> = BTreeMap::new();
    for mut metric in family.take_metric() {
        let is_unexpected = |pair: &LabelPair| {
            allowed.get(pair.name()).is_some_and(|values| !values.contains(pair.value()))
        };
        for pair in metric.mut_label().iter_mut().filter(|pair| is_unexpected(pair)) {
            pair.set_value(UNEXPECTED.to_owned());
        }
        let labels = metric.get_label().iter();
        let labels = labels.map(|pair| (pair.name().to_owned(), pair.value().to_owned()));
        by_labels
            .entry(labels.collect())
            .and_modify(|sum| add(kind, sum, &metric))
            .or_insert(metric);
    }
    family.set_metric(by_labels.into_values().collect());
}

fn add(kind: MetricType, sum: &mut Metric, metric: &Metric) {
    match kind {
        MetricType::COUNTER => {
            let mut counter = Counter::default();
            counter.set_value(sum.get_counter().get_value() + metric.get_counter().get_value());
            sum.set_counter(counter);
        }
        MetricType::HISTOGRAM => {
            sum.set_histogram(added(sum.get_histogram(), metric.get_histogram()));
        }
        _ => {
            let mut gauge = Gauge::default();
            gauge.set_value(sum.get_gauge().get_value() + metric.get_gauge().get_value());
            sum.set_gauge(gauge);
        }
    }
}

/// Histograms of one family have the same bounds.
fn added(one: &Histogram, other: &Histogram) -> Histogram {
    let buckets = one.get_bucket().iter().zip(other.get_bucket()).map(|(one, other)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(one.upper_bound());
        bucket.set_cumulative_count(one.cumulative_count() + other.cumulative_count());
        bucket
    });
    let mut sum = Histogram::default();
    sum.set_bucket(buckets.collect());
    sum.set_sample_count(one.get_sample_count() + other.get_sample_count());
    sum.set_sample_sum(one.get_sample_sum() + other.get_sample_sum());
    sum
}

#[cfg(test)]
mod tests {
    use prometheus::{
        HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, proto,
    };

    use super::super::text;
    use super::*;

    fn rendered(mut families: Vec<proto::MetricFamily>) -> Vec<String> {
        let values = BTreeSet::from(["a".to_owned()]);
        let allowed = BTreeMap::from([("who".to_owned(), values)]);
        families.iter_mut().for_each(|family| constrain(family, &allowed));
        let text = text::render(&families);
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn what_is_not_allowed_is_told_as_one_and_the_sum_stays() {
        let registry = Registry::new();
        let calls = IntCounterVec::new(Opts::new("calls", "Calls"), &["who", "why"]).unwrap();
        let depth = IntGaugeVec::new(Opts::new("depth", "Depth"), &["who"]).unwrap();
        registry.register(Box::new(calls.clone())).unwrap();
        registry.register(Box::new(depth.clone())).unwrap();
        for (number, who) in ["a", "b", "c"].iter().enumerate() {
            calls.with_label_values(&[who, "x"]).inc_by(1 + number as u64);
            depth.with_label_values(&[who]).set(10 + number as i64);
        }
        calls.with_label_values(&["c", "y"]).inc();
        let wanted = [
            "calls{who=\"a\",why=\"x\"} 1",
            "calls{who=\"unexpected\",why=\"x\"} 5",
            "calls{who=\"unexpected\",why=\"y\"} 1",
            "depth{who=\"a\"} 10",
            "depth{who=\"unexpected\"} 23",
        ];
        assert_eq!(rendered(registry.gather()), wanted);
    }

    #[test]
    fn histograms_are_added_bucket_by_bucket() {
        let registry = Registry::new();
        let options = HistogramOpts::new("took", "Seconds").buckets(vec![1.0, 2.0]);
        let took = HistogramVec::new(options, &["who"]).unwrap();
        registry.register(Box::new(took.clone())).unwrap();
        for (who, seconds) in [("b", 0.5), ("c", 1.5), ("c", 5.0)] {
            took.with_label_values(&[who]).observe(seconds);
        }
        let wanted = [
            "took_bucket{who=\"unexpected\",le=\"1\"} 1",
            "took_bucket{who=\"unexpected\",le=\"2\"} 2",
            "took_bucket{who=\"unexpected\",le=\"+Inf\"} 3",
            "took_sum{who=\"unexpected\"} 7",
            "took_count{who=\"unexpected\"} 3",
        ];
        assert_eq!(rendered(registry.gather()), wanted);
    }
}
