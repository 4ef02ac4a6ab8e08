//! As much of a browser as the pages need: cookies, forms, redirects followed one at a time.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, StatusCode};

/// Somebody at a browser.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Client,
    base: String,
    cookies: BTreeMap<String, String>,
}

/// What came back.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn at(base: &str) -> Self {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, base: base.to_owned(), cookies: BTreeMap::new() }
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&mut self, path: &str, headers: &[(&'static str, &str)]) -> Page {
        let request = self.http.get(format!("{}{path}", self.base));
        self.send(request, headers).await
    }

    /// Sends a form just as given: whether its fields are on any page is not asked.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&'static str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        self.send(request, headers).await
    }

    /// Fills a form of a page in and sends it, as a browser would: hidden fields and origin with it.
    pub(crate) async fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let hidden = page.hidden(action);
        let mut all: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend_from_slice(fields);
        let origin = self.base.clone();
        self.post(action, &all, &[("origin", &origin), ("sec-fetch-site", "same-origin")]).await
    }

    /// Goes where a page sends to.
    pub(crate) async fn follow(&mut self, page: &Page) -> Page {
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
        let location = page.location().to_owned();
        self.get(&location).await
    }

    /// Opens an account and is signed in from then on.
    pub(crate) async fn register(&mut self, name: &str, email: &str) {
        let page = self.get("/register").await;
        let fields = [("name", name), ("email", email), ("password", "correct horse battery")];
        let entered = self.submit(&page, "/register", &fields).await;
        assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text);
    }

    /// Puts a book into the basket.
    pub(crate) async fn put_in_basket(&mut self, book: i64, copies: &str) -> Page {
        let page = self.get(&format!("/books/{book}")).await;
        let put = self.submit(&page, "/basket/items", &[("quantity", copies)]).await;
        self.follow(&put).await
    }

    async fn send(&mut self, request: RequestBuilder, headers: &[(&'static str, &str)]) -> Page {
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            sent.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            sent.insert(COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
        }
        let answer = request.headers(sent).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { status, headers, text: answer.text().await.unwrap() }
    }
}

impl Page {
    pub(crate) fn location(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The `Set-Cookie` of a name.
    pub(crate) fn sets(&self, name: &str) -> Option<&str> {
        let all = self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        all.into_iter().find(|text| text.starts_with(&format!("{name}=")))
    }

    /// The hidden fields of the form with this action.
    pub(crate) fn hidden(&self, action: &str) -> Vec<(String, String)> {
        let start = self.text.find(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("no form for {action}"));
        let form = &self.text[start..];
        let form = &form[..form.find("</form>").unwrap()];
        let attribute = |input: &str, name: &str| {
            let start = input.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
            input[start..].split('"').next().unwrap().to_owned()
        };
        form.split("<input ")
            .skip(1)
            .map(|input| format!(" {}", input.split('>').next().unwrap()))
            .filter(|input| input.contains(" type=\"hidden\""))
            .map(|input| (attribute(&input, "name"), attribute(&input, "value")))
            .collect()
    }

    pub(crate) fn hidden_field(&self, action: &str, name: &str) -> String {
        self.hidden(action).into_iter().find(|(field, _)| field == name).unwrap().1
    }
}
