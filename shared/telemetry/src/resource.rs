//! The resource: who sends the telemetry.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_semantic_conventions::attribute as name;

use crate::config::Config;
use crate::{SCHEMA_URL, Settings};

/// What is detected, then `OTEL_RESOURCE_ATTRIBUTES`, then `OTEL_SERVICE_NAME`: the later is the stronger.
pub(crate) fn of(settings: &Settings, config: &Config) -> Resource {
    let mut detected = vec![
        KeyValue::new(name::SERVICE_NAME, settings.service_name.clone()),
        KeyValue::new(name::SERVICE_VERSION, settings.service_version),
        KeyValue::new(name::SERVICE_INSTANCE_ID, uuid::Uuid::new_v4().to_string()),
        KeyValue::new(name::PROCESS_PID, i64::from(std::process::id())),
        KeyValue::new(name::PROCESS_RUNTIME_NAME, "rust"),
        KeyValue::new(name::HOST_ARCH, architecture()),
        KeyValue::new(name::OS_TYPE, system()),
    ];
    if let Some(executable) = std::env::current_exe().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned()))
    {
        detected.push(KeyValue::new(name::PROCESS_EXECUTABLE_NAME, executable));
    }
    if let Some(host) = host_name() {
        detected.push(KeyValue::new(name::HOST_NAME, host));
    }
    let asked = config.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let service = config.service_name.clone().map(|service| KeyValue::new(name::SERVICE_NAME, service));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_schema_url(detected, SCHEMA_URL)
        .with_attributes(asked)
        .with_attributes(service)
        .build()
}

/// The service's name as it is sent.
pub(crate) fn service_name(settings: &Settings, config: &Config) -> String {
    let from_resource =
        || config.resource.iter().rfind(|(key, _)| key == name::SERVICE_NAME).map(|(_, value)| value.clone());
    config.service_name.clone().or_else(from_resource).unwrap_or_else(|| settings.service_name.clone())
}

#[cfg(target_os = "linux")]
fn host_name() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|host| host.trim().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn host_name() -> Option<String> {
    std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok()
}

/// `host.arch` in the convention's words.
const fn architecture() -> &'static str {
    match std::env::consts::ARCH.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        _ => std::env::consts::ARCH,
    }
}

/// `os.type` in the convention's words.
const fn system() -> &'static str {
    match std::env::consts::OS.as_bytes() {
        b"macos" => "darwin",
        _ => std::env::consts::OS,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::Key;

    use super::*;

    fn resource(variables: &[(&str, &str)]) -> (Resource, String) {
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let (config, _) = Config::read(&value);
        let settings = Settings::new("catalog", "1.2.3");
        (of(&settings, &config), service_name(&settings, &config))
    }

    #[test]
    fn the_environment_is_stronger_than_the_service() {
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=shelf,service.version=9,host.name=h%20h");
        for (variables, service) in [
            (vec![], "catalog"),
            (vec![attributes], "shelf"),
            (vec![attributes, ("OTEL_SERVICE_NAME", "till")], "till"),
        ] {
            let (resource, shown) = resource(&variables);
            let get = |key: &'static str| resource.get(&Key::new(key)).map(|value| value.to_string());
            assert_eq!((get("service.name").as_deref(), shown.as_str()), (Some(service), service));
            let version = if variables.is_empty() { "1.2.3" } else { "9" };
            assert_eq!(get("service.version").as_deref(), Some(version));
            assert_eq!(get("telemetry.sdk.name").as_deref(), Some("opentelemetry"));
            assert_eq!(resource.schema_url(), Some(SCHEMA_URL));
            assert_eq!(get("host.name").as_deref() == Some("h h"), !variables.is_empty());
        }
    }
}
