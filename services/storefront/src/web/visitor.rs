//! Who asks for a page.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bookstore_proto::user::User;
use bookstore_runtime::{Call, Problem};
use bookstore_telemetry::Sensitive;
use tokio::sync::OnceCell;

use super::Web;
use super::assets;
use super::cookies::{self, Jar};
use super::stop::Stop;
use super::view::{Frame, Trace};
use crate::model::{GuestId, Owner};

/// How long a page waits for its trace to be complete, in milliseconds; and how long no span came then.
const TRACE_WAIT: &str = "wait_ms=12000&quiet_ms=2500";
/// What tokens of forms are signed for.
const PURPOSE: &str = "web form";

/// One request for a page, from its beginning.
#[derive(Debug)]
pub(super) struct Visit {
    started: Instant,
    headers: HeaderMap,
    /// Found out once, when first asked for.
    visitor: OnceCell<Visitor>,
}

impl Visit {
    pub(super) fn new(started: Instant, headers: HeaderMap) -> Self {
        Self { started, headers, visitor: OnceCell::new() }
    }

    /// Who asks.
    pub(super) async fn visitor(&self, web: &Web, call: &Call) -> Result<&Visitor, Problem> {
        self.visitor.get_or_try_init(|| Visitor::identify(web, call, &self.headers)).await
    }

    /// What the browser's cookies have to become: a guest is given one, and a session that has ended is forgotten.
    pub(super) fn cookies(&self, web: &Web) -> impl Iterator<Item = HeaderValue> {
        let secure = web.settings.secure_cookies;
        let visitor = self.visitor.get();
        let guest =
            visitor.filter(|visitor| visitor.new_guest).and_then(|visitor| Jar::Guest.set(&visitor.guest, secure));
        let session = visitor.filter(|visitor| visitor.session_ended).and_then(|_| Jar::Session.clear(secure));
        guest.into_iter().chain(session)
    }

    /// The frame of a page for this visit. What it cannot find out it leaves out.
    pub(super) async fn frame(&self, web: &Web, call: &Call, title: impl Into<String>) -> Frame {
        let visitor = self.visitor(web, call).await.ok();
        let basket = match visitor {
            Some(visitor) if !visitor.new_guest => match visitor.owner() {
                Ok(owner) => web.shop.basket_copies(call, &owner).await.unwrap_or_default(),
                Err(_) => 0,
            },
            _ => 0,
        };
        Frame {
            title: title.into(),
            assets: assets::urls(),
            query: String::new(),
            viewer: visitor.and_then(Visitor::user).map(|user| user.name.clone()),
            basket,
            csrf: visitor.map(|visitor| visitor.form_token(web)).unwrap_or_default(),
            started: self.started,
            trace: trace(web.settings.compare_url.as_deref()),
        }
    }
}

fn trace(compare_url: Option<&str>) -> Option<Trace> {
    let compare = compare_url?;
    let id = bookstore_telemetry::trace_id()?;
    Some(Trace { page: format!("{compare}/traces/{id}"), json: format!("{compare}/api/v1/traces/{id}?{TRACE_WAIT}") })
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    who: Who,
    /// The guest's token. Made now where the browser sent none.
    guest: Sensitive<String>,
    /// Whether the browser has to be told.
    new_guest: bool,
    /// Whether the browser still has the cookie of a session that has ended.
    session_ended: bool,
}

#[derive(Clone, Debug)]
enum Who {
    Guest,
    User {
        user: User,
        session: Sensitive<String>,
    },
    /// There is a session, and nobody there to say whose.
    Unknown {
        problem: Problem,
        session: Sensitive<String>,
    },
}

impl Visitor {
    async fn identify(web: &Web, call: &Call, headers: &HeaderMap) -> Result<Self, Problem> {
        let secure = web.settings.secure_cookies;
        let session = Jar::Session.read(headers, secure);
        let had_session = session.is_some();
        let who = match session {
            None => Who::Guest,
            Some(session) => match web.shop.who_is(call, &session).await {
                Ok(None) => Who::Guest,
                Ok(Some(user)) => Who::User { user, session },
                Err(problem) => Who::Unknown { problem, session },
            },
        };
        let (guest, new_guest) = match (Jar::Guest.read(headers, secure), &who) {
            (Some(guest), _) => {
                tracing::debug!(?guest, "a guest's cookie was received");
                (guest, false)
            }
            (None, Who::Guest) => (cookies::new_token()?, true),
            (None, _) => (Sensitive::default(), false),
        };
        Ok(Self { session_ended: had_session && matches!(who, Who::Guest), who, guest, new_guest })
    }

    /// Who is signed in, if anybody is known to be.
    pub(super) fn user(&self) -> Option<&User> {
        match &self.who {
            Who::User { user, .. } => Some(user),
            Who::Guest | Who::Unknown { .. } => None,
        }
    }

    /// Who is signed in; a guest is asked to sign in first and comes back to `next`.
    pub(super) fn user_or_sign_in(&self, next: &str) -> Result<&User, Stop> {
        match &self.who {
            Who::User { user, .. } => Ok(user),
            Who::Guest => Err(Stop::sign_in(next)),
            Who::Unknown { problem, .. } => Err(problem.clone().into()),
        }
    }

    /// Whose basket it is.
    pub(super) fn owner(&self) -> Result<Owner, Problem> {
        match &self.who {
            Who::User { user, .. } => Ok(Owner::User(user.id.clone())),
            Who::Guest => Ok(Owner::Guest(GuestId::of(&self.guest))),
            Who::Unknown { problem, .. } => Err(problem.clone()),
        }
    }

    /// Whether there can be nothing in the basket, since nobody came with one.
    pub(super) fn is_new(&self) -> bool {
        self.new_guest
    }

    /// The guest whose basket goes into a user's at log-in.
    pub(super) fn guest_id(&self) -> Option<GuestId> {
        (matches!(self.who, Who::Guest) && !self.new_guest).then(|| GuestId::of(&self.guest))
    }

    /// The token of the session, if there is one.
    pub(super) fn session(&self) -> Option<&Sensitive<String>> {
        match &self.who {
            Who::User { session, .. } | Who::Unknown { session, .. } => Some(session),
            Who::Guest => None,
        }
    }

    /// The token that goes with each form: whoever does not hold the cookie cannot know it.
    fn form_token(&self, web: &Web) -> String {
        let [kind, token] = self.holder();
        URL_SAFE_NO_PAD.encode(web.settings.secret.mac(PURPOSE, &[kind, token]))
    }

    /// Whether a form was made for this visitor.
    pub(super) fn owns_form(&self, web: &Web, form_token: &str) -> bool {
        let [kind, token] = self.holder();
        // A guest without a cookie was given no form.
        let held = !token.is_empty() && !self.new_guest;
        held && URL_SAFE_NO_PAD
            .decode(form_token)
            .is_ok_and(|mac| web.settings.secret.verify(PURPOSE, &[kind, token], &mac))
    }

    /// What a form is bound to.
    fn holder(&self) -> [&[u8]; 2] {
        match self.session() {
            Some(session) => [b"session", session.expose().as_bytes()],
            None => [b"guest", self.guest.expose().as_bytes()],
        }
    }
}

/// A handler's argument: the visit and who makes it.
#[derive(Clone, Debug)]
pub(super) struct Visiting {
    pub(super) visit: Arc<Visit>,
    pub(super) visitor: Visitor,
    pub(super) call: Call,
}

impl Visiting {
    /// The frame of a page.
    pub(super) async fn frame(&self, web: &Web, title: impl Into<String>) -> Frame {
        self.visit.frame(web, &self.call, title).await
    }
}

impl FromRequestParts<Web> for Visiting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Problem> {
        let call = Call::from_request_parts(parts, web).await?;
        let visit = parts.extensions.get::<Arc<Visit>>().cloned().ok_or_else(|| {
            tracing::error!("a page was asked for without passing the gate");
            Problem::internal()
        })?;
        let visitor = visit.visitor(web, &call).await?.clone();
        Ok(Self { visit, visitor, call })
    }
}
