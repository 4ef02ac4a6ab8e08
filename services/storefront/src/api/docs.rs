//! A page to read the OpenAPI document, made here: it runs no script and loads nothing.

use askama::Template;
use serde_json::{Map, Value};

/// `Content-Security-Policy`: the page brings its style along and needs nothing else.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page. Its parts are read out of the document, so that it says what the document says.
#[derive(Template)]
#[template(path = "api/docs.html")]
struct Page<'a> {
    title: &'a str,
    /// Paragraphs.
    about: Vec<Text<'a>>,
    groups: Vec<Group<'a>>,
    schemas: Vec<Schema<'a>>,
}

struct Group<'a> {
    name: &'a str,
    about: Text<'a>,
    operations: Vec<Operation<'a>>,
}

struct Operation<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    about: Text<'a>,
    needs_session: bool,
    parameters: Vec<Field<'a>>,
    body: Option<Body<'a>>,
    answers: Vec<Answer<'a>>,
}

struct Answer<'a> {
    status: &'a str,
    about: Text<'a>,
    body: Option<Body<'a>>,
}

struct Body<'a> {
    media_type: &'a str,
    kind: Kind<'a>,
    example: Option<String>,
}

struct Schema<'a> {
    name: &'a str,
    about: Text<'a>,
    fields: Vec<Field<'a>>,
    values: Vec<&'a str>,
}

struct Field<'a> {
    name: &'a str,
    place: &'a str,
    kind: Kind<'a>,
    required: bool,
    about: Text<'a>,
}

/// Text with code in backticks.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Its parts, and whether each is code.
    fn parts(self) -> impl Iterator<Item = (bool, &'a str)> {
        self.0.split('`').enumerate().map(|(place, part)| (place % 2 == 1, part))
    }
}

/// What a value is.
struct Kind<'a> {
    /// `string`, `integer (1 to 99)` …; empty where it is a schema of its own.
    text: String,
    list: bool,
    /// The schema of the value, or of each value of the list.
    schema: Option<&'a str>,
}

/// The page of a document.
pub(super) fn page(document: &Value) -> String {
    let groups = list(&document["tags"]).map(|tag| group(document, tag)).collect();
    let schemas = entries(&document["components"]["schemas"]).map(|(name, schema)| of_schema(name, schema)).collect();
    let about = text(&document["info"]["description"]).split("\n\n").map(Text).collect();
    let page = Page { title: text(&document["info"]["title"]), about, groups, schemas };
    page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "the page of the API cannot be rendered");
        String::new()
    })
}

/// In which order the operations of a path are shown.
const METHODS: [&str; 4] = ["POST", "GET", "PUT", "DELETE"];

fn group<'a>(document: &'a Value, tag: &'a Value) -> Group<'a> {
    let operations = entries(&document["paths"])
        .flat_map(|(path, item)| entries(item).map(move |(method, operation)| (path, method, operation)));
    let operations = operations
        .filter(|(_, _, operation)| operation["tags"][0] == tag["name"])
        .map(|(path, method, operation)| of_operation(document, path, method, operation));
    let mut operations: Vec<_> = operations.collect();
    // What makes comes before what shows, and what removes is last.
    operations.sort_by_key(|operation| (operation.path, METHODS.iter().position(|method| *method == operation.method)));
    Group { name: text(&tag["name"]), about: prose(&tag["description"]), operations }
}

fn of_operation<'a>(document: &'a Value, path: &'a str, method: &str, operation: &'a Value) -> Operation<'a> {
    let parameters = list(&operation["parameters"]).map(|parameter| Field {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: kind(&parameter["schema"]),
        required: parameter["required"] == true,
        about: prose(&parameter["description"]),
    });
    let answers = entries(&operation["responses"]).map(|(status, answer)| Answer {
        status,
        about: prose(&answer["description"]),
        body: body(document, &answer["content"]),
    });
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path,
        summary: text(&operation["summary"]),
        about: prose(&operation["description"]),
        needs_session: !operation["security"].is_null(),
        parameters: parameters.collect(),
        body: body(document, &operation["requestBody"]["content"]),
        answers: answers.collect(),
    }
}

fn body<'a>(document: &'a Value, content: &'a Value) -> Option<Body<'a>> {
    let (media_type, content) = entries(content).next()?;
    let given = Some(&content["example"]).filter(|example| !example.is_null()).cloned();
    let problem = media_type.starts_with("application/problem");
    // A problem's example says something only where it was written for its place.
    let example = given.or_else(|| (!problem).then(|| example(document, &content["schema"], 0)));
    Some(Body { media_type, kind: kind(&content["schema"]), example: example.map(|example| format!("{example:#}")) })
}

/// How deep examples are put together.
const DEEPEST: usize = 8;

/// An example of a schema, put together from those of its fields.
fn example(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    if let Some(name) = reference(schema) {
        return example(document, &document["components"]["schemas"][name], depth + 1);
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match type_of(schema) {
        "array" => Value::Array(vec![example(document, &schema["items"], depth + 1)]),
        "object" => {
            // What may be left out is left out, but for what has an example of its own.
            let required = |name: &str| list(&schema["required"]).any(|field| field == name);
            let fields = entries(&schema["properties"])
                .filter(|(name, field)| required(name) || !field["example"].is_null())
                .map(|(name, field)| (name.to_owned(), example(document, field, depth + 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        "integer" | "number" => Value::from(1),
        "boolean" => Value::from(true),
        _ => Value::from("…"),
    }
}

fn of_schema<'a>(name: &'a str, schema: &'a Value) -> Schema<'a> {
    let required: Vec<_> = list(&schema["required"]).map(text).collect();
    let fields = entries(&schema["properties"]).map(|(name, field)| Field {
        name,
        place: "",
        kind: kind(field),
        required: required.contains(&name),
        about: prose(&field["description"]),
    });
    // An enumeration of described values is a choice of constants.
    let constants = list(&schema["oneOf"]).filter_map(|one| one["enum"][0].as_str());
    let values = list(&schema["enum"]).map(text).chain(constants).collect();
    Schema { name, about: prose(&schema["description"]), fields: fields.collect(), values }
}

fn kind(schema: &Value) -> Kind<'_> {
    if let Some(name) = reference(schema) {
        return Kind { text: String::new(), list: false, schema: Some(name) };
    }
    // What may be null besides being something is that something.
    if let Some(one) = list(&schema["oneOf"]).find(|one| reference(one).is_some()) {
        return kind(one);
    }
    let name = type_of(schema);
    if name == "array" {
        return Kind { list: true, ..kind(&schema["items"]) };
    }
    let mut text = name.to_owned();
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(least), Some(most)) => text.push_str(&format!(" ({least} to {most})")),
        (Some(least), None) if least != 0 => text.push_str(&format!(" (from {least})")),
        _ => {}
    }
    Kind { text, list: false, schema: None }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// OpenAPI 3.1: one type, or a list of it and `null`.
fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(name) => name,
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("any"),
        _ => "any",
    }
}

fn prose(value: &Value) -> Text<'_> {
    Text(text(value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
