//! One request of the recording, with a span for each operation that is known by one of the ways there are.
//!
//! ```text
//! server 1 storefront                        by attributes
//! ├─ internal page                           by attributes
//! │  ├─ client 1.1 → server 1.1 user         the server by HTTP headers
//! │  │               └─ statement 1.1.1      by slot
//! │  └─ client 1.2 → server 1.2 catalog      by HTTP headers
//! │                  ├─ internal find books  by what is below it
//! │                  │  ├─ statement 1.2.1   by slot
//! │                  │  ├─ statement 1.2.2   by slot
//! │                  │  └─ internal render   not at all
//! │                  └─ client 1.2.3 → server 1.2.3 inventory   over gRPC, the client by its metadata
//! │                                    └─ statement 1.2.3.1     by attributes
//! ├─ statement 1.3                           by slot
//! ├─ client 1.4 → server 1.4 catalog         cancelled: the hedge was faster
//! └─ client 1.5 → server 1.5 catalog         the hedge
//!                 └─ statement 1.5.1         by slot
//! ```

use bookstore_otlp::trace::kind;
use bookstore_score::truth::{Kind, Op};

use super::{At, Made, Recording, by_attributes, by_headers, statement};

const HTTP: &str = "http.request.header";
const RPC: &str = "rpc.request.metadata";

impl Recording {
    pub(super) fn request(&mut self, number: u64) {
        let request = format!("r-{number}");
        let r = request.as_str();
        let trace = self.trace();
        let root = self.server(r, "1", "storefront", trace, (0, 10_000), by_attributes(r, "1"));
        let attributes = by_attributes(r, "1");
        let page = self.internal(r, "page", "storefront", root, (100, 8_050), attributes);

        let client = self.client(r, "1.1", "storefront", page, (200, 2_000), by_attributes(r, "1.1"));
        let user = self.server(r, "1.1", "user", client, (300, 1_900), by_headers(HTTP, r, "1.1"));
        self.statement(r, "1.1.1", ("user", "user-1"), user, (500, 900));

        let client = self.client(r, "1.2", "storefront", page, (2_100, 8_000), by_attributes(r, "1.2"));
        let catalog = self.server(r, "1.2", "catalog", client, (2_200, 7_900), by_headers(HTTP, r, "1.2"));
        let find = self.internal(r, "find books", "catalog", catalog, (2_300, 5_000), vec![]);
        self.statement(r, "1.2.1", ("catalog", "catalog-1"), find, (2_400, 3_000));
        self.statement(r, "1.2.2", ("catalog", "catalog-2"), find, (3_100, 3_500));
        self.internal(r, "render", "catalog", find, (3_600, 3_700), vec![]);
        let client = self.client(r, "1.2.3", "catalog", catalog, (5_100, 7_800), by_headers(RPC, r, "1.2.3"));
        let inventory = self.server(r, "1.2.3", "inventory", client, (5_200, 7_700), by_attributes(r, "1.2.3"));
        for op in [Op::Called, Op::Received] {
            self.record(r, "1.2.3", op).kind = Some(Kind::Grpc);
        }
        self.statement(r, "1.2.3.1", ("inventory", "inventory-1"), inventory, (5_300, 6_000));
        let named = &mut self.spans.last_mut().unwrap().span.attributes;
        named.retain(|attribute| attribute.key != "db.query.text");
        named.extend(by_attributes(r, "1.2.3.1"));

        self.statement(r, "1.3", ("storefront", "storefront-1"), root, (8_100, 8_900));
        if number.is_multiple_of(2) {
            self.hedge(r, root, number.is_multiple_of(4));
        }
    }

    /// A call that is given up for a second one; the callee's span of it may not be there.
    fn hedge(&mut self, r: &str, root: At, silent: bool) {
        let client = self.client(r, "1.4", "storefront", root, (9_000, 9_400), by_attributes(r, "1.4"));
        self.server(r, "1.4", "catalog", client, (9_100, 9_400), by_headers(HTTP, r, "1.4"));
        if silent {
            self.spans.pop();
        }
        for op in [Op::Called, Op::Received] {
            self.record(r, "1.4", op).cancelled = true;
        }
        let client = self.client(r, "1.5", "storefront", root, (9_200, 9_900), by_attributes(r, "1.5"));
        let catalog = self.server(r, "1.5", "catalog", client, (9_300, 9_800), by_headers(HTTP, r, "1.5"));
        self.statement(r, "1.5.1", ("catalog", "catalog-1"), catalog, (9_400, 9_700));
    }

    fn server(
        &mut self,
        r: &str,
        hop: &str,
        service: &str,
        parent: At,
        time: (u64, u64),
        attributes: Vec<bookstore_otlp::common::KeyValue>,
    ) -> At {
        self.happened(Op::Received, service, r, hop, time).name = Some("GET /books".to_owned());
        let made = Made { name: "GET /books", kind: kind::SERVER, time, attributes };
        self.add(&format!("{r} server {hop}"), service, parent, made)
    }

    fn client(
        &mut self,
        r: &str,
        hop: &str,
        service: &str,
        parent: At,
        time: (u64, u64),
        attributes: Vec<bookstore_otlp::common::KeyValue>,
    ) -> At {
        self.happened(Op::Called, service, r, hop, time).name = Some("GET /books".to_owned());
        self.add(&format!("{r} client {hop}"), service, parent, Made::client("GET", time, attributes))
    }

    /// Its span begins and ends a little inside of it, as an agent's would that looks from outside.
    fn statement(&mut self, r: &str, hop: &str, (service, slot): (&str, &str), parent: At, time: (u64, u64)) {
        let record = self.happened(Op::Statement, service, r, hop, time);
        (record.name, record.slot) = (Some("SELECT title FROM books WHERE id = $1".to_owned()), Some(slot.to_owned()));
        let text = format!("SELECT title FROM books WHERE id = $1 /*slot='{slot}'*/");
        let made = Made::client("SELECT books", (time.0 + 5, time.1 - 5), statement(&text));
        self.add(&format!("{r} statement {hop}"), service, parent, made);
    }

    fn internal(
        &mut self,
        r: &str,
        name: &str,
        service: &str,
        parent: At,
        time: (u64, u64),
        attributes: Vec<bookstore_otlp::common::KeyValue>,
    ) -> At {
        let made = Made { name, kind: kind::INTERNAL, time, attributes };
        self.add(&format!("{r} internal {name}"), service, parent, made)
    }
}
