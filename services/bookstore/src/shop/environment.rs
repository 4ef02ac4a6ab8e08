//! What each process is told, by environment variables. What a variable means is said where it is read: in each
//! service's `config.rs`, in `bookstore_runtime::process`, and in `docs/telemetry.md` for the `OTEL_*` names.

use std::path::Path;

use bookstore_telemetry::LogFormat;

use super::ports::Taken;
use crate::cli::Instrumentation;
use crate::database::Databases;
use crate::service::Service;

/// Names of the standard that send telemetry elsewhere: whoever sets one does not want ours.
const ENDPOINTS: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
];

/// Shorter than the standard's defaults, since somebody sits and waits; each holds unless the variable is set. In
/// milliseconds.
const IMPATIENCE: [(&str, &str); 3] =
    [("OTEL_BSP_SCHEDULE_DELAY", "500"), ("OTEL_BLRP_SCHEDULE_DELAY", "500"), ("OTEL_METRIC_EXPORT_INTERVAL", "5000")];

/// One heap for each of two threads is enough: glibc would keep up to eight for each core, each with free memory of its
/// own. Holds unless the variable is set.
const HEAPS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// A variable for a process: its value, or none to take it away.
pub(super) type Variable = (String, Option<String>);

/// Whether the environment of the launcher sends telemetry elsewhere than to compare.
pub(crate) fn sends_elsewhere() -> bool {
    ENDPOINTS.iter().any(|name| is_set(name))
}

/// Where the environment of the launcher sends spans, if it does.
pub(crate) fn traces_endpoint() -> Option<String> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"))
}

/// What all processes of a shop are told alike.
#[derive(Debug)]
pub(super) struct Common<'a> {
    pub(super) ports: &'a Taken,
    pub(super) databases: &'a Databases,
    pub(super) instrumentation: Instrumentation,
    pub(super) log_format: LogFormat,
    pub(super) secret: &'a Path,
    /// Settings of whoever starts the shop: the last word.
    pub(super) more: &'a [(String, String)],
}

impl Common<'_> {
    /// What one process is told.
    pub(super) fn of(&self, service: Service) -> Vec<Variable> {
        let mut variables = Variables::default();
        variables.set("BOOKSTORE_LOG_FORMAT", if self.log_format == LogFormat::Json { "json" } else { "pretty" });
        // Each has a name of its own; one for all would make them one service. Whoever looks from outside reads it here.
        variables.set("OTEL_SERVICE_NAME", service.name());
        if !is_set(HEAPS.0) {
            variables.set(HEAPS.0, HEAPS.1);
        }
        if self.log_format == LogFormat::Pretty {
            // The log goes to a file.
            variables.set("NO_COLOR", "1");
        }
        if service == Service::Compare {
            self.compare(&mut variables);
        } else {
            variables.set("DATABASE_URL", self.databases.url(service));
            self.telemetry(&mut variables);
        }
        self.neighbours(service, &mut variables);
        variables.0.extend(self.more.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
        variables.0
    }

    fn telemetry(&self, variables: &mut Variables) {
        if !self.instrumentation.has_manual() {
            variables.set("OTEL_SDK_DISABLED", "true");
            return;
        }
        variables.unset("OTEL_SDK_DISABLED");
        if !sends_elsewhere() {
            variables.set("OTEL_EXPORTER_OTLP_ENDPOINT", self.ports.otlp_url());
        }
        for (name, value) in IMPATIENCE {
            if !is_set(name) {
                variables.set(name, value);
            }
        }
    }

    fn compare(&self, variables: &mut Variables) {
        // It takes telemetry in and makes none: it would show itself.
        variables.set("OTEL_SDK_DISABLED", "true");
        let addresses = self.ports.otlp.map(|addresses| addresses.map(|address| address.to_string()));
        let [grpc, http] = addresses.unwrap_or_default();
        variables.set("COMPARE_OTLP_GRPC_ADDR", grpc);
        variables.set("COMPARE_OTLP_HTTP_ADDR", http);
        let port = self.ports.address(Service::Storefront).port();
        let origins = format!("http://127.0.0.1:{port},http://localhost:{port}");
        variables.set("COMPARE_STOREFRONT_ORIGINS", origins);
    }

    /// Whom each service calls.
    fn neighbours(&self, service: Service, variables: &mut Variables) {
        use Service::{Catalog, Compare, Inventory, Payment, Storefront, User};
        let called: &[Service] = match service {
            Storefront => &[Catalog, Inventory, Payment, User],
            Catalog => &[Inventory],
            Payment => &[User],
            Inventory | User | Compare => &[],
        };
        for service in called {
            variables.set(&format!("BOOKSTORE_{}_URL", service.name().to_uppercase()), self.ports.url(*service));
        }
        if service == Storefront {
            variables.set("BOOKSTORE_SECRET_FILE", self.secret.display().to_string());
            if self.instrumentation.has_manual() && !sends_elsewhere() {
                variables.set("BOOKSTORE_COMPARE_URL", self.ports.url(Compare));
            }
        }
    }
}

#[derive(Default)]
struct Variables(Vec<Variable>);

impl Variables {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), Some(value.into())));
    }

    fn unset(&mut self, name: &str) {
        self.0.push((name.to_owned(), None));
    }
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::ports::Ports;

    fn of(service: Service, instrumentation: Instrumentation) -> Vec<Variable> {
        let ports = Taken::take(Ports::Free, true).unwrap();
        let databases = Databases::Sqlite("/data".into());
        let more = [("DATABASE_POOL".to_owned(), "2".to_owned())];
        let (log_format, secret) = (LogFormat::Pretty, Path::new("/data/secret.key"));
        Common { ports: &ports, databases: &databases, instrumentation, log_format, secret, more: &more }.of(service)
    }

    fn get(variables: &[Variable], name: &str) -> Option<String> {
        variables.iter().rfind(|variable| variable.0 == name)?.1.clone()
    }

    #[test]
    fn each_knows_those_that_it_calls_and_no_others() {
        let payment = of(Service::Payment, Instrumentation::Manual);
        assert!(get(&payment, "BOOKSTORE_USER_URL").unwrap().starts_with("http://127.0.0.1:"));
        assert_eq!(get(&payment, "BOOKSTORE_INVENTORY_URL"), None);
        assert_eq!(get(&payment, "DATABASE_URL").unwrap(), "sqlite:/data/payment.db");
        assert_eq!(get(&payment, "DATABASE_POOL").unwrap(), "2");
        let compare = of(Service::Compare, Instrumentation::Manual);
        assert_eq!(get(&compare, "DATABASE_URL"), None);
        assert_eq!(get(&compare, "COMPARE_OTLP_GRPC_ADDR").unwrap(), "");
        assert_eq!(get(&compare, "OTEL_SDK_DISABLED").unwrap(), "true");
    }

    #[test]
    fn without_instrumentation_there_is_nothing_to_link_to() {
        let storefront = of(Service::Storefront, Instrumentation::None);
        assert_eq!(get(&storefront, "OTEL_SDK_DISABLED").unwrap(), "true");
        assert_eq!(get(&storefront, "BOOKSTORE_COMPARE_URL"), None);
        assert_eq!(get(&storefront, "OTEL_EXPORTER_OTLP_ENDPOINT"), None);
        let storefront = of(Service::Storefront, Instrumentation::Manual);
        assert_eq!(get(&storefront, "OTEL_SDK_DISABLED"), None);
        assert!(get(&storefront, "BOOKSTORE_COMPARE_URL").is_some());
    }
}
