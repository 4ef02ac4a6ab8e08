use std::collections::BTreeMap;
use std::time::Duration;

use super::{Batch, Config, Limits, Protocol, Sampler, Temporality};
use crate::env::{Effect, VARIABLES};

fn read(variables: &[(&str, &str)]) -> (Config, Vec<String>) {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    Config::read(&|name| variables.get(name).map(|value| (*value).to_owned()))
}

/// The configuration, with nothing to warn of.
fn quietly(variables: &[(&str, &str)]) -> Config {
    let (config, warnings) = read(variables);
    assert_eq!(warnings, Vec::<String>::new());
    config
}

#[test]
fn nothing_set_gives_the_defaults_of_the_specification() {
    let config = quietly(&[]);
    assert!(!config.disabled && config.trace_context && config.baggage);
    assert_eq!(config.sampler, Sampler { parent_based: true, ratio: 1.0 });
    let timeout = Duration::from_secs(30);
    assert_eq!(config.spans, Batch { queue: 2_048, size: 512, delay: Duration::from_secs(5), timeout });
    assert_eq!(config.log_records, Batch { queue: 2_048, size: 512, delay: Duration::from_secs(1), timeout });
    assert_eq!(config.metric_interval, Duration::from_secs(60));
    let traces = config.traces.unwrap();
    assert_eq!((traces.protocol, traces.endpoint.to_string().as_str()), (Protocol::Grpc, "http://localhost:4317/"));
    assert_eq!((traces.timeout, traces.gzip), (Duration::from_secs(10), false));
}

/// For each variable that works: a value, and how the configuration shows that it was honoured.
#[test]
fn every_variable_that_the_table_says_works_changes_the_configuration() {
    let base = quietly(&[]);
    for variable in VARIABLES.iter().filter(|variable| variable.effect != Effect::Refused) {
        let name = variable.name;
        let value = match name {
            "OTEL_SDK_DISABLED" => "true",
            "OTEL_SERVICE_NAME" => "till",
            "OTEL_RESOURCE_ATTRIBUTES" => "deployment.environment.name=test",
            "OTEL_PROPAGATORS" => "tracecontext",
            "OTEL_TRACES_SAMPLER" => "always_off",
            // Needs its sampler, and INSECURE an endpoint without a scheme: see the tests below.
            "OTEL_TRACES_SAMPLER_ARG" => continue,
            _ if name.ends_with("_INSECURE") => continue,
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE" => "delta",
            "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS" => "X-Shelf",
            _ if name.ends_with("_EXPORTER") => "none",
            _ if name.ends_with("_PROTOCOL") => "http/protobuf",
            _ if name.ends_with("_HEADERS") => "shelf=3",
            _ if name.ends_with("_COMPRESSION") => "gzip",
            _ if name.ends_with("_ENDPOINT") => "http://collector:1234",
            _ => "77",
        };
        assert_ne!(quietly(&[(name, value)]), base, "{name}={value} changes nothing");
    }
}

#[test]
fn every_refused_variable_gives_one_warning_and_changes_nothing() {
    let base = quietly(&[]);
    for variable in VARIABLES.iter().filter(|variable| variable.effect == Effect::Refused) {
        let (config, warnings) = read(&[(variable.name, "anything")]);
        assert_eq!(config, base, "{}", variable.name);
        assert!(matches!(&warnings[..], [only] if only.starts_with(variable.name)), "{warnings:?}");
    }
}

#[test]
fn a_value_that_cannot_be_used_gives_one_warning_and_the_default_holds() {
    let base = quietly(&[]);
    for variable in VARIABLES.iter().filter(|variable| variable.effect != Effect::Refused) {
        let name = variable.name;
        // Any text is a service's name or a list of headers to show.
        let free = ["OTEL_SERVICE_NAME", "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS"];
        if free.contains(&name) {
            continue;
        }
        for value in ["\u{1F4DA} %zz", "-1.5e", "99999999999999999999999"] {
            let (config, warnings) = read(&[(name, value)]);
            if name == "OTEL_PROPAGATORS" {
                assert!(!config.trace_context && !config.baggage, "an unknown propagator is skipped");
            } else {
                assert_eq!(config, base, "{name}={value}");
            }
            assert!(matches!(&warnings[..], [only] if only.starts_with(name)), "{name}={value}: {warnings:?}");
        }
    }
}

#[test]
fn an_empty_value_is_as_good_as_none() {
    for variable in VARIABLES {
        assert_eq!(quietly(&[(variable.name, "  ")]), quietly(&[]), "{}", variable.name);
    }
}

#[test]
fn samplers() {
    for (name, argument, sampler) in [
        ("always_on", None, (false, 1.0)),
        ("always_off", None, (false, 0.0)),
        ("traceidratio", Some("0.25"), (false, 0.25)),
        ("traceidratio", None, (false, 1.0)),
        ("parentbased_always_on", Some("0.25"), (true, 1.0)),
        ("parentbased_always_off", None, (true, 0.0)),
        ("parentbased_traceidratio", Some("0.5"), (true, 0.5)),
    ] {
        let mut variables = vec![("OTEL_TRACES_SAMPLER", name)];
        variables.extend(argument.map(|argument| ("OTEL_TRACES_SAMPLER_ARG", argument)));
        let (parent_based, ratio) = sampler;
        assert_eq!(quietly(&variables).sampler, Sampler { parent_based, ratio }, "{name}");
    }
    for bad in ["1.5", "-0.1", "NaN"] {
        let (config, warnings) = read(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", bad)]);
        assert_eq!((config.sampler.ratio, warnings.len()), (1.0, 1), "{bad}");
    }
}

#[test]
fn endpoints() {
    let traces = |variables: &[(&str, &str)]| quietly(variables).traces.map(|otlp| otlp.endpoint.to_string());
    let http = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    assert_eq!(traces(&[http]).unwrap(), "http://localhost:4318/v1/traces");
    assert_eq!(traces(&[http, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1/a/")]).unwrap(), "http://c:1/a/v1/traces");
    assert_eq!(traces(&[http, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:1/a")]).unwrap(), "http://c:1/a");
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    assert_eq!(traces(&[insecure, ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:1")]).unwrap(), "http://c:1/");

    let (config, warnings) = read(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://c")]);
    assert!(config.logs.is_none() && config.traces.is_some());
    assert_eq!(warnings.len(), 1);
}

#[test]
fn a_signals_own_name_is_the_stronger() {
    let config = quietly(&[
        ("OTEL_EXPORTER_OTLP_HEADERS", "Shelf=3,token=a%20b"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "shelf=4"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "2000"),
    ]);
    let (traces, logs) = (config.traces.unwrap(), config.logs.unwrap());
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(traces.headers, [pair("shelf", "3"), pair("token", "a b")]);
    assert_eq!(logs.headers, [pair("shelf", "4")]);
    assert!(traces.gzip && !logs.gzip);
    assert_eq!((traces.timeout.as_secs(), logs.timeout.as_secs()), (1, 2));
    assert!(!format!("{traces:?}").contains("a b"), "a header may hold a token");
}

#[test]
fn limits() {
    let general = quietly(&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"), ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9")]).limits;
    let expected = Limits {
        attributes: 7,
        value_length: Some(9),
        events: 128,
        links: 128,
        event_attributes: 7,
        link_attributes: 7,
    };
    assert_eq!(general, expected);
    let (config, warnings) = read(&[("OTEL_BSP_MAX_QUEUE_SIZE", "10"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20")]);
    assert_eq!((config.spans.queue, config.spans.size, warnings.len()), (10, 10, 1));
    assert_eq!(quietly(&[("OTEL_BSP_MAX_QUEUE_SIZE", "10")]).spans.size, 10);
}

#[test]
fn temporality() {
    for (value, temporality) in
        [("cumulative", Temporality::Cumulative), ("DELTA", Temporality::Delta), ("lowmemory", Temporality::LowMemory)]
    {
        let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        assert_eq!(quietly(&[(name, value)]).temporality, temporality);
    }
}

#[test]
fn no_warning_shows_a_header() {
    let (_, warnings) = read(&[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2%zz")]);
    assert!(!warnings.is_empty() && !warnings.concat().contains("hunter2"), "{warnings:?}");
}
